"""The stamp of a run: what ran it, in which versions, from which network and seed."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .lowered import LoweredNetwork


@dataclass(frozen=True)
class Provenance:
    """The stamp of a run: enough to repeat it, and to know whether hardware or an emulator gave the numbers.

    Attributes
    ----------
    backend : str
    executor : str
        What really ran, such as ``"hardware"`` or ``"bit-accurate emulator"``.
    precision : str
    version : str
        Of hmn-snn.
    packages : mapping of str to str
        Versions of python, numpy and the backend's packages.
    seed : int
    network_hash : str
        Digest of the lowered network: equal hashes mean the same numbers went in.
    dt : float [ms]
    created : str
        ISO 8601 time at the end of the run, UTC.
    wall_time : float [s]
        Time the run took, without set-up.
    platform : str
        Operating system, processor family and number of processors.
    """

    backend: str
    executor: str
    precision: str
    version: str
    packages: Mapping[str, str]
    seed: int
    network_hash: str
    dt: float
    created: str
    wall_time: float
    platform: str

    @property
    def origin(self) -> tuple[str, ...]:
        """What must agree between runs that are pieces of one: network, backend, executor, precision."""
        return self.network_hash, self.backend, self.executor, self.precision

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.packages.items())
        return (
            f"{self.backend} ({self.executor}, {self.precision}), seed {self.seed}, network {self.network_hash[:12]}; "
            f"hmn-snn {self.version}, {versions}; {self.platform}; {self.created}; {self.wall_time:.3g} s"
        )


def provenance(
    backend: str,
    executor: str,
    precision: str,
    lowered: LoweredNetwork,
    packages: Iterable[str],
    wall_time: float,
    elsewhere: Mapping[str, str] | None = None,
) -> Provenance:
    """Stamp a run that has just ended.

    Parameters
    ----------
    backend, executor, precision : str
    lowered : LoweredNetwork
    packages : iterable of str
        Distributions that computed the results, besides Python and NumPy: their versions are looked up.
    wall_time : float [s]
    elsewhere : mapping of str to str, optional
        Versions of distributions that computed in another interpreter.

    Returns
    -------
    Provenance
    """
    from . import __version__

    versions = {"python": platform.python_version()}
    versions |= {name: _version(name) for name in dict.fromkeys(("numpy", *packages))} | dict(elsewhere or {})
    return Provenance(
        backend=backend,
        executor=executor,
        precision=precision,
        version=__version__,
        packages=versions,
        seed=lowered.seed,
        network_hash=lowered.hash,
        dt=lowered.dt,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        wall_time=wall_time,
        # platform.platform() would add the kernel's release, which names the machine's owner on some systems.
        platform=f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
    )


@cache
def _version(package: str) -> str:
    """Look up an installed version, once: a look-up takes longer than many a piece of a closed loop."""
    from importlib import metadata

    return metadata.version(package)
