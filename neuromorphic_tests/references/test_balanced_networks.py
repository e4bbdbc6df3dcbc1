"""Balanced random networks: Brunel's sparse network (R12) and the CUBA network (R13), against NEST, Brian2 and theory.

R12: Brunel, J. Comput. Neurosci. 8, 183 (2000): 12 500 LIF neurons with delta synapses; states B and C of his figure 8,
with what NEST 3.10 gives for them. R13: Vogels & Abbott, J. Neurosci. 25, 10786 (2005), as in Brian2's CUBA example,
with what that script gives over three seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.signal import welch

import hmn_snn as hs
from hmn_snn.lowering import lower
from hmn_snn.results import Spikes

# R12

N, C_E, J = 12_500, 1000, 0.1  # neurons, excitatory inputs of each, mV
CELL = {"tau_m": 20.0, "tau_refrac": 2.0, "v_thresh": 20.0, "v_reset": 10.0}
PER_RATE = J * C_E * CELL["tau_m"] / 1e3  # mV of mean potential per Hz of a neuron's excitatory inputs
STATES = {"B": (6.0, 4.0), "C": (5.0, 2.0)}  # g, eta
THEORY = {"B": 55.84, "C": 37.95}  # Hz
NEST_RATE = {"B": 58.07, "C": 37.67}
NEST_CV = {"B": 0.85, "C": 0.41}
# In state B the oscillation comes and goes: over 1 s three seeds give 0.79, 0.87 and 0.89 in NEST.
CV_TOLERANCE = {"B": 0.12, "C": 0.05}
NEST_PEAK = 176.0  # Hz, of the population's activity in state B


def external_rate(eta: float) -> float:
    """Return Brunel's nu_ext [Hz]: eta times the rate at which C_E inputs alone bring the mean to the threshold."""
    return eta * CELL["v_thresh"] / PER_RATE


def drive(rate: float, g: float, eta: float) -> tuple[float, float]:
    """Return mean and standard deviation of the free potential at a rate of the network (his equations 4 and 5)."""
    external = external_rate(eta)
    variance = PER_RATE * J * (external + rate * (1.0 + g * g / 4.0)) / 2.0
    return PER_RATE * (external + rate * (1.0 - g / 4.0)), np.sqrt(variance)


def mean_field_rate(g: float, eta: float) -> float:
    """Return the rate at which the network drives itself [Hz]."""
    return brentq(lambda rate: hs.siegert(*drive(rate, g, eta), **CELL) - rate, 10.0, 200.0)


