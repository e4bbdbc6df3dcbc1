"""The crossbars of a network as one plane of flat arrays: entries, columns, and the state of plastic devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredNetwork
from hmn_snn.randomness import mix, stream_key

from .._shared.layout import EXC, INH, places
from .._shared.tables import joined, pointers
from .array import Array
from .devices import WRITTEN
from .half_select import N_GROUPS, TRANSISTOR, cell_groups, group_shares, n_groups
from .hardware import LEARNING, Hardware
from .plane import N_COUNTS, N_ENERGIES, Plane
from .population import Population


def build_plane(lowered: LoweredNetwork, hardware: Hardware, arrays: list[Array], block: np.ndarray) -> Plane:
    """Lay crossbars out for the kernel.

    Parameters
    ----------
    lowered : LoweredNetwork
    hardware : Hardware
    arrays : list of Array
    block : (n_populations,) int array
        First block of each population; see :mod:`layout`.

    Returns
    -------
    Plane
    """
    entries = [_entries(array) for array in arrays]
    columns = [_columns(a, line, target) for a, (line, target, _) in zip(arrays, entries, strict=True)]
    first_line = pointers([a.layout.n_lines for a in arrays])
    first_entry = pointers([len(line) for line, _, _ in entries])
    first_column = pointers([len(target) for _, target, _ in columns])
    first_band = pointers([-(-a.layout.n_lines // a.layout.tile) for a in arrays])
    column_band = joined([band + k for (_, _, band), k in zip(columns, first_band, strict=False)], np.int64)
    plastic = [(j, a) for j, a in enumerate(arrays) if a.layout.projection.plasticity is not None]
    n_columns, n_entries = int(first_column[-1]), int(first_entry[-1])
    device, noise = hardware.device, np.uint64(stream_key(lowered.seed, "crossbar/columns"))
    noisy = bool(device.read_noise or device.flicker)
    owner = np.repeat(np.arange(len(arrays)), np.diff(first_column))
    astro_start = pointers([a.size for a in lowered.astrocytes])
    dt_s = 1e-3 * lowered.dt
    switch = hardware.switch
    width = switch.numbers(1.0, 0.0).size
    rules = [a.layout.projection.plasticity for _, a in plastic]
    laws = [switch.numbers(rule.beta_p, rule.rule.theta_p) for rule in rules if rule is not None]
    empty = Population(device, 0, name="none")
    return Plane(
        line=joined([a.layout.line + k for a, k in zip(arrays, first_line, strict=False)], np.int64),
        ptr=joined([[0], *(np.cumsum(np.bincount(line, minlength=a.layout.n_lines)) + k
                          for (line, _, _), a, k in zip(entries, arrays, first_entry, strict=False))], np.int64),
        column=joined([of + k for (of, _, _), k in zip(columns, first_column, strict=False)], np.int32),
        weight=np.zeros(n_entries),
        variance=np.zeros(n_entries if noisy else 0),
        territory=joined([_territories(a, synapse, int(astro_start[max(a.layout.projection.astrocytes, 0)]))
                         for a, (_, _, synapse) in zip(arrays, entries, strict=True)], np.int32),
        devices=joined([_devices_per_line(a) for a in arrays], np.int64),
        power=np.zeros(int(first_line[-1])),
        place=joined([places(block[p.target], target, (EXC, INH)[p.receptor])
                     for p, (_, target, _) in zip(lowered.projections, columns, strict=True)], np.uint32),
        owner=owner,
        noise_key=mix(noise ^ np.arange(n_columns, dtype=np.uint64)) if n_columns else np.empty(0, np.uint64),
        total=np.zeros(n_columns), spread=np.zeros(n_columns), factor=np.ones(n_columns),
        band=joined([np.arange(a.layout.n_lines) // a.layout.tile + k
                    for a, k in zip(arrays, first_band, strict=False)], np.int64),
        band_ptr=np.searchsorted(column_band, np.arange(first_band[-1] + 1)),
        hit=np.zeros(int(first_band[-1]), np.bool_), touched=np.zeros(int(first_band[-1]) + 1, np.int64),
        converter=np.array([_converter(hardware, a) for a in arrays]).reshape(len(arrays), 3),
        noisy=noisy,
        now=np.array([hardware.age, hardware.age, dt_s]), step=np.zeros(1, np.int64),
        counts=np.zeros((len(arrays), N_COUNTS), np.int64), energy=np.zeros((len(arrays), N_ENERGIES)),
        per_uS=np.array([hardware.read_voltage**2 * hardware.read_time,
                         hardware.write_voltage**2 * hardware.write_time]),
        groups=_groups(hardware, [a for _, a in plastic]),
        group_sum=np.zeros(sum(n_groups(a) for _, a in plastic)),
        group_per_uS=hardware.write_voltage**2 * hardware.write_time * group_shares(hardware.access),
        projection=np.array([j for j, _ in plastic], np.int64),
        entry=joined([a.synapse_cell + first_entry[j] for j, a in plastic], np.int64),
        synapse_line=joined([a.layout.line + first_line[j] for j, a in plastic], np.int64),
        cell=joined([a.synapse_cell for _, a in plastic], np.int64),
        **{name: np.zeros(sum(a.layout.projection.n_synapses for _, a in plastic))
           for name in ("gain", "fixed", "against", "gain_against")},
        scale=np.array([a.layout.scale for _, a in plastic], np.float64),
        pulse=np.array([a.layout.scale * _step(device) for _, a in plastic], np.float64),
        threshold=joined([switch.thresholds(a.layout.projection.n_synapses, lowered.seed, a.layout.projection.name)
                         for _, a in plastic], np.float64),
        numbers=np.array(laws).reshape(len(rules), width),
        draw_key=np.array([stream_key(lowered.seed, f"{a.layout.projection.name}/crossbar/pulse") for _, a in plastic],
                          np.uint64),
        mode=LEARNING.index(hardware.learning),
        longest=hardware.longest_train,
        cells=tuple(a.a.cells for _, a in plastic) or (empty.cells,),
    )  # fmt: skip


def _step(device: Any) -> float:
    """Return the step that a controller reckons with; devices that are written need none."""
    return 1.0 if device.kind == WRITTEN else float(device.mean_step)


def _entries(array: Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return line, target and synapse (-1 for none) of what reads pass: cells, or all columns."""
    layout = array.layout
    if layout.exact:
        line = np.repeat(np.arange(layout.n_lines), layout.n_target)
        target = np.tile(np.arange(layout.n_target), layout.n_lines)
        synapse = np.full(len(line), -1)
        synapse[layout.line * layout.n_target + layout.projection.target_index] = np.arange(len(layout.line))
        return line, target, synapse
    synapse = np.full(len(array.cell_line), -1)
    synapse[array.synapse_cell] = np.arange(len(array.synapse_cell))
    return array.cell_line, array.cell_target, synapse


