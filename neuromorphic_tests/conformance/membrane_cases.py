"""Cases about neurons, fixed synapses, delays and inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn.network import Network

from .case import case, given, started

STRONG = 10.0  # nA: one spike fires a neuron at rest, more than once


def driven(cell: hs.LIF, low: float = 0.5, high: float = 1.5, **projection: Any) -> Network:
    """Return four neurons under Poisson excitation and a little inhibition."""
    net, stim = started()
    cells = net.add(hs.Population(4, cell, name="cells", initial_values={"v": hs.Uniform(-64.0, -56.0)}))
    settings = {"weight": hs.Uniform(low, high), "delay": 1.5, **projection}
    net.add(hs.Projection(stim, cells, hs.AllToAll(), **settings))
    net.add(hs.Projection(stim[:3], cells, hs.AllToAll(), weight=0.3 * low, delay=0.1, receptor="inhibitory"))
    return net


def delayed(delay: float, dt: float = 0.1) -> Network:
    """Return a neuron that one synapse makes fire."""
    net, stim = given([5.0, 12.0, 30.0], dt=dt)
    cells = net.add(hs.Population(1, hs.LIF(), name="cells"))
    net.add(hs.Projection(stim, cells, hs.OneToOne(), weight=STRONG, delay=delay))
    return net


# Synapses and delays


@case(min_spikes=3)
def one_synapse() -> Network:
    """When does a neuron fire after a spike at its only synapse, and what are v and the current in between?"""
    net = delayed(1.0)
    net.record(net["cells"], ("v", "i_exc"))
    return net


@case(min_spikes=3)
def delay_of_one_step() -> Network:
    """Does a spike with the shortest delay arrive a step later?"""
    return delayed(0.1)


@case(min_spikes=3)
def delay_of_two_steps() -> Network:
    """Does a spike with a delay of two steps arrive two steps later?"""
    return delayed(0.2)


@case(min_spikes=3, duration=60.0)
def long_delay() -> Network:
    """Is a spike kept in flight for hundreds of steps, beside others with a delay of one?"""
    net, stim = given([5.0, 12.0, 30.0], [5.1, 24.9])
    cells = net.add(hs.Population(2, hs.LIF(), name="cells"))
    for k, delay in enumerate((25.0, 0.1)):
        net.add(hs.Projection(stim[k : k + 1], cells[k : k + 1], hs.OneToOne(), weight=STRONG, delay=delay))
    return net


@case(min_spikes=4)
def spikes_at_the_start() -> Network:
    """Do spikes at 0 ms arrive after their delays, even of one step, and are they no part of the results?"""
    net, stim = given([0.0, 12.0], [0.0], [5.0])
    cells = net.add(hs.Population(3, hs.LIF(), name="cells"))
    for k, delay in enumerate((0.1, 2.0)):
        net.add(hs.Projection(stim[k:], cells[k:], hs.OneToOne(), weight=STRONG, delay=delay, name=f"after {delay} ms"))
    return net


@case(min_spikes=20)
def many_delays() -> Network:
    """Has every synapse of a projection a delay of its own?"""
    return driven(hs.LIF(), delay=hs.Uniform(0.1, 20.0))


@case(min_spikes=3)
def delay_off_the_grid() -> Network:
    """Is a delay that is no multiple of dt rounded, and said to be?"""
    return delayed(0.333)


@case(min_spikes=5)
def weights_off_the_grid() -> Network:
    """What becomes of weights over five orders of magnitude, none of which has few digits in any base?"""
    net, stim = started(rate=200.0, n=6)
    cells = net.add(hs.Population(1, hs.LIF(), name="cells"))
    weights = np.array([np.pi, 1 / 3, np.e / 10, np.pi / 70, 1e-3 / 7, 1e-4 / 3])
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=weights, delay=0.7))
    return net


@case(min_spikes=10)
def inhibition() -> Network:
    """Does the inhibitory receptor subtract a current of its own?"""
    net, stim = started()
    cells = net.add(hs.Population(2, hs.LIF(tau_syn_I=8.0), name="cells"))
    for receptor, weight in (("excitatory", 2.0), ("inhibitory", 0.8)):
        net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=weight, receptor=receptor, name=receptor))
    net.record(cells, ("v", "i_exc", "i_inh"))
    return net


@case(min_spikes=20)
def recurrent_loop() -> Network:
    """Does a spike travel on around a ring of neurons?"""
    net, stim = given([2.0])
    cells = net.add(hs.Population(4, hs.LIF(tau_refrac=3.0), name="cells"))
    net.add(hs.Projection(stim, cells[:1], hs.AllToAll(), weight=2 * STRONG))
    ring = hs.FromArrays(np.arange(4), (np.arange(4) + 1) % 4)
    net.add(hs.Projection(cells, cells, ring, weight=2 * STRONG, delay=0.5, name="ring"))
    return net


@case(min_spikes=20)
def delta_synapses() -> Network:
    """Is an arrival at a delta synapse added to v at once, and ignored while the neuron is refractory?"""
    return driven(hs.LIF(tau_syn_E=0.0, tau_syn_I=0.0, tau_refrac=3.0), 1.0, 4.0)


@case(min_spikes=20)
def equal_time_constants() -> Network:
    """Is the limit of equal membrane and synaptic time constants taken?"""
    return driven(hs.LIF(tau_m=5.0, tau_syn_E=5.0, cm=0.2))


# Neurons


@case(min_spikes=1, duration=20.0, at_threshold=True)
def v_exactly_at_threshold() -> Network:
    """Does a potential that equals the threshold spike, and one that is the next number below it not?"""
    net = hs.Network("case", dt=0.1, seed=3)
    for name, threshold in (("at", -50.0), ("below", np.nextafter(-50.0, 0.0))):
        net.add(hs.Population(1, hs.LIF(v_rest=-50.0, v_thresh=threshold), name=name))
    return net


@case(min_spikes=20)
def refractory_period() -> Network:
    """Is v held at reset, for 30 steps and for one, while the currents go on?"""
    net, stim = started()
    for name, period in (("cells", 3.0), ("brief", 0.1)):
        cells = net.add(hs.Population(2, hs.LIF(tau_m=10.0, cm=0.5, tau_refrac=period), name=name))
        net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=1.0))
        net.record(cells, ("v", "i_exc"), every=0.3)
    return net


@case(min_spikes=20)
def reset_by_subtraction() -> Network:
    """Is what exceeds the threshold kept?"""
    return driven(hs.LIF(tau_syn_E=0.0, reset="subtract"), 5.0, 20.0)


@case(min_spikes=20)
def reset_by_subtraction_and_refractory() -> Network:
    """Where is v held after a reset by subtraction?"""
    return driven(hs.LIF(tau_syn_E=0.0, tau_refrac=1.0, reset="subtract", v_reset=-60.0), 5.0, 20.0)


@case(min_spikes=10)
def heterogeneous_neurons() -> Network:
    """Has every neuron parameters of its own?"""
    cell = hs.LIF(
        tau_m=hs.Uniform(8.0, 25.0),
        cm=np.array([0.5, 0.6, 0.7, 0.8]),
        v_thresh=np.array([-50.0, -52.0, -51.0, -53.0]),
        tau_refrac=np.array([0.0, 1.0, 2.0, 0.1]),
        tau_syn_E=np.array([3.0, 4.0, 5.0, 6.0]),
        sigma=np.array([0.0, 1.0, 2.0, 0.0]),
    )
    return driven(cell)


@case(min_spikes=10)
def heterogeneous_thresholds() -> Network:
    """Has every neuron a threshold, a rest and a capacity of its own, with time constants that they share?"""
    cell = hs.LIF(
        tau_m=12.0,
        cm=np.array([0.5, 0.6, 0.7, 0.8]),
        v_rest=np.array([-65.0, -63.0, -66.0, -62.0]),
        v_thresh=np.array([-50.0, -52.0, -51.0, -53.0]),
    )
    return driven(cell)


@case(min_spikes=5)
def membrane_noise() -> Network:
    """Is the keyed noise added to v, and the threshold corrected for the step?"""
    net = hs.Network("case", dt=0.1, seed=3)
    net.add(hs.Population(3, hs.LIF(tau_m=5.0, cm=0.25, i_offset=0.7, sigma=3.0, noise_correction=True), name="cells"))
    return net


@case(min_spikes=10)
def homeostatic_bias() -> Network:
    """Does the bias rise with time and fall with spikes?"""
    net = driven(hs.LIF(target_rate=40.0, eta_bias=0.5))
    net.record(net["cells"], "bias", every=0.5)
    return net


# Inputs


@case(min_spikes=10)
def injected_currents() -> Network:
    """Do constant, stepped and sampled currents add up in the neurons that they are for?"""
    net = hs.Network("case", dt=0.1, seed=3)
    cells = net.add(hs.Population(5, hs.LIF(tau_m=10.0, cm=0.5), name="cells"))
    samples = np.random.default_rng(0).normal(0.8, 0.5, (10, 3))
    net.add(hs.CurrentInput(cells, hs.Steps([10.0, 30.0, 40.0], [0.9, 1.4, 0.3]), name="steps"))
    net.add(hs.CurrentInput(cells[1:4], hs.Steps.from_samples(samples, 5.0), name="samples"))
    net.add(hs.CurrentInput(cells[4], 0.8, name="constant"))
    return net


@case(min_spikes=10, duration=80.0)
def poisson_inputs() -> Network:
    """Do keyed Poisson sources fire at their own rates, and at rates that change, to nothing too?"""
    net, stim = started(n=3, rate=np.array([10.0, 50.0, 200.0]))
    stepped = net.add(hs.PoissonInput(8, rate=hs.Steps([0.0, 30.0, 50.0], [50.0, 0.0, 150.0]), name="stepped"))
    cells = net.add(hs.Population(3, hs.LIF(tau_refrac=1.0), name="cells"))
    for k, source in enumerate((stim, stepped)):
        net.add(hs.Projection(source, cells, hs.AllToAll(), weight=3.0, delay=0.1 * (k + 1)))
    return net


@case(min_spikes=10)
def given_spikes() -> Network:
    """Are given spikes fired on the grid, those of one step once, and the first step's too?"""
    net, stim = given([0.1, 5.0, 5.04, 30.0], [], [7.3, 40.0, 40.1])
    cells = net.add(hs.Population(3, hs.LIF(tau_refrac=1.0), name="cells"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=STRONG, delay=0.1))
    return net