def brunel(g: float, eta: float, shrink: int) -> hs.Network:
    """Return Brunel's network; external spikes, 2 to 4 per step and neuron, as their diffusion (noise of 0.1 mV jumps).

    A smaller network has neurons and synapses per neuron divided by ``shrink``. Weights times its square root keep the
    input's variance; what the recurrent mean loses at the theory's rate is made up for by a constant current
    (van Vreeswijk & Sompolinsky, Neural Comput. 10, 1321, 1998; van Albada, Helias & Diesmann, PLoS Comput. Biol. 11,
    e1004490, 2015). This keeps rates and irregularity, but not the loop's gain, on which oscillations depend.
    """
    n, c, weight = N // shrink, C_E // shrink, J * np.sqrt(shrink)
    external, sigma = PER_RATE * external_rate(eta), np.sqrt(PER_RATE * J * external_rate(eta) / 2.0)
    lost = PER_RATE * mean_field_rate(g, eta) * (1.0 - g / 4.0) * (1.0 - 1.0 / np.sqrt(shrink))
    cell = hs.LIF(
        v_rest=0.0, cm=CELL["tau_m"], tau_syn_E=0.0, tau_syn_I=0.0, i_offset=external + lost, sigma=sigma, **CELL
    )
    net = hs.Network("Brunel", dt=0.1, seed=1)
    cells = net.add(hs.Population(n, cell, name="cells", initial_values={"v": hs.Uniform(0.0, 20.0)}))
    excitatory, inhibitory = cells[: n * 4 // 5], cells[n * 4 // 5 :]
    for source, fan_in, jump, receptor in (
        (excitatory, c, weight, "excitatory"), (inhibitory, c // 4, g * weight, "inhibitory")
    ):  # fmt: skip
        connector = hs.FixedNumberPre(fan_in, with_replacement=True)
        net.add(hs.Projection(source, cells, connector, weight=jump, delay=1.5, receptor=receptor, name=receptor))
    return net


def settled(state: str, shrink: int, until: float) -> Spikes:
    """Return the spikes after 200 ms; their times count from there."""
    spikes = hs.run(brunel(*STATES[state], shrink), until).spikes["cells"].between(200.0, until)
    return Spikes(spikes.t - 200.0, spikes.i, spikes.size)


def assert_like_nest(state: str, spikes: Spikes, duration: float) -> None:
    """Compare rate and coefficient of variation with NEST's."""
    assert spikes.rate(0.0, duration) == pytest.approx(NEST_RATE[state], rel=0.05)
    assert spikes.isi_cv() == pytest.approx(NEST_CV[state], abs=CV_TOLERANCE[state])


@pytest.mark.parametrize("state", STATES)
def test_r12_mean_field_rates_of_brunel_2000(state):
    assert mean_field_rate(*STATES[state]) == pytest.approx(THEORY[state], abs=0.005)


def test_r12_brunel_2000_state_c_scaled_to_2500_neurons_against_nest_3_10():
    spikes = settled("C", 5, 700.0)
    assert_like_nest("C", spikes, 500.0)
    assert spikes.rate(0.0, 500.0) == pytest.approx(THEORY["C"], rel=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
def test_r12_brunel_2000_with_12500_neurons_against_nest_3_10(state):
    spikes = settled(state, 1, 1200.0)
    assert_like_nest(state, spikes, 1000.0)
    if state == "B":
        activity, _ = np.histogram(spikes.t, np.arange(0.0, 1000.5, 0.5) + 0.05)
        frequency, power = welch(activity - activity.mean(), fs=2000.0, nperseg=500)
        assert frequency[np.argmax(power)] == pytest.approx(NEST_PEAK, rel=0.05)


# R13

N_E, N_I, W_E, W_I = 3200, 800, 1.62, 9.0
CUBA = {"tau_m": 20.0, "tau_syn_E": 5.0, "tau_syn_I": 10.0, "v_rest": -49.0, "v_thresh": -50.0, "v_reset": -60.0}
# Brian2's example over three seeds, in the first second. One seed differs from another by 5 % (standard deviation).
BRIAN2_RANGES = {"E": (5.4, 6.25), "I": (5.5, 5.7), "CV of E": (0.59, 0.60), "spikes": (22_078, 24_611)}
EQUATIONS = """
dv/dt  = (ge + gi - (v - El)) / taum : volt (unless refractory)
dge/dt = -ge / taue : volt
dgi/dt = -gi / taui : volt
"""


def cuba(seed: int) -> hs.Network:
    """Return the CUBA network; a capacitance of tau_m makes 1 nA drive v by 1 mV."""
    net = hs.Network("CUBA", dt=0.1, seed=seed)
    cell = hs.LIF(cm=CUBA["tau_m"], tau_refrac=5.0, **CUBA)
    cells = net.add(hs.Population(N_E + N_I, cell, name="cells", initial_values={"v": hs.Uniform(-60.0, -50.0)}))
    for source, weight, receptor in ((cells[:N_E], W_E, "excitatory"), (cells[N_E:], W_I, "inhibitory")):
        connector = hs.FixedProbability(0.02)
        net.add(hs.Projection(source, cells, connector, weight=weight, delay=0.1, receptor=receptor, name=receptor))
    return net


@pytest.fixture
def brian2(monkeypatch):
    """Brian2 itself, with its numpy target; nothing of our translator."""
    module = pytest.importorskip("brian2")
    monkeypatch.setitem(module.prefs, "codegen.target", "numpy")
    return module


def script(b2, refractory: float, until: float, connect: Mapping[str, Mapping], v: object, delay: float) -> Spikes:
    """Run Brian2's CUBA example and return its spikes, each at the end of its step as ours are."""
    ms, mV = b2.ms, b2.mV
    constants = {"taum": 20 * ms, "taue": 5 * ms, "taui": 10 * ms, "Vt": -50 * mV, "Vr": -60 * mV, "El": -49 * mV}
    constants |= {"we": 60 * 0.27 / 10 * mV, "wi": -20 * 4.5 / 10 * mV}
    clock = b2.Clock(0.1 * ms)
    cells = b2.NeuronGroup(
        N_E + N_I, EQUATIONS, threshold="v > Vt", reset="v = Vr", refractory=refractory * ms, method="exact",
        namespace=constants, clock=clock,
    )  # fmt: skip
    cells.v = v
    network = b2.Network(cells)
    for action, ends in connect.items():
        synapses = b2.Synapses(cells, cells, on_pre=action, delay=delay * ms, namespace=constants, clock=clock)
        synapses.connect(**ends)
        network.add(synapses)
    monitor = b2.SpikeMonitor(cells)
    network.add(monitor)
    network.run(until * ms)
    return Spikes(np.rint(monitor.t / clock.dt + 1) * 0.1, np.asarray(monitor.i), N_E + N_I)


def figures(spikes: Spikes) -> dict[str, float]:
    """Return what is compared: rates [Hz], CV (with n - 1, neurons of four or more spikes), number of spikes."""
    excitatory, inhibitory = spikes.i < N_E, spikes.i >= N_E
    order = np.lexsort((spikes.t, spikes.i))
    trains = np.split(spikes.t[order], np.cumsum(spikes.counts)[:-1])[:N_E]
    intervals = [np.diff(train) for train in trains if len(train) >= 4]
    return {
        "E": excitatory.sum() / N_E,
        "I": inhibitory.sum() / N_I,
        "CV of E": float(np.mean([x.std(ddof=1) / x.mean() for x in intervals])),
        "spikes": len(spikes),
    }


def mean_figures(runs: list[Spikes]) -> dict[str, float]:
    each = [figures(spikes) for spikes in runs]
    return {name: float(np.mean([found[name] for found in each])) for name in each[0]}


def assert_in_ranges(found: Mapping[str, float]) -> None:
    """Means over seeds lie in the ranges of the reference; the CV, given to two digits, to one in the second."""
    for name, (low, high) in BRIAN2_RANGES.items():
        rounding = 0.01 if name == "CV of E" else 0.0
        assert low - rounding <= found[name] <= high + rounding, name


@lru_cache
def our_figures() -> dict[str, float]:
    return mean_figures([hs.run(cuba(seed), 1000.0).spikes["cells"] for seed in range(10)])


def test_r13_rates_and_cv_of_cuba_lie_in_the_ranges_of_brian2s_example():
    assert_in_ranges(our_figures())


@pytest.mark.parametrize("seed", [1, 2])
def test_r13_cuba_gives_the_same_spikes_as_brian2s_script_with_the_same_arrays(brian2, seed):
    """Well beyond 100 ms; at some time a rounding error makes a spike come a step earlier, and chaos does the rest."""
    net, until = cuba(seed), 200.0
    lowered = lower(net)
    ends = [{"i": p.source_index, "j": p.target_index} for p in lowered.projections]
    connect = dict(zip(("ge += we", "gi += wi"), ends, strict=True))
    v = lowered.populations[0].initial["v"] * brian2.mV
    # Brian2 counts the step of the spike as refractory.
    theirs = script(brian2, 5.1, until, connect, v, delay=0.1)
    ours = hs.run(net, until).spikes["cells"]
    assert len(ours) > 4000
    assert np.array_equal(np.rint(ours.t / 0.1), np.rint(theirs.t / 0.1))
    assert np.array_equal(ours.i, theirs.i)


@pytest.mark.slow
def test_r13_brian2s_own_cuba_example_gives_the_same_rates_and_cv(brian2):
    """Its own draws, no delay, and its own way to count refractory steps: the same to what seeds differ by."""
    connect = {"ge += we": {"condition": "i < 3200", "p": 0.02}, "gi += wi": {"condition": "i >= 3200", "p": 0.02}}
    theirs = []
    for seed in (1, 2, 3):
        brian2.seed(seed)
        theirs.append(script(brian2, 5.0, 1000.0, connect, "Vr + rand() * (Vt - Vr)", delay=0.0))
    found = mean_figures(theirs)
    assert_in_ranges(found)
    ours = our_figures()
    assert ours == pytest.approx({**found, "CV of E": ours["CV of E"]}, rel=0.05)
    assert ours["CV of E"] == pytest.approx(found["CV of E"], abs=0.02)
