"""Brian2's C++ standalone mode on a benchmarked network: one thread, default compiler flags, drawn by Brian2."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import brian2 as b2
import numpy as np
from measurement import Measurement, megabytes
from networks import Case, Cuba, Hmn

# A child's peak memory counts from its fork, so the program is started by a process much smaller than this one.
STARTER = """
import json, resource, subprocess, sys
output = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE, text=True).stdout
print(json.dumps([output, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""

# Brian2's own timer is of the processor only, and counts no set-up.
TIMERS = {
    "before_start": """
        const auto _now = [](clockid_t clock) {
            timespec time;
            clock_gettime(clock, &time);
            return time.tv_sec + 1e-9 * time.tv_nsec;
        };
        const double _begun = _now(CLOCK_MONOTONIC);""",
    "before_network_run": """
        const double _wall = _now(CLOCK_MONOTONIC), _cpu = _now(CLOCK_PROCESS_CPUTIME_ID);""",
    "after_network_run": """
        std::cout << _wall - _begun << ' ' << _now(CLOCK_MONOTONIC) - _wall << ' '
                  << _now(CLOCK_PROCESS_CPUTIME_ID) - _cpu << std::endl;""",
}


@dataclass(frozen=True)
class Native:
    """A network of Brian2, and what to read from it.

    Attributes
    ----------
    network : brian2.Network
    monitors : dict of str to brian2.SpikeMonitor
    synapses : brian2.Synapses, optional
        The plastic ones.
    """

    network: b2.Network
    monitors: dict[str, b2.SpikeMonitor]
    synapses: b2.Synapses | None = None


def measure(case: Case, repeats: int, form: str = "clock-driven") -> Measurement:
    """Compile a network once and run the program several times.

    Parameters
    ----------
    case : Case
    repeats : int
    form : "clock-driven", "expanded" or "event-driven"
        How the synapses of a plastic network are updated; "expanded" is clock-driven with the gate's cosine of a
        difference written as products, so that no synapse computes a cosine.

    Returns
    -------
    Measurement
    """
    b2.set_device("cpp_standalone", build_on_run=False)
    device = b2.get_device()
    try:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            b2.seed(case.seed)
            b2.defaultclock.dt = case.dt * b2.ms
            native = _cuba(case) if isinstance(case, Cuba) else _hmn(case, form)
            for slot, code in TIMERS.items():
                device.insert_code(slot, code)
            native.network.run((case.duration + case.dt) * b2.ms)  # the last tick lies at the start of one more step
            device.build(directory=folder, compile=True, run=False, with_output=False)
            compilation = time.perf_counter() - begun
            setup, run, cpu, peaks = zip(*(_run_program(folder) for _ in range(repeats)), strict=True)
            device.has_been_run = True  # by us: what it wrote may be read
            return Measurement(
                spikes={name: int(monitor.num_spikes) for name, monitor in native.monitors.items()},
                run=run,
                cpu=cpu,
                setup=setup,
                compilation=compilation,
                peak_mb=peaks[0],
                versions={"Brian2": b2.__version__},
                learned=None if native.synapses is None else 1000.0 * float(np.mean(native.synapses.w - case.weight)),
            )
    finally:
        device.reinit()
        b2.devices.reset_device()


def _run_program(folder: str) -> tuple[float, float, float, float]:
    """Run the compiled program; return its set-up [s], its simulation [s, and s of the processor], its peak [MB]."""
    command = [sys.executable, "-I", "-S", "-c", STARTER, "./main"]
    output, max_rss = json.loads(subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout)
    setup, run, cpu = (float(word) for word in output.split())
    return setup, run, cpu, megabytes(max_rss)


def _cuba(case: Cuba) -> Native:
    """Build the CUBA network; currents are in mV, as in Brian2's example."""
    sizes = case.sizes
    cells = b2.NeuronGroup(
        case.n,
        """dv/dt = (g_E + g_I + v_rest + drive - v) / tau_m : volt (unless refractory)
           dg_E/dt = -g_E / tau_E : volt
           dg_I/dt = -g_I / tau_I : volt""",
        threshold="v > v_thresh",
        reset="v = v_reset",
        refractory=(case.tau_refrac + case.dt) * b2.ms,  # Brian2 counts the step of the spike
        method="exact",
        namespace={
            "v_rest": case.v_rest * b2.mV, "v_thresh": case.v_thresh * b2.mV, "v_reset": case.v_reset * b2.mV,
            "drive": case.drive * b2.mV, "tau_m": case.tau_m * b2.ms, "tau_E": case.tau_syn_E * b2.ms,
            "tau_I": case.tau_syn_I * b2.ms,
        },
    )  # fmt: skip
    cells.v = "v_reset + rand() * (v_thresh - v_reset)"
    groups = {"E": cells[: sizes["E"]], "I": cells[sizes["E"] :]}
    network, monitors = b2.Network(cells), {}
    for name, action in (("E", "g_E += weight"), ("I", "g_I -= weight")):
        weight = {"weight": case.weights[name] * b2.mV}
        synapses = b2.Synapses(groups[name], cells, on_pre=action, delay=case.delay * b2.ms, namespace=weight)
        synapses.connect(p=case.probability)
        monitors[name] = b2.SpikeMonitor(groups[name])
        network.add(groups[name], synapses, monitors[name])
    return Native(network, monitors)


def _hmn(case: Hmn, form: str) -> Native:
    """Build the plastic network; weights and currents are plain numbers in nA."""
    pre = b2.PoissonGroup(case.n, rates=case.rate * b2.Hz)
    post = b2.NeuronGroup(
        case.n,
        """dv/dt = (v_rest - v + R * (i_exc + i_offset)) / tau_m : volt (unless refractory)
           di_exc/dt = -i_exc / tau_syn : 1""",
        threshold="v > v_thresh",
        reset="v = v_rest",
        refractory=(case.tau_refrac + case.dt) * b2.ms,  # Brian2 counts the step of the spike
        method="exact",
        namespace={
            "v_rest": case.v_rest * b2.mV, "v_thresh": case.v_thresh * b2.mV, "R": case.tau_m / case.cm * b2.mV,
            "i_offset": case.i_offset, "tau_m": case.tau_m * b2.ms, "tau_syn": case.tau_syn * b2.ms,
        },
    )  # fmt: skip
    post.v = case.v_rest * b2.mV
    synapses = _event_driven(case, pre, post) if form == "event-driven" else _clock_driven(case, pre, post, form)
    synapses.connect(p=case.probability)
    synapses.w = case.weight
    if case.gated:
        synapses.phase = f"2 * pi * floor({case.n_bins} * rand()) / {case.n_bins}"
        if form == "expanded":
            synapses.cos_phase, synapses.sin_phase = "cos(phase)", "sin(phase)"
    monitors = {"pre": b2.SpikeMonitor(pre), "post": b2.SpikeMonitor(post)}
    return Native(b2.Network(pre, post, synapses, *monitors.values()), monitors, synapses)


# The equations of a gate of each form; hmn_snn rounds the phases to bins, so these are drawn from the bins.
GATES = {
    None: "gate = 1 : 1",
    "clock-driven": """phase : 1
                       gate = clip(cos(2 * pi * theta * t - phase), 0, 1) : 1""",
    "expanded": """phase : 1
                   cos_phase : 1
                   sin_phase : 1
                   gate = clip(cos(2 * pi * theta * t) * cos_phase + sin(2 * pi * theta * t) * sin_phase, 0, 1) : 1""",
}


def _clock_driven(case: Hmn, pre: Any, post: Any, form: str) -> b2.Synapses:
    """Make synapses that integrate their eligibility and their pending change every step, whatever gates it."""
    steps = np.arange(round(case.duration / case.dt) + 1) * case.dt
    level = np.ones(len(steps))
    if case.dopamine == "phasic":
        since = [np.maximum(steps - t, 0.0) for t in case.release_times]
        level = sum(np.where(s > 0.0, np.exp(-s / case.tau_dopamine), 0.0) for s in since)
    synapses = b2.Synapses(
        pre,
        post,
        GATES[form if case.gated else None]
        + """
           w : 1
           dx/dt = -x / tau_plus : 1 (event-driven)
           dy/dt = -y / tau_minus : 1 (event-driven)
           dpsi_fast/dt = -psi_fast / tau_fast : 1 (clock-driven)
           dpsi_slow/dt = -psi_slow / tau_slow : 1 (clock-driven)
           dpending/dt = eta * dopamine(t) * gate * (psi_fast + psi_slow) : 1 (clock-driven)""",
        on_pre="""i_exc_post += w
                  psi_fast += kappa_fast * A_minus * y
                  psi_slow += kappa_slow * A_minus * y
                  x += 1""",
        on_post="""psi_fast += kappa_fast * A_plus * x
                   psi_slow += kappa_slow * A_plus * x
                   y += 1""",
        delay={"pre": case.delay * b2.ms},
        method="euler",
        namespace={**_constants(case), "dopamine": b2.TimedArray(level, dt=case.dt * b2.ms)},
    )
    synapses.run_regularly("w = clip(w + pending, 0, w_max); pending = 0", dt=case.tick * b2.ms)
    return synapses


def _event_driven(case: Hmn, pre: Any, post: Any) -> b2.Synapses:
    """Make synapses that work at spikes and ticks only, which is exact for a constant factor and no gate.

    What a trace contributed since the last tick is tau times its jumps less its growth since then: nothing needs to
    be integrated in between.
    """
    if case.gated or case.dopamine != "tonic":
        raise ValueError("event-driven synapses cannot follow a gate, or a dopamine level that changes")
    synapses = b2.Synapses(
        pre,
        post,
        """w : 1
           jumps : 1
           origin_fast : 1
           origin_slow : 1
           dx/dt = -x / tau_plus : 1 (event-driven)
           dy/dt = -y / tau_minus : 1 (event-driven)
           dpsi_fast/dt = -psi_fast / tau_fast : 1 (event-driven)
           dpsi_slow/dt = -psi_slow / tau_slow : 1 (event-driven)""",
        on_pre="""i_exc_post += w
                  jumps += A_minus * y
                  psi_fast += kappa_fast * A_minus * y
                  psi_slow += kappa_slow * A_minus * y
                  x += 1""",
        on_post="""jumps += A_plus * x
                   psi_fast += kappa_fast * A_plus * x
                   psi_slow += kappa_slow * A_plus * x
                   y += 1""",
        delay={"pre": case.delay * b2.ms},
        namespace=_constants(case),
    )
    synapses.run_regularly(
        """now_fast = psi_fast * exp((lastupdate - t) / tau_fast)
           now_slow = psi_slow * exp((lastupdate - t) / tau_slow)
           fast = tau_fast * (origin_fast + kappa_fast * jumps - now_fast)
           slow = tau_slow * (origin_slow + kappa_slow * jumps - now_slow)
           w = clip(w + eta * (fast + slow), 0, w_max)
           origin_fast = now_fast
           origin_slow = now_slow
           jumps = 0""",
        dt=case.tick * b2.ms,
    )
    return synapses


def _constants(case: Hmn) -> dict[str, Any]:
    return {
        "A_plus": case.A_plus, "A_minus": case.A_minus, "kappa_fast": 1.0 - case.kappa_slow,
        "kappa_slow": case.kappa_slow, "tau_plus": case.tau_plus * b2.ms, "tau_minus": case.tau_minus * b2.ms,
        "tau_fast": case.tau_fast * b2.ms, "tau_slow": case.tau_slow * b2.ms, "eta": case.eta * b2.Hz,
        "w_max": case.w_max, "theta": case.theta * b2.Hz,
    }  # fmt: skip
