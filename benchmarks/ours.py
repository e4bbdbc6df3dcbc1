"""Our engine on a benchmarked network."""

from __future__ import annotations

import time

from measurement import Measurement, peak_mb
from networks import Case

from hmn_snn import registry
from hmn_snn.grid import duration_steps
from hmn_snn.lowering import lower


def measure(case: Case, repeats: int, precision: str) -> Measurement:
    """Set up and run a network several times.

    Parameters
    ----------
    case : Case
    repeats : int
    precision : "float64" or "float32"

    Returns
    -------
    Measurement
    """
    translator = registry.get("numba")
    n_steps = duration_steps(case.duration, case.dt)
    setup, run, cpu, peak = [], [], [], 0.0
    for _ in range(repeats):
        begun = time.perf_counter()
        program = translator.translate(lower(case.describe()), precision=precision)
        program.start().run(1)
        setup.append(time.perf_counter() - begun)
        session = program.start()
        begun = time.process_time()
        results = session.run(n_steps)
        cpu.append(time.process_time() - begun)
        run.append(results.provenance.wall_time)
        peak = peak or peak_mb()
    changes = [weights.values - weights.initial for weights in results.weights.values()]
    return Measurement(
        spikes={name: len(train.t) for name, train in results.spikes.items()},
        run=tuple(run),
        cpu=tuple(cpu),
        setup=tuple(setup),
        compilation=0.0,
        peak_mb=peak,
        versions={"hmn-snn": results.provenance.version, **results.provenance.packages},
        learned=1000.0 * float(changes[0].mean()) if changes else None,
    )
