"""The default engine beside the reference, Brian2's C++ code of the same semantics, on plastic networks that grow.

Both runs must agree: spike for spike, and weights to 1e-9. Run times are those of the simulation alone, without set-up
and compilation; a ratio is of two runs of this process.

    python benchmarks/reference.py --sizes 100 300 1000 --duration 250
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from networks import Hmn

import hmn_snn as hs
from hmn_snn.summary import text_table


def measure(size: int, duration: float, repeats: int) -> list[str]:
    """Run one network on both and return a row of the table.

    Parameters
    ----------
    size : int
        Inputs, and neurons.
    duration : float [ms]
    repeats : int
        Of our run; the least time counts. The reference runs once.

    Returns
    -------
    list of str

    Raises
    ------
    SystemExit
        If the runs differ.
    """
    net = Hmn(size, duration).describe()
    hs.run(net, 1.0, progress=False)  # compiles, or loads what is compiled
    ours = [hs.run(net, duration, progress=False) for _ in range(repeats)]
    theirs = hs.run(net, duration, backend="brian2", executor="cpp_standalone", progress=False)
    comparison = hs.compare(ours[0], theirs)
    if not comparison.agree:
        sys.exit(f"the runs of {size} neurons differ:\n{comparison}")
    least, other = min(run.provenance.wall_time for run in ours), theirs.provenance.wall_time
    synapses, spikes = len(next(iter(ours[0].weights.values())).values), ours[0].ledger.total("spikes")
    row = (size, synapses, spikes, ours[0].ledger.total("pairings"))
    return [*(f"{value:,}" for value in row), f"{least:.4f}", f"{other:.3f}", f"{other / least:.0f}"]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print.

    Parameters
    ----------
    argv : sequence of str, optional

    Returns
    -------
    int
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000], help="inputs, and neurons")
    parser.add_argument("--duration", type=float, default=250.0, help="ms")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args(argv)
    rows = [measure(size, args.duration, args.repeats) for size in args.sizes]
    headers = ["neurons", "plastic synapses", "spikes", "pairings", "numba s", "Brian2 C++ s", "ratio"]
    print(text_table(rows, headers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
