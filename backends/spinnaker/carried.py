"""Functions that exported scripts carry along as text: what PyNN's simulators do differently, each in one place.

They need PyNN, its simulator and NumPy only. What stands in front of them is what a script defines itself.
"""

# mypy: ignore-errors

import sys

import numpy as np

sim = options = data = dt = n_steps = begin = first = chip = None
transmitters = {}
NEST_NAMES = {"v": ("V_m", 1.0), "isyn_exc": ("I_syn_ex", 1e-3), "isyn_inh": ("I_syn_in", -1e-3)}


def on_chip(**parameters):
    """Return parameters of a population that only SpiNNaker has."""
    return parameters if chip else {}


def refractory(duration):
    """Return tau_refrac [ms]; Brian2 counts the step of the spike as part of it."""
    return duration + dt if options.simulator == "brian2" else duration


def spike_times(steps, indices, size):
    """Return the times [ms] at which each of some sources sends."""
    order = np.lexsort((steps, indices))
    times = np.round((steps[order] + first) * dt, 9)
    return [each.tolist() for each in np.split(times, np.searchsorted(indices[order], np.arange(1, size)))]


def given_spikes(label, size, steps=None, indices=None):
    """Make sources of the spikes that are listed, here or in the arrays."""
    steps, indices = (data[f"{label}/steps"], data[f"{label}/indices"]) if steps is None else (steps, indices)
    if options.simulator == "brian2":
        size = max(size, 2)  # PyNN cannot give Brian2 a single source; the second one stays silent
    times = spike_times(steps, indices, size) if len(steps) else []  # sPyNNaker fails on lists that are all empty
    return sim.Population(size, sim.SpikeSourceArray(spike_times=times), label=label)


def poisson(label, size, rates, changes, seed):
    """Make Poisson sources whose rates[k] [Hz] hold from timestep changes[k] on: SpiNNaker draws them, else NumPy."""
    rates = np.broadcast_to(np.reshape(rates, (len(changes), -1)), (len(changes), size))
    ends = np.append(changes[1:], n_steps)
    if chip and len(changes) == 1:
        source = sim.SpikeSourcePoisson(rate=rates[0].tolist(), start=begin * dt, duration=n_steps * dt)
        return sim.Population(size, source, label=label, seed=seed)
    if chip:
        starts, durations = (np.tile(x * dt, (size, 1)) for x in (np.add(changes, begin), ends - changes))
        source = sim.extra_models.SpikeSourcePoissonVariable(rates=rates.T, starts=starts, durations=durations)
        return sim.Population(size, source, label=label, seed=seed)
    random, drawn = np.random.default_rng(seed), []
    for rate, start, end in zip(rates, changes, ends, strict=True):
        index = np.repeat(np.arange(size), random.poisson(rate * (end - start) * dt / 1000))
        drawn.append(np.stack([random.integers(start, end, len(index)), index]))
    steps, indices = np.unique(np.concatenate(drawn, axis=1), axis=1)
    return given_spikes(label, size, steps, indices)


def inject(cells, indices, values, make):
    """Inject make(value) into the cells of each value."""
    indices, values = np.asarray(indices), np.broadcast_to(values, (len(indices), *np.shape(values)[1:]))
    distinct, which = np.unique(values, axis=0, return_inverse=True)
    for k, value in enumerate(distinct):
        chosen = indices[which.ravel() == k]
        (cells if len(chosen) == cells.size else cells[chosen.tolist()]).inject(make(value))


def connect(label, source, target, receptor="excitatory", stdp=None, gate=None):
    """Connect cells as the arrays say: pre, post, weight [nA, or mV] and delay [timesteps]."""
    pre, post, weight = (data[f"{label}/{name}"] for name in ("pre", "post", "weight"))
    delay = np.round(data[f"{label}/delay"] * dt, 9)
    if not chip and receptor == "inhibitory":
        weight = -weight
    if options.simulator == "nest":
        return connect_in_nest(label, source, target, pre, post, weight, delay, stdp, gate)
    if options.simulator == "brian2" and len(np.unique(pre * target.size + post)) < len(pre):
        sys.exit(f"{label!r}: PyNN gives all of Brian2's synapses between two cells the last one's weight")
    if not chip and (gate or (stdp and receptor == "inhibitory")):
        sys.exit(f"{label!r}: only sPyNNaker and NEST have this plasticity; run with --simulator nest")
    synapse = mechanism(**stdp) if stdp else sim.StaticSynapse(weight=0.0, delay=dt)
    connector = sim.FromListConnector(np.column_stack([pre, post, weight, delay]))
    return sim.Projection(source, target, connector, synapse, receptor_type=receptor, label=label)