# Nothing


@case(min_spikes=0, duration=20.0)
def silence() -> Network:
    """EMPTY: is there a result when nothing fires?"""
    net, stim = given([], [])
    cells = net.add(hs.Population(2, hs.LIF(i_offset=0.2), name="cells"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.5))
    return net


@case(min_spikes=5, duration=30.0)
def empty_groups() -> Network:
    """EMPTY in parts: do groups without members and projections without synapses run beside real ones?"""
    net, stim = started()
    none, cells = net.add(hs.Population(0, name="none")), net.add(hs.Population(2, name="cells"))
    silent = net.add(hs.PoissonInput(0, rate=10.0, name="silent"))
    level = net.add(hs.Modulator(name="level", tonic=0.4))
    rule = hs.HMNRule(eta_l=1.0, tick=10.0, modulators=[level])
    into_nothing = net.add(hs.Projection(stim, none, hs.AllToAll(), weight=0.5, plasticity=rule))
    net.add(hs.Projection(none, cells, hs.AllToAll(), weight=0.5))
    net.add(hs.Projection(silent, cells, hs.AllToAll(), weight=0.5, plasticity=rule))
    unconnected = net.add(hs.Projection(stim, cells, hs.FixedProbability(0.0), weight=0.5, plasticity=rule))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=1.0, name="real"))
    net.record(none, "v")
    net.record(into_nothing, ("weight", "G"))
    net.record(unconnected, ("pending", "G"), every=0.5)
    return net
