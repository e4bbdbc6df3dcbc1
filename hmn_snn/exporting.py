"""A network and a run of it as a file in a target's own language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import registry
from .errors import DescriptionError, UnknownNameError
from .grid import duration_steps
from .network import Network
from .simulate import prepared


def export(net: Network, duration: Any, path: str | Path, backend: str) -> tuple[Path, ...]:
    """Write a network and a run of it from t = 0 in a backend's own language, such as a script for its simulator.

    The simulator need not be installed.

    Parameters
    ----------
    net : Network
    duration : float [ms]
        Multiple of dt; also ``"1 s"`` or a quantity.
    path : str or pathlib.Path
        Its end must be that of the backend's files (:func:`export_suffix`). Files that are there are replaced.
    backend : str
        One whose capabilities name such an end: ``"brian2"`` writes a script that runs without hmn-snn; ``"loihi2"``
        the program that lies on the chip, without the inputs' spikes.

    Returns
    -------
    tuple of pathlib.Path
        The file, then the files that it reads.

    Raises
    ------
    UnknownNameError
        If there is no such backend, or it has no such files.
    DescriptionError
        If the path has another end, or the duration is no multiple of dt.
    ValidationError
        If the network is wrong; it holds all errors.
    RejectedError
        If the backend cannot run it; it holds all refusals.
    """
    path, suffix = Path(path), export_suffix(backend)
    if path.suffix != suffix:
        raise DescriptionError("export", "path", str(path), f"give a name that ends in {suffix}")
    n_steps = duration_steps(duration, net.dt)
    translator, lowered, settings, checked = prepared(net, backend, {}, installed=False)
    return translator.translate(lowered, findings=checked.findings, **settings).export(path, n_steps)


def export_suffix(backend: str) -> str:
    """Return how the names of the files end that a backend's networks are exported to.

    Parameters
    ----------
    backend : str

    Returns
    -------
    str
        Such as ``".py"``.

    Raises
    ------
    UnknownNameError
        If there is no such backend, or it has no such files.
    """
    suffix = registry.get(backend).capabilities.export
    if suffix is None:
        able = tuple(name for name in registry.names() if registry.get(name).capabilities.export is not None)
        raise UnknownNameError("backend that networks are exported to", backend, able)
    return suffix
