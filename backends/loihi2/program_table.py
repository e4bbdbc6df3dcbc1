"""A Loihi program as text: what ``print(program)`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hmn_snn.summary import text_table

from .program import Connection, Int, LoihiProgram, NeuronProcess, Source


def program_table(program: LoihiProgram) -> str:
    """Return a program as aligned text, one section per kind of part, with the integers that lie on the chip.

    Parameters
    ----------
    program : LoihiProgram

    Returns
    -------
    str
        At most 120 columns wide.
    """
    names = {p.group: p.name for p in program.processes} | {s.group: s.name for s in program.sources}
    learn = {x.connection: x for x in program.learning}
    sections: list[tuple[str, Sequence[str], list[Sequence[Any]]]] = [
        ("sources", ("name", "size", "late by"), [_source(source) for source in program.sources]),
        ("processes",
         ("name", "model", "size", "du", "du_inh", "dv", "vth", "bias", "exp", "refractory", "noise", "reset",
          "v of 1 mV"),
         [_process(process) for process in program.processes]),
        ("connections",
         ("name", "from -> to", "synapses", "into", "weight", "exp", "delay", "weights are"),
         [_connection(c, names, "learned" if k in learn else "written" if c.plastic else "fixed")
          for k, c in enumerate(program.connections)]),
        ("learning", ("connection", "dw", "dt", "dd", "epoch"),
         [(program.connections[k].name, x.dw, x.dt, x.dd, x.epoch) for k, x in learn.items()]),
    ]  # fmt: skip
    tables = [f"{title}\n{text_table(rows, headers)}" for title, headers, rows in sections if rows]
    return "\n\n".join([_header(program), *tables])


def _header(program: LoihiProgram) -> str:
    neurons, synapses = (sum(sizes) for sizes in (
        [p.size for p in program.processes], [c.n_synapses for c in program.connections]))  # fmt: skip
    return f"Loihi program {program.name!r}: {neurons:,} neurons, {synapses:,} synapses; a step is {program.dt:g} ms"


def _source(source: Source) -> Sequence[Any]:
    return source.name, source.size, source.shift


def _process(process: NeuronProcess) -> Sequence[Any]:
    return (
        process.name,
        process.model,
        process.size,
        _span(process.du),
        None if process.du_inh is None else _span(process.du_inh),
        _span(process.dv),
        _span(process.vth),
        _span(process.bias_mant),
        process.bias_exp,
        _span(process.refractory),
        _span(process.noise),
        "subtract" if process.subtract else "to 0",
        f"{process.scale.min():.5g}",
    )


def _connection(connection: Connection, names: dict[int, str], weights: str) -> Sequence[Any]:
    return (
        connection.name,
        f"{names[connection.source]} -> {names[connection.target]}",
        connection.n_synapses,
        "u_inh" if connection.receptor else "u",
        _span(connection.weight),
        connection.weight_exp,
        _span(connection.delay),
        weights,
    )


def _span(values: Int) -> str:
    """Return the smallest and the largest value, or the only one."""
    if not len(values):
        return ""
    low, high = np.min(values), np.max(values)
    return f"{low}" if low == high else f"{low} to {high}"