def _columns(array: Array, line: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the column of each entry, and target and band of each column."""
    layout = array.layout
    if not len(line):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
    used, of = np.unique(line // layout.tile * layout.n_target + target, return_inverse=True)
    return of, used % layout.n_target, used // layout.n_target


def column_tiles(array: Array) -> np.ndarray:
    """Return the tile of each column of a projection's reads.

    Parameters
    ----------
    array : Array

    Returns
    -------
    (n_columns,) int array
    """
    layout = array.layout
    line, target, _ = _entries(array)
    _, target, band = _columns(array, line, target)
    return np.asarray(band * layout.n_across + target // layout.per_tile)


def _groups(hardware: Hardware, arrays: list[Array]) -> np.ndarray:
    """Return the groups of the plastic synapses' devices; (n, 0) behind transistors."""
    first = pointers([n_groups(a) for a in arrays])
    groups = [cell_groups(a)[a.synapse_cell] + k for a, k in zip(arrays, first, strict=False)]
    every = np.concatenate([np.empty((0, N_GROUPS), np.int64), *groups])
    return np.ascontiguousarray(every[:, : 0 if hardware.access == TRANSISTOR else N_GROUPS])


def _devices_per_line(array: Array) -> np.ndarray:
    layout = array.layout
    count = np.bincount(array.cell_line, minlength=layout.n_lines)
    scheme = layout.hardware.scheme
    return np.asarray(2 * count if scheme == "differential" else count + layout.n_across * (scheme == "offset"))


def _territories(array: Array, synapse: np.ndarray, start: int) -> np.ndarray:
    """Return the astrocyte, among all, of each entry; -1 for none."""
    territory = array.layout.projection.territory
    if territory is None:
        return np.full(len(synapse), -1)
    return np.where(synapse >= 0, territory[synapse] + start, -1)


def _converter(hardware: Hardware, array: Array) -> tuple[float, float, float]:
    """Return step, low and high of a column's converter in the unit of the weights."""
    converter = hardware.converter
    if converter.bits is None:
        return 0.0, 0.0, 0.0
    per_ampere = array.layout.scale / (1e-6 * hardware.read_voltage)
    return converter.step * per_ampere, converter.low * per_ampere, converter.high * per_ampere
