"""Runs a script on sPyNNaker's virtual board and reports what a real one would get: a child of its own, and its report.

sPyNNaker 7.4.1 leaves out on a virtual board what it does on a real one: it does not miss a binary that is not there,
it takes it that all cores can be combined, and it makes every synapse on the host, which two of its synapses cannot.
As a program this file mends that, in its own process only, runs a script and writes the report to a file.

    python virtual_board.py report.npz script.py [options of the script]
"""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Core:
    """A core of the virtual board and what runs on it.

    Attributes
    ----------
    chip : (int, int)
        x and y.
    core : int
    label : str
        sPyNNaker's, of the part of a population.
    population : str
    binary : str
    sdram : int [byte]
    keys : tuple of (str, int, int)
        Routing key and mask of each partition that the core sends to, after the partition's name.
    """

    chip: tuple[int, int]
    core: int
    label: str
    population: str
    binary: str
    sdram: int
    keys: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, eq=False)
class Report:
    """What sPyNNaker made of a network for a board that is not there. It has no spikes: a virtual board has no cores.

    Attributes
    ----------
    version : str
        Of sPyNNaker.
    cores : tuple of Core
    missing : tuple of str
        Binaries that the network needs and sPyNNaker does not have.
    shifts : mapping of str to tuple of int
        Of the ring buffers of each population of cells.
    weights : mapping of str to (n, 4) float array
        Source, target, weight [nA] and delay [ms] of each projection as read back: rounded as on the board. Where the
        board itself would make the synapses (Neuromodulation) there are none.
    chips, boards, monitors : int
        Chips and boards in use, and cores beside ``cores`` that sPyNNaker itself takes.
    """

    version: str
    cores: tuple[Core, ...]
    missing: tuple[str, ...]
    shifts: Mapping[str, tuple[int, ...]]
    weights: Mapping[str, np.ndarray]
    chips: int
    boards: int
    monitors: int

    def __str__(self) -> str:
        """Say the essentials in lines."""
        binaries = sorted({core.binary for core in self.cores})
        used = ((len(self.cores), "core"), (self.chips, "chip"), (self.boards, "board"))
        cores, chips, boards = (f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in used)
        places = f"{cores} on {chips} of {boards}"
        lines = [
            f"virtual board, sPyNNaker {self.version}: no spikes",
            f"{places}, and {self.monitors} of sPyNNaker's own",
            f"largest memory of a core: {max((c.sdram for c in self.cores), default=0)} bytes of SDRAM",
            *(f"  {name} x {sum(c.binary == name for c in self.cores)}" for name in binaries),
            f"missing binaries: {', '.join(self.missing) or 'none'}",
        ]
        return "\n".join(lines)


def write_report(report: Report, file: Path) -> None:
    """Write a report to an ``.npz`` file."""
    described = asdict(report)
    weights = described.pop("weights")
    arrays = {f"weights/{name}": rows for name, rows in weights.items()}
    np.savez(file, report=np.array(json.dumps(described)), **arrays)


def read_report(file: Path) -> Report:
    """Read what :func:`write_report` wrote.

    Returns
    -------
    Report
    """
    with np.load(file) as data:
        said = json.loads(str(data["report"]))
        weights = {name.removeprefix("weights/"): data[name] for name in data.files if name != "report"}
    cores = tuple(
        Core(tuple(c["chip"]), c["core"], c["label"], c["population"], c["binary"], c["sdram"],
             tuple((name, key, mask) for name, key, mask in c["keys"]))
        for c in said["cores"]
    )  # fmt: skip
    shifts = {name: tuple(values) for name, values in said["shifts"].items()}
    return Report(said["version"], cores, tuple(said["missing"]), shifts, weights,
                  said["chips"], said["boards"], said["monitors"])  # fmt: skip


# From here on, in the child only


def _exists(binary: str) -> bool:
    from spynnaker.pyNN.data import SpynnakerDataView

    try:
        SpynnakerDataView.get_executable_path(binary)
    except KeyError:
        return False
    return True


def _as_on_a_board() -> None:
    """Let sPyNNaker plan as if the board were there; what is replaced is what 7.4.1 says on a virtual board."""
    from spynnaker.pyNN.models.neural_projections.connectors import AbstractGenerateConnectorOnMachine
    from spynnaker.pyNN.models.neural_projections.synapse_information import SynapseInformation
    from spynnaker.pyNN.models.neuron.population_vertex import PopulationVertex
    from spynnaker.pyNN.models.neuron.synapse_dynamics import AbstractGenerateOnMachine

    def on_machine(self: Any) -> bool:
        connector, dynamics = self.connector, self.synapse_dynamics
        return (
            isinstance(connector, AbstractGenerateConnectorOnMachine)
            and connector.generate_on_machine(self)
            and isinstance(dynamics, AbstractGenerateOnMachine)
            and dynamics.generate_on_machine()
        )

    SynapseInformation.may_generate_on_machine = on_machine
    PopulationVertex.combined_binary_exists = property(lambda self: _exists(self.combined_binary_file_name))
    PopulationVertex.split_binaries_exist = property(
        lambda self: _exists(self.neuron_core_binary_file_name) and _exists(self.synapse_core_binary_file_name)
    )


def _collect() -> Report:
    from importlib.metadata import version

    from spynnaker.pyNN.data import SpynnakerDataView as View
    from spynnaker.pyNN.models.neuron.population_vertex import PopulationVertex

    steps, infos = View.get_current_run_timesteps(), View.get_routing_infos()
    cores, monitors, chips, boards = [], 0, set(), set()
    for placement in View.iterate_placemements():
        vertex = placement.vertex
        if vertex.app_vertex is None:
            monitors += 1
            continue
        chip = View.get_chip_at(placement.x, placement.y)
        chips.add((placement.x, placement.y))
        boards.add((chip.nearest_ethernet_x, chip.nearest_ethernet_y))
        keys = []
        for partition in sorted(infos.get_partitions_from(vertex)):
            info = infos.get_info_from(vertex, partition)
            keys.append((partition, int(info.key), int(info.mask)))
        cores.append(Core(
            (placement.x, placement.y), placement.p, vertex.label, vertex.app_vertex.label or "",
            vertex.get_binary_file_name(), int(vertex.sdram_required.get_total_sdram(steps)), tuple(keys),
        ))  # fmt: skip
    missing = tuple(sorted({core.binary for core in cores if not _exists(core.binary)}))
    populations = list(View.iterate_populations())
    shifts = {p.label: tuple(int(s) for s in p._vertex.get_ring_buffer_shifts())
              for p in populations if isinstance(p._vertex, PopulationVertex)}  # fmt: skip
    weights = {}
    for projection in View.iterate_projections():
        if not projection._synapse_information.may_generate_on_machine():
            rows = projection.get(["weight", "delay"], "list")
            weights[projection.label] = np.array([tuple(row) for row in rows], float).reshape(-1, 4)
    spinnaker = version("sPyNNaker")
    return Report(spinnaker, tuple(cores), missing, shifts, weights, len(chips), len(boards), monitors)


def main(arguments: list[str]) -> None:
    """Run a script on the virtual board and write the report before sPyNNaker forgets what it says."""
    import pyNN.spiNNaker as sim

    file, script = Path(arguments[0]), arguments[1]
    _as_on_a_board()
    end = sim.end

    def report_and_end(*args: Any, **kwargs: Any) -> None:
        write_report(_collect(), file)
        end(*args, **kwargs)

    sim.end = report_and_end
    sys.argv = arguments[1:]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
