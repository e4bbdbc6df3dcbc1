"""Oscillators, modulators and astrocytes inside the kernel."""

from __future__ import annotations

import math

from .jit import jit


@jit
def decay_modulators(rhythms, state):
    """Let phasic levels decay over one step."""
    for k in range(len(rhythms.rho)):
        state.phasic[k] *= rhythms.rho[k]


@jit
def advance_oscillators(rhythms, state, before, dt):
    """Advance all phases by one step from their values at its start."""
    dt_s = 1e-3 * dt
    for g in range(len(rhythms.coupling)):
        a, b = rhythms.osc_start[g], rhythms.osc_start[g + 1]
        strength = rhythms.coupling[g] / max(1, b - a)
        if strength == 0.0:
            for k in range(a, b):
                state.phi[k] += dt_s * rhythms.omega[k]
        elif rhythms.lag_full[g]:
            for k in range(a, b):
                before[k] = state.phi[k]
            for k in range(a, b):
                pull, row = 0.0, rhythms.lag_start[g] + (k - a) * (b - a)
                for m in range(a, b):
                    pull += math.sin(before[m] - before[k] - rhythms.lag[row + m - a])
                state.phi[k] = before[k] + dt_s * (rhythms.omega[k] + strength * pull)
        else:  # one lag for all: the sum over m is the imaginary part of the group's mean field
            total_cos, total_sin, lag = 0.0, 0.0, rhythms.lag[rhythms.lag_start[g]]
            for m in range(a, b):
                total_cos += math.cos(state.phi[m])
                total_sin += math.sin(state.phi[m])
            for k in range(a, b):
                angle = state.phi[k] + lag
                pull = total_sin * math.cos(angle) - total_cos * math.sin(angle)
                state.phi[k] += dt_s * (rhythms.omega[k] + strength * pull)


@jit
def kick_oscillators(row, rhythms, state, spikes):
    """Let the spikes of this step pull the phases of the oscillators they entrain."""
    n_groups = spikes.n_groups
    for e in range(len(rhythms.kick_group)):
        group, count = rhythms.kick_source[e], 0
        for k in range(spikes.offset[row * n_groups + group], spikes.offset[row * n_groups + group + 1]):
            count += 1 if rhythms.kick_member[rhythms.kick_ptr[e] + spikes.member[k]] else 0
        if count > 0:
            g = rhythms.kick_group[e]
            for k in range(rhythms.osc_start[g], rhythms.osc_start[g + 1]):
                pull = math.sin(state.phi[k] - rhythms.kick_phase[e])
                state.phi[k] -= rhythms.kick_strength[e] * count * pull


def make_astrocytes(cells):
    """Return the step of astrocytes of some cell types.

    Parameters
    ----------
    cells : sequence of AstrocyteCell types
        A group's kind is its cell type's place here.

    Returns
    -------
    jitted callable
    """
    step_cell, output_cell = _dispatch([jit(c.step) for c in cells]), _dispatch([jit(c.output) for c in cells])

    @jit
    def step_astrocytes(g, rhythms, state):
        """Advance a group of astrocytes by one interval of its clock; returns the number of releases."""
        kind, driver, released = rhythms.astro_kind[g], rhythms.astro_driver[g], 0
        level = 0.0 if driver < 0 else state.tonic[driver] + state.phasic[driver]
        a, b = rhythms.astro_coefficient_ptr[g], rhythms.astro_coefficient_ptr[g + 1]
        coefficients = rhythms.astro_coefficient[a:b]
        for k in range(rhythms.astro_start[g], rhythms.astro_start[g + 1]):
            cell = state.astro[k]
            if step_cell(kind, cell, coefficients, state.astro_arrivals[k], level):
                released += 1
            state.astro_arrivals[k] = 0.0
            state.gain[k], state.meta[k] = output_cell(kind, cell, coefficients)
        return released

    return step_astrocytes


def _dispatch(functions):
    """Return one function that calls the one of a given kind."""
    head = functions[0]
    if len(functions) == 1:

        @jit
        def only(kind, *arguments):
            return head(*arguments)

        return only
    rest = _dispatch(functions[1:])

    @jit
    def first_or_rest(kind, *arguments):
        if kind == 0:
            return head(*arguments)
        return rest(kind - 1, *arguments)

    return first_or_rest
