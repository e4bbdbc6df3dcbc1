"""NEST on a benchmarked network: one thread, homogeneous synapse models, connections drawn by NEST."""

from __future__ import annotations

import os
import time
from typing import Any

from measurement import Measurement, peak_mb
from networks import Case, Cuba, Hmn

os.environ.setdefault("PYNEST_QUIET", "1")  # before the import, which prints a banner
import nest


def measure(case: Case, repeats: int, interval: float | None = None) -> Measurement:
    """Set up and run a network several times.

    Parameters
    ----------
    case : Case
    repeats : int
    interval : float, optional [ms]
        How often the dopamine signal is delivered to the synapses; NEST's default, the smallest delay, if not given.

    Returns
    -------
    Measurement
    """
    nest.verbosity = nest.VerbosityLevel.ERROR
    setup, run, cpu, peak = [], [], [], 0.0
    for _ in range(repeats):
        begun = time.perf_counter()
        nest.ResetKernel()
        nest.SetKernelStatus({"resolution": case.dt, "local_num_threads": 1, "rng_seed": case.seed})
        recorders = _cuba(case) if isinstance(case, Cuba) else _hmn(case, interval)
        nest.Prepare()
        setup.append(time.perf_counter() - begun)
        begun, begun_cpu = time.perf_counter(), time.process_time()
        nest.Run(case.duration)
        run.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - begun_cpu)
        nest.Cleanup()
        peak = peak or peak_mb()
    return Measurement(
        spikes={name: int(recorder.n_events) for name, recorder in recorders.items()},
        run=tuple(run),
        cpu=tuple(cpu),
        setup=tuple(setup),
        compilation=0.0,
        peak_mb=peak,
        versions={"NEST": nest.__version__},
        learned=_learned(case) if isinstance(case, Hmn) else None,
    )


def _cuba(case: Cuba) -> dict[str, Any]:
    """Build the CUBA network; weights in pA onto tau_m nF drive v by a thousandth of their number in mV."""
    neuron = {
        "tau_m": case.tau_m, "C_m": 1000.0 * case.tau_m, "E_L": case.v_rest, "V_th": case.v_thresh,
        "V_reset": case.v_reset, "t_ref": case.tau_refrac, "tau_syn_ex": case.tau_syn_E, "tau_syn_in": case.tau_syn_I,
        "I_e": 1000.0 * case.drive,
    }  # fmt: skip
    start = nest.random.uniform(case.v_reset, case.v_thresh)
    cells = {name: nest.Create("iaf_psc_exp", n, {**neuron, "V_m": start}) for name, n in case.sizes.items()}
    everyone = cells["E"] + cells["I"]
    rule = {"rule": "pairwise_bernoulli", "p": case.probability, "allow_autapses": True}
    for name, sign in (("E", 1.0), ("I", -1.0)):
        nest.CopyModel("static_synapse_hom_w", f"synapse_{name}", {"weight": sign * 1000.0 * case.weights[name]})
        nest.Connect(cells[name], everyone, rule, {"synapse_model": f"synapse_{name}", "delay": case.delay})
    return {name: _recorder(group) for name, group in cells.items()}


def _hmn(case: Hmn, interval: float | None) -> dict[str, Any]:
    """Build the plastic network with NEST's one eligibility trace, that of the slow timescale.

    NEST's dopamine jumps by 1 / tau_n (per ms) where ours jumps by 1, hence the factor of A.
    """
    generator = nest.Create("poisson_generator", params={"rate": case.rate})
    pre = nest.Create("parrot_neuron", case.n)
    post = nest.Create("iaf_psc_exp", case.n, {
        "tau_m": case.tau_m, "C_m": 1000.0 * case.cm, "E_L": case.v_rest, "V_m": case.v_rest, "V_th": case.v_thresh,
        "V_reset": case.v_rest, "t_ref": case.tau_refrac, "tau_syn_ex": case.tau_syn, "I_e": 1000.0 * case.i_offset,
        "tau_minus": case.tau_minus,
    })  # fmt: skip
    volume = nest.Create("volume_transmitter")
    if interval is not None:
        volume.deliver_interval = round(interval / case.delay)
    amplitude = 1000.0 * case.eta * case.tau_dopamine / 1000.0
    nest.CopyModel("stdp_dopamine_synapse", "plastic", {
        "volume_transmitter": volume, "A_plus": amplitude * case.A_plus, "A_minus": -amplitude * case.A_minus,
        "tau_plus": case.tau_plus, "tau_c": case.tau_slow, "tau_n": case.tau_dopamine, "b": 0.0,
        "Wmin": 0.0, "Wmax": 1000.0 * case.w_max,
    })  # fmt: skip
    delay = {"delay": case.delay}
    dopamine = nest.Create("spike_generator", params={"spike_times": case.release_times})
    relay = nest.Create("parrot_neuron")
    nest.Connect(generator, pre, syn_spec=delay)
    nest.Connect(dopamine, relay, syn_spec=delay)
    nest.Connect(relay, volume, syn_spec=delay)
    rule = {"rule": "pairwise_bernoulli", "p": case.probability}
    nest.Connect(pre, post, rule, {"synapse_model": "plastic", "weight": 1000.0 * case.weight, **delay})
    return {"pre": _recorder(pre), "post": _recorder(post)}


def _recorder(group: Any) -> Any:
    recorder = nest.Create("spike_recorder")
    nest.Connect(group, recorder)
    return recorder


def _learned(case: Hmn) -> float:
    """Mean weight change [pA]."""
    weights = nest.GetConnections(synapse_model="plastic").get("weight")
    return float(sum(weights)) / len(weights) - 1000.0 * case.weight