def mechanism(A_plus, A_minus, tau_plus, tau_minus, w_min, w_max, nearest=False):
    """Return STDP with A_plus and A_minus in nA, as sPyNNaker takes them; elsewhere they are relative to w_max."""
    if nearest and not chip:
        sys.exit("only sPyNNaker pairs nearest spikes; run without --simulator")
    rule = sim.extra_models.SpikeNearestPairRule if nearest else sim.SpikePairRule
    unit = 1.0 if chip else w_max
    return sim.STDPMechanism(
        timing_dependence=rule(tau_plus=tau_plus, tau_minus=tau_minus, A_plus=A_plus / unit, A_minus=A_minus / unit),
        weight_dependence=sim.AdditiveWeightDependence(w_min=w_min, w_max=w_max),
        dendritic_delay_fraction=0.0 if options.simulator == "brian2" else 1.0,  # all that each of them offers
        weight=0.0, delay=dt,
    )  # fmt: skip


def connect_in_nest(label, source, target, pre, post, weight, delay, stdp, gate):
    """Connect cells in NEST itself, which takes whole arrays where PyNN would loop over the synapses."""
    nest, unit, model = sim.nest, weight_unit(target), "static_synapse"
    if stdp:
        model = label
        plastic_in_nest(label, target, stdp, gate, unit if np.all(weight >= 0) else -unit)
    pre, post = pre.astype(np.int64) + int(source.first_id), post.astype(np.int64) + int(target.first_id)
    if len(pre):
        synapse = {"synapse_model": model, "weight": weight * unit, "delay": delay}
        nest.Connect(pre, post, "one_to_one", synapse)
    return source, target, model, unit


def weight_unit(target):
    """Return NEST's unit of weights in PyNN's: pA in nA, but mV where a spike moves the potential."""
    return 1.0 if type(target.celltype).__name__ == "IF_curr_delta" else 1000.0


def plastic_in_nest(label, target, stdp, gate, unit):
    """Define plastic synapses in NEST: stdp_synapse, or stdp_dopamine_synapse where dopamine gates them."""
    nest, target_nodes = sim.nest, target.node_collection
    if stdp.get("nearest") or (gate is None and stdp["w_min"] != 0) or (gate and unit < 0):
        sys.exit(f"{label!r}: NEST has no such plasticity; run without --simulator")
    target_nodes.set(tau_minus=stdp["tau_minus"])
    if gate is None:
        rate = max(stdp["A_plus"], 1e-12 * stdp["w_max"])  # A_minus is given in units of it
        nest.CopyModel("stdp_synapse", label, {
            "lambda": rate / stdp["w_max"], "alpha": stdp["A_minus"] / rate, "tau_plus": stdp["tau_plus"],
            "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": stdp["w_max"] * unit,
        })  # fmt: skip
        return
    if target.label not in transmitters:
        transmitters[target.label] = nest.Create("volume_transmitter")
    level = gate["weight"] * gate["tau_d"]  # a spike adds 1/tau_n to NEST's dopamine level, `weight` to SpiNNaker's
    nest.CopyModel("stdp_dopamine_synapse", label, {
        "volume_transmitter": transmitters[target.label], "tau_c": gate["tau_c"], "tau_n": gate["tau_d"], "b": 0.0,
        "A_plus": stdp["A_plus"] * level * unit, "A_minus": stdp["A_minus"] * level * unit,
        "tau_plus": stdp["tau_plus"], "Wmin": gate["w_min"] * unit, "Wmax": gate["w_max"] * unit,
    })  # fmt: skip


def modulate(label, source, target, sign, gate, weight):
    """Let every spike of a source change the dopamine level of all target cells a timestep later."""
    if chip:
        synapse = sim.extra_models.Neuromodulation(**{**gate, "weight": weight})
        connector = sim.AllToAllConnector()  # sPyNNaker 7.4.1 cannot build it from a list
        return sim.Projection(source, target, connector, synapse, receptor_type=sign, label=label)
    if sign != "reward" or weight != gate["weight"]:
        sys.exit(f"{label!r}: NEST's dopamine has one sign and weight for each target; run without --simulator")
    return sim.nest.Connect(source.node_collection, transmitters[target.label], syn_spec={"delay": dt})


def warm_up(initial):
    """Take the steps that a simulator needs before the first one, too far below the threshold for spikes."""
    for cells, values in initial.items():
        cells.initialize(v=-1e3)
        for name, value in values.items():
            if name != "v" and options.simulator == "nest":
                start_current(cells, np.negative(value) if name == "isyn_inh" else value)
    sim.run((begin - 1) * dt if options.simulator == "nest" else begin * dt)  # PyNN lets NEST run a step ahead


def start_current(cells, value):
    """Start NEST's cells with a synaptic current [nA], by a spike that arrives with the first step."""
    spike = sim.nest.Create("spike_generator", params={"spike_times": [(begin - 1) * dt]})
    weight = np.broadcast_to(value, (1, cells.size)).T * 1000.0
    sim.nest.Connect(spike, cells.node_collection, syn_spec={"weight": weight, "delay": dt})


