"""Runs a PyNN script in a process of its own, without its simulator, and returns what it built."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DescriptionError, FileFormatError, MissingExtraError, SimulationError, ValidationError

Arrays = dict[str, np.ndarray]

_CHILD = Path(__file__).with_name("pynn_child.py")
_LAST_WORDS = 2000  # characters of what a script wrote before it went wrong


def pynn_installed() -> None:
    """Raise if PyNN is not installed.

    Raises
    ------
    MissingExtraError
    """
    if importlib.util.find_spec("pyNN") is None:
        raise MissingExtraError("pyNN", "pynn")


def run_script(path: Path, args: Sequence[str], time_limit: float) -> tuple[dict[str, Any], Arrays]:
    """Run a script to its end and return the network that it built.

    Its working and its home folder are a private one that is removed; modules beside it can be imported.

    Parameters
    ----------
    path : pathlib.Path
    args : sequence of str
    time_limit : float [s]

    Returns
    -------
    dict
        The model of :class:`hmn_snn.pynn_walk.Walker`, with ``simulator``, ``dt``, ``duration`` and what was noted.
    dict of str to array

    Raises
    ------
    MissingExtraError
    FileNotFoundError
    ValidationError
        If it uses what is not in PyNN's standard interface.
    FileFormatError
        If it fails before it asks for a run, or builds nothing.
    SimulationError
        If it does not end in time.
    """
    pynn_installed()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; give the path of a PyNN script")
    with tempfile.TemporaryDirectory(prefix="hmn-pynn-") as name:
        folder = Path(name)
        (folder / "home").mkdir()
        said, code = _run(path.resolve(), args, folder, time_limit)
        if not (folder / "model.json").exists():
            raise FileFormatError(path, f"its process ended with {code} and left no network; it said: {said}")
        model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        with np.load(folder / "arrays.npz") as file:
            arrays = {key: file[key] for key in file.files}
    _check(path, model)
    return model, arrays


def _run(path: Path, args: Sequence[str], folder: Path, limit: float) -> tuple[str, int]:
    home = folder / "home"
    environment = {
        **os.environ, "HOME": str(home), "USERPROFILE": str(home), "MPLBACKEND": "Agg",
        "PYTHONUSERBASE": site.getuserbase(),  # what the user has installed for himself stays importable
    }  # fmt: skip
    command = [sys.executable, str(_CHILD), str(folder), str(path), *map(str, args)]
    process = subprocess.Popen(
        command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=os.name == "posix",
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise SimulationError(
            f"the script {str(path)!r} did not end within {limit:g} s (nothing is simulated, it only builds); "
            "give a longer time_limit, or wait for nothing in the script"
        ) from None
    finally:
        _end(process)
    return output.decode(errors="replace")[-_LAST_WORDS:].strip(), process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and on POSIX systems whatever it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _check(path: Path, model: dict[str, Any]) -> None:
    failure = model.get("failure")
    if failure and failure["unsupported"]:
        allowed = "it is not in PyNN's standard interface, which is what is read; use a standard model"
        where = "simulator" if failure["line"] is None else f"line {failure['line']}"
        raise ValidationError([DescriptionError(f"script {path.name!r}", where, failure["unsupported"], allowed)])
    if failure and not model["built"]:
        line = "" if failure["line"] is None else f" in line {failure['line']}"
        hint = "; its working folder is an empty one: find files by Path(__file__)"
        hint = hint if failure["type"] == "FileNotFoundError" else ""
        reason = f"it stops{line}, before any run, with {failure['type']}: {failure['message']}{hint}"
        raise FileFormatError(path, f"{reason}\n{failure['traceback']}")
    if not model["populations"]:
        raise FileFormatError(path, "it builds no population; it must import its simulator from pyNN and build with it")
