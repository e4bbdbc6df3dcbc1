"""The emulator: runs a SpiNNaker program on this machine, spike for spike as sPyNNaker's C code means it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError

from . import emulator_kernel as kernel
from .emulator_tables import Tables
from .program import Float, Int, SpinnakerProgram

Spikes = tuple[Int, Int]
Probe = tuple[int, str, Int]
LISTED = 1 << 24  # spikes that a piece of a run may have
_SAMPLED = {"v": kernel.V, "i_exc": kernel.EXCITATION, "i_inh": kernel.INHIBITION}


@dataclass(frozen=True)
class Numerics:
    """How the emulator calculates.

    Attributes
    ----------
    fixed_point : bool
        As the chip: s16.15 state, u0.32 synaptic decays, 16-bit weights in saturating ring buffers, 11-bit traces from
        tables. False: in floats, with the chip's order and rules.
    """

    fixed_point: bool = True


class Emulator:
    """Runs a program in this process.

    Parameters
    ----------
    program : SpinnakerProgram
    numerics : Numerics, optional

    Raises
    ------
    ValueError
        The program is not one that the chip can hold: plasticity that differs between the projections of one target.

    Notes
    -----
    In a timestep, a packet of an own spike is processed before one of dopamine, and that before those of synapses; on
    the chip they come in any order where synapses have cores of their own, which matters for the 16 events alone.
    Delays above the ring buffer's slots, which the chip works off in extension cores, are one long delay here.
    """

    name = "emulator"
    loads_for_each_run = False

    def __init__(self, program: SpinnakerProgram, numerics: Numerics | None = None) -> None:
        self.program, self.numerics = program, numerics or Numerics()
        self._step, self._clock = 0, 0
        self._tables = Tables(program, self.numerics.fixed_point)

    def run(self, n_steps: int, spikes: Sequence[Spikes], probes: Sequence[Probe]) -> tuple[list[Spikes], list[Float]]:
        """Advance by some timesteps.

        Parameters
        ----------
        n_steps : int
        spikes : list of (step, index), each (k,) int arrays
            What each source sends in these timesteps besides the spikes that the program gives it, by step; the first
            run's may lie in step -1. Empty for Poisson sources.
        probes : list of (cells, variable, members)
            Variables are ``"v"``, as it is before the timestep's update, and ``"i_exc"`` and ``"i_inh"``, after the
            timestep's arrivals.

        Returns
        -------
        list of (step, index), each (m,) int64 and int32 arrays
            What all cells fired.
        list of (n_steps, n_members) float array [mV, nA]

        Raises
        ------
        SimulationError
            Spikes that are not of these timesteps or not of the source's members.
        """
        t = self._tables
        given = t.given(spikes, self._step, self._step + n_steps)
        first = self._step
        if first == 0 and any(len(step) and step[0] < 0 for step, _ in given):
            first, self._clock = -1, 1
        places = [t.cells.first[c] + np.asarray(members, np.int64) for c, _, members in probes]
        what = [np.full(len(p), _SAMPLED[variable]) for p, (_, variable, _) in zip(places, probes, strict=True)]
        probe = [np.concatenate([*parts, np.zeros(0, np.int64)]).astype(np.int64) for parts in (places, what)]
        end = self._step + n_steps
        sample = np.zeros((end - first, len(probe[0])))
        longest = max(1, LISTED // max(int(t.cells.first[-1]), 1))
        pieces = []
        for begin in range(first, end, longest):
            last = min(begin + longest, end)
            pieces.append(self._run_piece(begin, last, given, (*probe, sample[begin - first : last - first])))
        self._step = end
        ends = np.cumsum([len(p) for p in places])
        sampled = np.split(sample[end - n_steps - first :], ends, axis=1)[: len(places)]
        return _joined(pieces), [np.ascontiguousarray(s) for s in sampled]

    def set_weights(self, synapses: int, weights: Float) -> None:
        """Write the weights of a projection, as loading it anew would.

        Parameters
        ----------
        synapses : int
        weights : (n_synapses,) float array [nA]
            Magnitudes.
        """
        expected = self.program.synapses[synapses].weight.shape
        if np.shape(weights) != expected:
            raise SimulationError(
                f"projection {self.program.synapses[synapses].name!r}: weights of shape {np.shape(weights)}; "
                f"it has {expected[0]} synapses"
            )
        self._tables.set_weights(synapses, np.asarray(weights, np.float64))

    def load(self) -> None:
        """Load the program anew, as after :meth:`set_weights`: potentials and currents go on.

        Spikes in flight, refractoriness and what plasticity remembers of spikes are lost.
        """
        self._tables.forget()

    def get_weights(self, synapses: int) -> Float:
        """Return the weights of a projection, as the chip is read back: plastic ones as their last packet left them.

        Parameters
        ----------
        synapses : int

        Returns
        -------
        (n_synapses,) float array [nA]
        """
        return self._tables.get_weights(synapses)

    def set_current(self, cells: int, current: Float) -> None:
        """Let a current flow into cells from the next timestep on, besides what the program injects.

        Parameters
        ----------
        cells : int
        current : (1,) or (n,) float array [nA]
        """
        self._tables.set_current(cells, np.asarray(current, np.float64))

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs: arrays and numbers by name."""
        return {"step": self._step, "clock": self._clock, **self._tables.get_state()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program and numerics.

        Parameters
        ----------
        state : mapping

        Raises
        ------
        SimulationError
            It is the state of another program, or of other numerics.
        """
        self._tables.set_state(state)
        self._step, self._clock = int(state["step"]), int(state["clock"])

    def close(self) -> None:
        """Let go of nothing: there is neither a process nor a device."""

    def _run_piece(
        self, first: int, end: int, given: Sequence[Spikes], probe: tuple[Int, Int, Float]
    ) -> list[Spikes]:
        """Run some timesteps; returns the spikes of each population."""
        t, n_cells = self._tables, len(self.program.cells)
        n_steps = end - first
        output = kernel.Output(
            np.zeros(n_steps * n_cells + 1, np.int64), np.empty(n_steps * int(t.cells.first[-1]), np.int32), *probe
        )
        kernel.run(n_steps, first, self._clock, t.n_slots, t.one, t.cells, t.state, t.currents(first, end),
                   t.sources(given, first, end), t.static, t.plastic, t.rules, t.history, t.dopamine, t.sent,
                   output)  # fmt: skip
        ends = np.cumsum(np.diff(output.ptr).reshape(n_steps, n_cells).sum(axis=0))
        steps, members = np.empty(output.ptr[-1], np.int64), np.empty(output.ptr[-1], np.int32)
        kernel.by_cells(first, output.ptr, output.member, np.r_[0, ends[:-1]], steps, members)
        return list(zip(np.split(steps, ends[:-1]), np.split(members, ends[:-1]), strict=True))


def _joined(pieces: Sequence[list[Spikes]]) -> list[Spikes]:
    """Join the spikes of the pieces of a run."""
    if len(pieces) == 1:
        return pieces[0]
    return [(np.concatenate(steps), np.concatenate(members))
            for steps, members in (zip(*parts, strict=True) for parts in zip(*pieces, strict=True))]  # fmt: skip
