"""Runs a Loihi program on Lava, in a process of its own: Lava hangs where something fails, and wants Python 3.10.

Lava 0.10 is the last release. ``make lava`` sets up an interpreter with it; the environment variable HMN_LAVA_PYTHON
names one that is somewhere else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError

from .exchange import Int, Probe, Spikes, check_bias, check_spikes, check_weights
from .lava_process import START, Child
from .learning_program import FactorQueue, described
from .program import LIF, Connection, LoihiProgram

VARIABLE = "HMN_LAVA_PYTHON"
FOLDER = Path(__file__).resolve().parent / "lava_child"
ADVICE = f"set up one with `make lava` in the project's folder, or name one: {VARIABLE}=/path/to/python"
TAGS = ("fixed_pt", "floating_pt")
# Seconds that Lava may take for a step: on a machine that is busy, it was seen to take a tenth of it.
PER_PROCESS, PER_SYNAPSE = 0.02, 1e-6
_PROBE = """
import importlib.util, json, sys
found = importlib.util.find_spec("lava") and importlib.util.find_spec("lava.magma")
from importlib import metadata
hardware = bool(found and importlib.util.find_spec("lava.utils.loihi2_profiler"))
print(json.dumps([list(sys.version_info[:3]), metadata.version("lava-nc") if found else None, hardware]))
"""


def interpreter() -> Path:
    """Return the Python interpreter that has, or should have, Lava.

    Returns
    -------
    pathlib.Path
        What HMN_LAVA_PYTHON names; else ``.venv-lava`` in the working folder or the checkout, where there is one; else
        this interpreter.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    for folder in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (folder / ".venv-lava" / "bin" / "python").exists():
            return folder / ".venv-lava" / "bin" / "python"
    return Path(sys.executable)


_seen: dict[tuple[str, tuple[str, ...], float], tuple[list[int], str | None, bool] | str] = {}


