"""Our engine beside Brian2 (C++ standalone) and NEST, on the same networks, in one run.

For each network a table of run times, events per second, set-up, compilation and memory, and of how many times longer
than ours each engine takes. Every measurement is made in a process of its own, on one thread; peers that are not
installed are named as such. Needs Linux or macOS.

    python benchmarks/engine.py --quick
    python benchmarks/engine.py --peers nest --json results.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from measurement import in_fresh_process
from networks import Case, Cuba, Hmn
from report import NOTES, Row, figures, table

PEERS = ("brian2", "nest")
PRECISIONS = ("float64", "float32")


@dataclass(frozen=True)
class Contender:
    """An engine, in one of its forms, on a network.

    Attributes
    ----------
    label : str
    peer : str, optional
        Name of the package that it needs; ours if none.
    module : str
        Module with the ``measure`` that is called with the network, the number of repeats and ``args``.
    args : tuple
    """

    label: str
    peer: str | None
    module: str
    args: tuple[Any, ...] = ()


def cases(quick: bool, scale: float) -> list[Case]:
    """Return the networks to measure.

    Parameters
    ----------
    quick : bool
    scale : float
        Factor of the numbers of neurons.

    Returns
    -------
    list of Case
    """
    sizes, cuba_time, hmn_time = ((4000,), 200.0, 250.0) if quick else ((4000, 20_000), 1000.0, 1000.0)
    n = max(10, round(1000 * scale))
    return [
        *(Cuba(max(50, round(size * scale)), cuba_time) for size in sizes),
        Hmn(n, hmn_time),
        Hmn(n, hmn_time, gated=False),
        Hmn(n, hmn_time, gated=False, dopamine="tonic"),
    ]


def contenders(case: Case) -> Iterator[Contender]:
    """Yield who can simulate a network.

    Parameters
    ----------
    case : Case

    Yields
    ------
    Contender
    """
    for precision in PRECISIONS:
        yield Contender(f"hmn-snn {precision}", None, "ours", (precision,))
    if isinstance(case, Cuba):
        yield Contender("Brian2 C++", "brian2", "peers_brian2")
        yield Contender("NEST", "nest", "peers_nest")
    elif case.gated:
        yield Contender("Brian2 C++, clock-driven", "brian2", "peers_brian2", ("clock-driven",))
        yield Contender("Brian2 C++, expanded", "brian2", "peers_brian2", ("expanded",))
    elif case.dopamine == "phasic":
        yield Contender("Brian2 C++, clock-driven", "brian2", "peers_brian2", ("clock-driven",))
        yield Contender(f"NEST, signal each {case.delay:g} ms", "nest", "peers_nest")
        yield Contender(f"NEST, signal each {case.tick:g} ms", "nest", "peers_nest", (case.tick,))
    else:
        yield Contender("Brian2 C++, event-driven", "brian2", "peers_brian2", ("event-driven",))


def first_call(precision: str) -> float:
    """Return the time of a first call of our kernel, so that all later ones find it compiled.

    Parameters
    ----------
    precision : str

    Returns
    -------
    float [s]
        Of a compilation where none was cached, which then serves every network.
    """
    return in_fresh_process("ours", Hmn(n=10, duration=1.0), 1, precision).setup[0]


def measure(case: Case, contender: Contender, repeats: int) -> Row:
    """Measure a contender, or say why not.

    Parameters
    ----------
    case : Case
    contender : Contender
    repeats : int

    Returns
    -------
    Row
    """
    if contender.peer is not None and find_spec(contender.peer) is None:
        return Row(contender.label, None, "not installed")
    print(f"  measuring {contender.label} ...", file=sys.stderr, flush=True)
    try:
        return Row(contender.label, in_fresh_process(contender.module, case, repeats, *contender.args))
    except Exception as error:  # one engine's failure must not hide the others' figures
        if contender.peer is None:
            raise
        reason = (str(error) or repr(error)).strip().splitlines()[-1]
        return Row(contender.label, None, f"failed: {reason}")


def processor() -> str:
    """Return the processor's name.

    Returns
    -------
    str
    """
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        return next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), platform.machine())
    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or platform.machine()


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Parameters
    ----------
    argv : sequence of str, optional

    Returns
    -------
    argparse.Namespace
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="4 000 neurons only, 2 repeats, shorter simulations")
    parser.add_argument("--peers", choices=("none", *PEERS, "all"), default="all", help="whom to compare with")
    parser.add_argument("--repeats", type=int, help="runs of each (3; 2 if quick)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the numbers of neurons, for trials")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    args = parser.parse_args(argv)
    if args.scale <= 0.0 or (args.repeats is not None and args.repeats < 1):
        parser.error("--scale must be above 0, --repeats at least 1")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and tell by the exit code whether every installed peer ran.

    Parameters
    ----------
    argv : sequence of str, optional

    Returns
    -------
    int
    """
    args = arguments(argv)
    repeats = args.repeats or (2 if args.quick else 3)
    peers = {"none": (), "all": PEERS}.get(args.peers, (args.peers,))
    report: dict[str, Any] = {"processor": processor(), "processors": os.cpu_count(), "load": os.getloadavg(),
                              "repeats": repeats, "versions": {}, "networks": []}  # fmt: skip
    print(f"{report['processor']}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start, one thread")
    report["kernels"] = {precision: first_call(precision) for precision in PRECISIONS}
    print("our kernels: " + ", ".join(f"{name} first call {time:.1f} s" for name, time in report["kernels"].items()))
    for case in cases(args.quick, args.scale):
        chosen = [contender for contender in contenders(case) if contender.peer in (None, *peers)]
        rows = [measure(case, contender, repeats) for contender in chosen]
        numbers = figures(case, rows)
        print(f"\n{case.title}\n{table(numbers)}", flush=True)
        for row in rows:
            report["versions"] |= row.measured.versions if row.measured else {}
        raw = [asdict(row.measured) if row.measured else None for row in rows]
        report["networks"].append({"title": case.title, "parameters": asdict(case), "rows": numbers, "measured": raw})
    print("\n" + ", ".join(f"{name} {version}" for name, version in report["versions"].items()) + f"\n\n{NOTES}")
    if args.json is not None:
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    failed = [row for n in report["networks"] for row in n["rows"] if row.get("remark", "").startswith("failed")]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
