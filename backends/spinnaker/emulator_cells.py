"""Cells of a program as the emulator's kernel reads them: factors, runs of equal parameters, injected currents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hmn_snn.randomness import mix, stream_key

from .._shared.large_pages import zeros
from . import cells_kernel as kernel
from . import fixed_point as fx
from .program import IF_CURR_DELTA, RECEPTORS, Cells, Float, Int, SpinnakerProgram

_TAU = {"excitatory": "tau_syn_E", "excitatory2": "tau_syn_E2", "inhibitory": "tau_syn_I"}
_CURRENT = {"excitatory": "isyn_exc", "excitatory2": "isyn_exc2", "inhibitory": "isyn_inh"}
_LIMIT = 1 << 31  # of 32 bits
BLOCK, FIELDS = int(kernel.BLOCK), int(kernel.CURRENT // kernel.BLOCK)  # what of a cell precedes its currents
_CEIL = 1e-9  # of a step: what a float may be off a whole number


def held(x: Float | float, fixed: bool) -> Float:
    """Return voltages or currents as the kernel holds them.

    Parameters
    ----------
    x : float array [mV or nA]
    fixed : bool

    Returns
    -------
    float array
    """
    return np.clip(fx.accum(x), -_LIMIT, _LIMIT - 1).astype(np.float64) if fixed else np.asarray(x, np.float64)


def lay_cells(program: SpinnakerProgram, fixed: bool) -> kernel.Cells:
    """Return the tables of a program's cells.

    Parameters
    ----------
    program : SpinnakerProgram
    fixed : bool

    Returns
    -------
    kernel.Cells
    """
    sizes = [c.size for c in program.cells]
    receptors = [len(RECEPTORS[c.celltype]) for c in program.cells]
    first = np.cumsum([0, *sizes], dtype=np.int64)
    factors, starts, ends, run_ptr = [np.zeros((0, kernel.FACTORS), np.int64 if fixed else np.float64)], [], [], [0]
    for c in program.cells:
        f = _factors(c, program.dt, fixed)
        # Cells whose parameters equal their neighbour's share a run.
        changes = np.flatnonzero(np.r_[c.size > 0, np.any(f[1:] != f[:-1], axis=1)])
        factors.append(f[changes])
        starts.append(changes)
        ends.append(np.r_[changes[1:], c.size][: len(changes)])
        run_ptr.append(run_ptr[-1] + len(changes))
    noisy = [np.broadcast_to(np.asarray(c.noise, np.float64), (c.size,)) if np.any(c.noise) else np.zeros(0)
             for c in program.cells]  # fmt: skip
    draws = np.cumsum([0, *map(len, noisy)])
    keys = [entity_keys(program.seed, f"{c.name}/noise", len(n)) for c, n in zip(program.cells, noisy, strict=True)]
    sines = [s for c in program.cells for s in c.sines]
    turn = 2e-3 * np.pi * program.dt
    phases = [np.deg2rad(np.asarray(s.phase, np.float64)) for s in sines]
    block, place = _blocks(sizes, receptors)
    return kernel.Cells(
        first=first,
        block=block,
        place=place,
        buffer=np.cumsum([0, *np.multiply(sizes, receptors)], dtype=np.int64),
        n_receptors=np.array(receptors, np.int64),
        run_ptr=np.array(run_ptr, np.int64),
        run_start=np.concatenate([*starts, np.zeros(0)]).astype(np.int64),
        run_end=np.concatenate([*ends, np.zeros(0)]).astype(np.int64),
        factor=np.ascontiguousarray(np.concatenate(factors)),
        noise_start=np.array([d if len(n) else -1 for d, n in zip(draws, noisy, strict=False)], np.int64),
        noise=held(np.concatenate([*noisy, np.zeros(0)]), fixed),
        noise_key=np.concatenate([*keys, np.zeros(0, np.uint64)]),
        sine_ptr=np.cumsum([0, *(len(c.sines) for c in program.cells)], dtype=np.int64),
        sine_start=np.cumsum([0, *map(len, phases)], dtype=np.int64)[:-1],
        sine_size=np.array([len(p) for p in phases], np.int64),
        amplitude=held(np.array([s.amplitude for s in sines]), fixed),
        frequency=held(np.array([s.frequency * turn for s in sines]), fixed),
        phase=held(np.concatenate([*phases, np.zeros(0)]), fixed),
    )


def lay_state(program: SpinnakerProgram, cells: kernel.Cells, n_slots: int, fixed: bool) -> kernel.State:
    """Return the state that a program starts with.

    Parameters
    ----------
    program : SpinnakerProgram
    cells : kernel.Cells
    n_slots : int
        Of the ring buffers.
    fixed : bool

    Returns
    -------
    kernel.State
    """
    blocks = [-(-c.size // BLOCK) * BLOCK * (FIELDS + len(RECEPTORS[c.celltype])) for c in program.cells]
    state = kernel.State(
        zeros(sum(blocks), np.int32 if fixed else np.float64),
        zeros(n_slots * int(cells.buffer[-1]), np.uint16 if fixed else np.float64),
    )
    for k, c in enumerate(program.cells):
        place = cells.place[cells.first[k] : cells.first[k + 1]]
        state.cell[place] = held(c.initial["v"], fixed)
        for r, receptor in enumerate(RECEPTORS[c.celltype]):
            state.cell[place + (FIELDS + r) * BLOCK] = held(c.initial.get(_CURRENT[receptor], 0.0), fixed)
    return state


def _blocks(sizes: Sequence[int], receptors: Sequence[int]) -> tuple[Int, Int]:
    """Return where each population's first block lies, and where the voltage of each neuron does."""
    block, place, n = [], [np.zeros(0, np.int64)], 0
    for size, n_receptors in zip(sizes, receptors, strict=True):
        stride, i = (FIELDS + n_receptors) * BLOCK, np.arange(size)
        block.append(n)
        place.append(n + i // BLOCK * stride + i % BLOCK)
        n += -(-size // BLOCK) * stride
    return np.array(block, np.int64), np.concatenate(place)


def offsets(cells: Cells, fixed: bool) -> Float:
    """Return the constant currents of a population's cells, as the kernel holds them.

    Parameters
    ----------
    cells : Cells
    fixed : bool

    Returns
    -------
    (n,) float array
    """
    return np.broadcast_to(held(cells.parameters["i_offset"], fixed), (cells.size,))


def entity_keys(seed: int, stream: str, n: int) -> Int:
    """Return the keys of a stream's first n entities.

    Parameters
    ----------
    seed : int
    stream : str
    n : int

    Returns
    -------
    (n,) uint64 array
    """
    return mix(np.uint64(stream_key(seed, stream)) ^ np.arange(n, dtype=np.uint64)) if n else np.zeros(0, np.uint64)


class StepCurrents:
    """Currents that a program injects in steps.

    Parameters
    ----------
    program : SpinnakerProgram
    cells : kernel.Cells
    fixed : bool
    """

    def __init__(self, program: SpinnakerProgram, cells: kernel.Cells, fixed: bool) -> None:
        listed = [(k, s) for k, c in enumerate(program.cells) for s in c.currents]
        self._cells = np.array([k for k, _ in listed], np.int64)
        self._neurons = [cells.first[k] + np.asarray(s.indices, np.int64) for k, s in listed]
        self._ptr = np.cumsum([0, *map(len, self._neurons)], dtype=np.int64)
        self._neuron = np.concatenate([*self._neurons, np.zeros(0, np.int64)])
        rows = [np.broadcast_to(held(s.amplitudes, fixed), (len(s.steps), len(s.indices))) for _, s in listed]
        # Where each current's rows of amplitudes begin, one row for each of its steps.
        starts = np.cumsum([0, *(row.size for row in rows)])
        step = [np.asarray(s.steps, np.int64) for _, s in listed]
        row = [starts[k] + np.arange(len(s)) * len(self._neurons[k]) for k, s in enumerate(step)]
        current = np.repeat(np.arange(len(listed)), [len(s) for s in step])
        order = np.argsort(np.concatenate([*step, np.zeros(0, np.int64)]), kind="stable")
        self._step = np.concatenate([*step, np.zeros(0, np.int64)])[order]
        self._row = np.concatenate([*row, np.zeros(0, np.int64)])[order].astype(np.int64)
        self._current = current[order].astype(np.int64)
        self._level = np.concatenate([*(r.ravel() for r in rows), np.zeros(0)])
        self.value = np.zeros(len(self._neuron))

    def between(self, first: int, end: int, offset: Float) -> kernel.Steps:
        """Return what changes in timesteps first to end - 1.

        Parameters
        ----------
        first, end : int
        offset : (n_neurons,) float array
            What flows without them.

        Returns
        -------
        kernel.Steps
        """
        ptr = np.searchsorted(self._step, np.arange(first, end + 1)).astype(np.int64)
        return kernel.Steps(self._cells, self._ptr, self._neuron, self.value, offset, ptr, self._current, self._row,
                            self._level)  # fmt: skip

    def total(self, offset: Float) -> Float:
        """Return what flows now, with them.

        Parameters
        ----------
        offset : (n_neurons,) float array

        Returns
        -------
        (n_neurons,) float array
        """
        total = offset.copy()
        np.add.at(total, self._neuron, self.value)
        return total


def _factors(c: Cells, dt: float, fixed: bool) -> Float:
    """Return the kernel's factors of each of a population's cells."""
    p = {name: np.broadcast_to(np.asarray(x, np.float64), (c.size,)) for name, x in c.parameters.items()}
    f: Float = np.zeros((c.size, kernel.FACTORS), np.int64 if fixed else np.float64)
    for place, name in ((kernel.V_REST, "v_rest"), (kernel.THRESHOLD, "v_thresh"), (kernel.RESET, "v_reset")):
        f[:, place] = held(p[name], fixed)
    if fixed:
        step, tau = fx.accum(dt), fx.accum(p["tau_m"])
        f[:, kernel.RESISTANCE] = fx.divide(tau, fx.accum(p["cm"]))
        f[:, kernel.KEEP] = fx.membrane_decay(step, tau)
        f[:, kernel.REFRACTORY] = -(-fx.divide(fx.accum(p["tau_refrac"]), step) // fx.ACCUM_ONE)
    else:
        f[:, kernel.RESISTANCE] = p["tau_m"] / p["cm"]
        f[:, kernel.KEEP] = np.exp(-dt / p["tau_m"])
        f[:, kernel.REFRACTORY] = np.ceil(p["tau_refrac"] / dt - _CEIL)
    f[:, kernel.WHOLE] = fx.FRACT_ONE if fixed else 1
    for r, receptor in enumerate(RECEPTORS[c.celltype]):
        part = f[:, kernel.CELL_FACTORS + r * kernel.RECEPTOR_FACTORS :]
        part[:, kernel.SHIFT], part[:, kernel.DRIVE] = c.shifts[r], fx.ACCUM_ONE if fixed else 1
        if c.celltype == IF_CURR_DELTA:
            # An arrival is a current of w/dt that is held for this timestep. Twice a half: 32 bits do not hold 1.
            part[:, kernel.JUMP] = fx.FRACT_ONE // 2 if fixed else 1
            part[:, kernel.SHIFT] += 1
            part[:, kernel.DRIVE] = fx.divide(fx.accum(1.0), fx.accum(dt)) if fixed else 1.0 / dt
        elif fixed:
            part[:, kernel.DECAY], part[:, kernel.JUMP] = fx.synapse_decay(fx.accum(dt), fx.accum(p[_TAU[receptor]]))
        else:
            tau = p[_TAU[receptor]]
            part[:, kernel.DECAY] = np.exp(-dt / tau)
            part[:, kernel.JUMP] = -np.expm1(-dt / tau) * tau / dt
    return f
