"""Functions that exported scripts carry along as text: keyed random numbers, Poisson inputs, shared variables.

They need nothing but NumPy and Brian2, and their docstrings are short because readers of a script meet them too.
"""

import numpy as np

from .environment import brian2 as b2


def mix(z):
    """Scramble 64-bit integers: one step of splitmix64 (Steele, Lea & Flood, OOPSLA 2014)."""
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(key, entity, index):
    """Return numbers in (0, 1) that depend on a stream's key, an entity and an index, and on nothing else."""
    entity, index = np.atleast_1d(entity).astype(np.uint64), np.asarray(index).astype(np.uint64)
    bits = mix(mix(np.uint64(key) ^ entity) ^ index)
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def normal(key, entity, index):
    """Return standard normal numbers (Box & Muller 1958, the cosine branch)."""
    u_1, u_2 = uniform(key, entity, 2 * index), uniform(key, entity, 2 * index + 1)
    return np.sqrt(-2.0 * np.log(u_1)) * np.cos(2.0 * np.pi * u_2)


def keyed(draw, key):
    """Return a function of (entity, index) for Brian2's code."""

    def sample(entity, index):
        return draw(key, entity, index)

    types = {"arg_types": ["integer", "integer"], "return_type": "float"}
    return b2.Function(sample, arg_units=[1, 1], return_unit=1, **types)


def poisson(key, n, rates, changes, n_steps, dt_s):
    """Return steps and sources of the spikes of n Poisson sources whose rates[k] [Hz] hold from step changes[k] on.

    A source spikes in the steps in which the integral of its rate passes one of S_k = sum_{m<=k} -ln u(source, m).
    """
    steps, sources = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for source, rate in enumerate(np.broadcast_to(rates, (len(changes), n)).T):
        integral = np.zeros(n_steps + 1)
        for k, first in enumerate(changes):
            if first < n_steps and (k == 0 or rate[k] != rate[k - 1]):
                integral[first:] = integral[first] + rate[k] * (np.arange(n_steps + 1 - first) * dt_s)
        count = 16
        while (sums := np.cumsum(-np.log(uniform(key, source, np.arange(count)))))[-1] <= integral[-1]:
            count *= 2
        passed = np.unique(np.searchsorted(integral, sums[sums <= integral[-1]])) - 1
        steps.append(passed)
        sources.append(np.full(len(passed), source))
    return np.concatenate(steps), np.concatenate(sources)


def refer(owner, name, group, variable, index):
    """Let a group or synapses read another group's variable, at the index that a variable of their own holds.

    Brian2's linked variables do this for neurons only. The pathways of synapses keep lists of their own.
    """
    for part in (owner, *getattr(owner, "_pathways", ())):
        part.variables.add_reference(name, group, variable, index)