def _look_at(python: Path, flags: tuple[str, ...]) -> tuple[list[int], str | None, bool] | str:
    """Return the version of an interpreter, of its Lava, and whether that reaches hardware; or why nothing is known."""
    try:
        key = (str(python), flags, python.stat().st_mtime)
    except OSError:
        return f"there is no {python}"
    if key not in _seen:
        try:
            found = subprocess.run(
                [str(python), *flags, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=True,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
            version, lava, hardware = json.loads(found.stdout.splitlines()[-1])
            _seen[key] = version, lava, hardware
        except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
            _seen[key] = f"{python} does not run as a Python interpreter: {error}"
    return _seen[key]


def _flags(hardware: bool) -> tuple[str, ...]:
    """Isolate the child from what this environment makes importable; but Intel's extension may lie anywhere."""
    return () if hardware else ("-I",)


def unavailable(hardware: bool = False) -> str | None:
    """Return why Lava cannot run here and what to do, or None.

    Parameters
    ----------
    hardware : bool
        Whether a chip is to be reached.

    Returns
    -------
    str or None
    """
    if os.name != "posix":
        return "Lava runs in a group of processes, which only POSIX systems have; run on Linux, or with the emulator"
    python = interpreter()
    found = _look_at(python, _flags(hardware))
    if isinstance(found, str):
        return f"{found}; {ADVICE}"
    version, lava, reaches = found
    if lava is None or tuple(version) < (3, 10):
        return f"{python} is Python {'.'.join(map(str, version))} without Lava; {ADVICE}"
    if hardware and not reaches:
        return (
            f"{python} has Lava {lava} without its extension for hardware (lava-loihi): Intel gives it to members of "
            "its research community (INRC); install it beside Lava, or use executor='emulator'"
        )
    return None


def versions(hardware: bool = False) -> dict[str, str]:
    """Return the version of Lava in its interpreter.

    Parameters
    ----------
    hardware : bool
        Whether a chip is to be reached.

    Returns
    -------
    dict of str to str
        By the name of the distribution; empty if there is none.
    """
    found = _look_at(interpreter(), _flags(hardware))
    return {} if isinstance(found, str) or found[1] is None else {"lava-nc": found[1]}


class LavaExecutor:
    """Runs a program on Lava.

    Parameters
    ----------
    program : LoihiProgram
    select_tag : str
        ``"fixed_pt"`` computes as the program means; ``"floating_pt"`` without rounding, as a second opinion.
    hardware : bool
        Whether to run on a chip (Lava's Loihi2HwCfg) rather than in Lava's simulator. Untested: no chip was at hand.
    limit : float or None [s]
        What a run may take; None: generously estimated from its steps, the processes and the synapses.
    stock_delays : bool
        Whether delayed connections are Lava's DelayDense and DelaySparse, which make their weight matrices anew in each
        step (20 ms rather than 3 for 300 x 300 synapses of 8 delays); else, as connections that are written, they are
        a process of our own.

    Raises
    ------
    SimulationError
        There is no Lava, or it ends or does not answer in time.
    """

    def __init__(
        self,
        program: LoihiProgram,
        *,
        select_tag: str = "fixed_pt",
        hardware: bool = False,
        limit: float | None = None,
        stock_delays: bool = False,
    ) -> None:
        if select_tag not in TAGS:
            raise SimulationError(f"select_tag is {select_tag!r}; allowed: {', '.join(map(repr, TAGS))}")
        missing = unavailable(hardware)
        if missing:
            raise SimulationError(f"the program cannot run on Lava: {missing}")
        own = [p.name for p in program.processes if p.model != LIF]
        if hardware and own:
            raise SimulationError(
                f"processes {', '.join(map(repr, own))} need a neuron that is programmed in microcode, which open Lava "
                "has no way to bring onto a chip; run with executor='emulator'"
            )
        self.program, self.select_tag, self.name = program, select_tag, "hardware" if hardware else "lava"
        self._limit, self._step, self._piece = limit, 0, 0
        self._written: dict[int, int] = {}
        self._version = [0] * len(program.connections)
        self._bias: dict[int, Int] = {}
        self.seconds = 0.0  # that the steps of the last run took, without Lava's compiler
        self._learning, self._factors = described(program), FactorQueue(program)
        self._own = [_is_own(c, stock_delays) for c in program.connections]
        self._child = Child([str(interpreter()), *_flags(hardware), str(FOLDER / "main.py")], self._write_program)

    def run(self, n_steps: int, spikes: Sequence[Spikes], probes: Sequence[Probe]) -> tuple[list[Spikes], list[Int]]:
        """Advance by some steps.

        Parameters
        ----------
        n_steps : int
        spikes : list of (step, neuron), each (k,) int arrays
            What each source of the program fires in these steps, sorted; steps count from the executor's start.
        probes : list of (process, variable, members)
            Variables are ``"u"``, ``"u_inh"`` and ``"v"``.

        Returns
        -------
        list of (step, neuron), each (m,) int64 and int32 arrays
            What each process fired.
        list of (n_steps, n_members) int32 array
            The probed variables, as they are at the end of each step (float64 with ``floating_pt``).

        Raises
        ------
        SimulationError
        """
        self._child.check()
        check_spikes(self.program, spikes, self._step, n_steps)
        if n_steps == 0:
            nothing = (np.zeros(0, np.int64), np.zeros(0, np.int32))
            return [nothing for _ in self.program.processes], [np.zeros((0, len(m)), np.int32) for _, _, m in probes]
        folder, piece = self._child.folder, self._piece
        self._write_piece(folder / f"piece_{piece}.npz", n_steps, spikes, probes)
        command = {"do": "run", "n_steps": n_steps, "piece": piece, "weights": list(self._written.items())}
        self._child.ask(command, "done", self._seconds_allowed(n_steps))
        self._step, self._piece = self._step + n_steps, piece + 1
        self._written, self._bias = {}, {}
        with np.load(folder / f"out_{piece}.npz") as out:
            self.seconds = float(out["seconds"])
            fired = [(out[f"step_{k}"], out[f"index_{k}"]) for k in range(len(self.program.processes))]
            kind = np.int32 if self.select_tag == "fixed_pt" else np.float64
            samples = [out[f"probe_{k}"].astype(kind) for k in range(len(probes))]
        for name in (f"piece_{piece}.npz", f"out_{piece}.npz"):
            (folder / name).unlink()
        return fired, samples

    def set_weights(self, connection: int, weights: Int) -> None:
        """Write the weights of a plastic connection, from the next step on.

        Parameters
        ----------
        connection : int
        weights : (n_synapses,) int16 array
            Signed, as in the program.

        Raises
        ------
        SimulationError
        """
        c = self.program.connections[connection]
        check_weights(c, weights)
        if not self._own[connection]:
            raise SimulationError(
                f"connection {c.name!r} is not plastic: Lava's own process holds its weights and would take a message "
                "for each; lower the network with a plastic projection"
            )
        self._child.check()
        np.save(self._child.folder / f"weights_{connection}.npy", np.asarray(weights, np.int16))
        self._version[connection] += 1
        self._written[connection] = self._version[connection]

    def weights(self, connection: int) -> Int:
        """Return the weights of a connection that learns.

        Parameters
        ----------
        connection : int

        Returns
        -------
        (n_synapses,) int16 array
        """
        self._child.ask({"do": "read", "connection": connection}, "done", self._seconds_allowed(0) + _work_to_read(
            self.program.connections[connection]))  # fmt: skip
        return np.load(self._child.folder / f"learned_{connection}.npy").astype(np.int16)

    def send_factors(self, factors: Int) -> None:
        """Say what y2 and y3 of the program's third factors are in the next steps; until then, neutral.

        Parameters
        ----------
        factors : (n_steps, 2, n_neurons) int array
            0 to 127, of the neurons of all third factors, one after the other.
        """
        self._factors.send(factors)

    def set_bias(self, process: int, mant: Int) -> None:
        """Write the biases of a process, from the next step on.

        Parameters
        ----------
        process : int
        mant : (1,) or (n,) int array
            Mantissas; the exponent stays.
        """
        check_bias(self.program, process, mant)
        self._bias[process] = np.asarray(mant, np.int64)

    def get_state(self) -> dict[str, Any]:
        """Refuse: Lava's processes cannot be stopped and continued."""
        raise SimulationError("a run on Lava cannot be saved; save one on executor='emulator', which is equal")

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Refuse: Lava's processes cannot be stopped and continued."""
        raise SimulationError("a run on Lava cannot be restored; restore it on executor='emulator'")

    def close(self) -> None:
        """End Lava and all its processes."""
        self._child.close()

    def _seconds_allowed(self, n_steps: int) -> float:
        if self._limit is not None:
            return self._limit
        processes = 2 + len(self.program.processes) + len(self.program.connections)
        return START + n_steps * (PER_PROCESS * processes + PER_SYNAPSE * sum(map(_work, self.program.connections)))

    def _write_piece(self, file: Path, n_steps: int, spikes: Sequence[Spikes], probes: Sequence[Probe]) -> None:
        arrays: dict[str, Any] = {"n_steps": np.array(n_steps)}
        for s, (step, index) in enumerate(spikes):
            arrays |= {f"step_{s}": np.asarray(step, np.int64), f"index_{s}": np.asarray(index, np.int64)}
        arrays["probe_process"] = np.array([p for p, _, _ in probes], np.int64)
        arrays["probe_variable"] = np.array([v for _, v, _ in probes], np.str_)
        arrays |= {f"probe_{k}": np.asarray(members, np.int64) for k, (_, _, members) in enumerate(probes)}
        arrays |= {f"bias_{p}": mant for p, mant in self._bias.items()}
        arrays["factors"] = self._factors.take(n_steps)
        np.savez(file, **arrays)

    def _write_program(self, folder: Path) -> None:
        program = self.program
        arrays: dict[str, Any] = {}
        fields = ("du", "dv", "vth", "bias_mant", "u_init", "u_inh_init", "v_init", "refractory", "noise", "noise_key")
        for k, p in enumerate(program.processes):
            arrays |= {f"process_{k}_{f}": np.asarray(getattr(p, f)) for f in fields if getattr(p, f) is not None}
            arrays[f"process_{k}_du_inh"] = np.zeros(1, np.int64) if p.du_inh is None else p.du_inh
        for k, c in enumerate(program.connections):
            for field in ("row_ptr", "target_index", "weight", "delay"):
                arrays[f"connection_{k}_{field}"] = getattr(c, field)
            if self._own[k]:
                np.save(folder / f"weights_{k}.npy", c.weight.astype(np.int16))
        for x in program.learning:
            arrays |= {f"connection_{x.connection}_{tag}": getattr(x, tag) for tag in ("tag_1", "tag_2")}
        np.savez(folder / "program.npz", **arrays)
        described = {
            "select_tag": self.select_tag,
            "hardware": self.name == "hardware",
            "sources": [{"group": s.group, "size": s.size} for s in program.sources],
            "processes": [
                {"group": p.group, "size": p.size, "model": p.model, "bias_exp": p.bias_exp, "subtract": p.subtract,
                 "sending": sending}
                for p, sending in zip(program.processes, self._learning["processes"], strict=True)
            ],
            "connections": [
                {
                    "source": c.source,
                    "target": c.target,
                    "n_source": c.n_source,
                    "n_target": c.n_target,
                    "receptor": c.receptor,
                    "sign": c.sign,
                    "weight_exp": c.weight_exp,
                    "stock": not own,
                    "learning": learning,
                }
                for c, own, learning in zip(program.connections, self._own, self._learning["connections"], strict=True)
            ],
        }
        (folder / "program.json").write_text(json.dumps(described), encoding="utf-8")


def _is_own(c: Connection, stock_delays: bool) -> bool:
    """Tell whether a connection is our process on Lava rather than Lava's."""
    return c.plastic or (bool(np.any(c.delay)) and not stock_delays)


def _work_to_read(c: Connection) -> float:
    """Return the seconds in which Lava hands over all weights, in a message each."""
    return 1e-3 * c.n_synapses


def _work(c: Connection) -> int:
    """Return the matrix elements that Lava touches in a step for a connection."""
    return c.n_source * c.n_target * (1 + int(np.max(c.delay, initial=0)))
