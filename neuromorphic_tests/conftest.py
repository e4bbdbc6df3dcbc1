"""What holds for every test: no windows, reproducible properties, and no backend that is missing without a word."""

from __future__ import annotations

import importlib.util
import os

import pytest
from hypothesis import settings

from hmn_snn import registry

# Before anything imports matplotlib.
os.environ["MPLBACKEND"] = "Agg"

# Compiling on a first call takes seconds, so no deadline; in CI the same examples every time.
settings.register_profile("laptop", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "laptop")


def missing_backends() -> dict[str, str]:
    """Return name -> reason for every backend that cannot run on this machine."""
    reasons = {name: why_missing(name) for name in registry.names()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def why_missing(name: str) -> str | None:
    """Return why a backend cannot run here, or None."""
    try:
        return registry.get(name).unavailable()
    except Exception as error:  # a backend that is broken must not hide the results of all tests
        return f"cannot be loaded: {error!r}"


# Simulators that backends run networks on, by the packages that they are imported from; required as backends are.
SIMULATORS = {"pynn": "pyNN", "spynnaker": "spynnaker", "nest": "nest"}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Fail at once when what HMN_REQUIRED_BACKENDS names cannot run: its tests would skip.

    Beside backends it may name ``SIMULATORS``, and "lava": the tests that need Lava then fail where it is not found.
    """
    if hasattr(session.config, "workerinput"):
        return
    required = [n for n in os.environ.get("HMN_REQUIRED_BACKENDS", "").replace(",", " ").split() if n != "lava"]
    missing = missing_backends()
    absent = [name for name, package in SIMULATORS.items() if importlib.util.find_spec(package) is None]
    missing |= {name: f"{SIMULATORS[name]} is not installed" for name in absent}
    problems = [f"{name}: {missing[name]}" for name in required if name in missing]
    known = (*registry.names(), *SIMULATORS)
    problems += [f"{name}: there is no such backend" for name in required if name not in known]
    if problems:
        pytest.exit("\n  ".join(["HMN_REQUIRED_BACKENDS asks for what is not here:", *problems]), returncode=1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was not tested because it is not installed, and how far random networks agree."""
    missing = missing_backends()
    present = [name for name in registry.names() if name not in missing]
    terminalreporter.section("backends")
    terminalreporter.write_line(f"available: {', '.join(present) or 'none'}")
    for name, reason in missing.items():
        terminalreporter.write_line(f"not available: {name}: {reason}", yellow=True)
    differences = [
        value
        for report in terminalreporter.stats.get("passed", [])
        for name, value in report.user_properties
        if name == "random network"
    ]
    if differences:
        found = f"{len(differences)} random networks agree on numba and brian2"
        terminalreporter.write_line(f"{found}: identical spikes, weights within {max(differences):.2g}")