def initialise(cells, v, **currents):
    """Set potentials [mV] and synaptic currents [nA]; NEST's currents have been started before."""
    cells.initialize(v=v, **({} if options.simulator == "nest" else currents))


def record(cells, members, variable, steps=None):
    """Record v, isyn_exc or isyn_inh of some cells, in ascending order, at the starts of timesteps."""
    if options.simulator == "nest":
        name, (start, stop) = NEST_NAMES[variable][0], steps or (0, n_steps)
        times = {"start": (begin + start - 1) * dt, "stop": (begin + stop - 1) * dt}
        meter = sim.nest.Create("multimeter", params={"record_from": [name], "interval": dt, **times})
        sim.nest.Connect(meter, cells.node_collection[list(members)], syn_spec={"delay": dt})
        return meter, cells, members, variable
    if not chip and variable != "v":
        sys.exit(f"{variable} of {cells.label!r}: only sPyNNaker and NEST record currents; leave it out")
    variable = variable.replace("isyn", "gsyn") if chip else variable
    cells[list(members)].record(variable)
    return None, cells, members, variable


def samples(recorded, chosen):
    """Return what was recorded of some cells, one row per timestep."""
    meter, cells, members, variable = recorded
    columns, rows = np.searchsorted(members, chosen), np.arange(begin, begin + n_steps)
    if meter:
        events = meter.events
        order = np.lexsort((events["senders"], events["times"]))
        name, unit = NEST_NAMES[variable]
        values = (events[name][order] * unit).reshape(-1, len(members))
        if variable == "v" and len(values) == n_steps:  # NEST sampled it before it was set
            values[0] = np.broadcast_to(cells.initial_values["v"].evaluate(), cells.size)[list(members)]
        return values[:, columns]
    values = np.asarray(cells[list(members)].get_data(variable).segments[0].analogsignals[0].magnitude)
    if not chip:
        rows[0] = 0  # PyNN keeps the initial value there
    return values[rows][:, columns] if len(values) else np.zeros((0, len(chosen)))  # a virtual board has none


def spikes(cells):
    """Return timesteps and indices of recorded spikes."""
    trains = cells.get_data("spikes", gather=sim.num_processes() == 1).segments[0].spiketrains
    times = [np.asarray(train.rescale("ms").magnitude) for train in trains]
    indices = [np.full(len(train), train.annotations["source_index"]) for train in trains]
    steps = np.rint(np.concatenate([*times, []]) / dt).astype(int) - first
    indices = np.concatenate([*indices, []]).astype(int)
    order = np.lexsort((indices, steps))
    order = order[(steps[order] >= 0) & (steps[order] < n_steps)]
    return steps[order], indices[order]


def learned(projection):
    """Return pre, post, weight and delay of plastic synapses, one row each."""
    if options.simulator == "brian2":  # PyNN's own way fails where there is one synapse
        made = projection._brian2_synapses[0][0]
        weight, delay = np.asarray(made.weight[:]) * 1e9, np.asarray(made.delay[:]) * 1e3  # A and s
        return np.column_stack([made.i[:], made.j[:], np.abs(weight), delay])
    if options.simulator != "nest":
        rows = projection.get(["weight", "delay"], "list")
        return np.array([tuple(row) for row in rows], float).reshape(-1, 4)
    source, target, model, unit = projection
    found = sim.nest.GetConnections(source.node_collection, target.node_collection, synapse_model=model)
    if not len(found):
        return np.zeros((0, 4))
    pre, post, weight, delay = (np.atleast_1d(found.get(name)) for name in ("source", "target", "weight", "delay"))
    return np.column_stack([pre - int(source.first_id), post - int(target.first_id), np.abs(weight) / unit, delay])


def record_state(cells):
    """Prepare to read the state at the end, which NEST gives of potentials only unless it is recorded."""
    if options.simulator != "nest":
        return cells
    known = [name for name, (theirs, _) in NEST_NAMES.items() if theirs in cells.node_collection[0].recordables]
    return {name: record(cells, range(cells.size), name, (n_steps, n_steps + 1)) for name in known}


def state(recorded):
    """Return potentials [mV] and, but for NEURON, synaptic currents [nA] at the end."""
    if options.simulator == "nest":
        return {name: samples(one, one[2])[0] for name, one in recorded.items()}
    if options.simulator == "brian2":
        group, known = recorded.brian2_group, recorded.celltype.state_variable_translations
        names = {ours: (one["translated_name"], one["reverse_transform"]) for ours, one in known.items()}
        values = {ours: np.asarray(back(**{name: getattr(group, name)[:]})) for ours, (name, back) in names.items()}
        return {name: value if name == "v" else np.abs(value) for name, value in values.items()}
    if options.simulator == "neuron":
        return {"v": np.array([cell._cell.seg.v for cell in recorded])}
    return {name: np.asarray(recorded.current_values[name], float) for name in recorded.current_values}
