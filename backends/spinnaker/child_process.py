"""A script in a process of its own and all that it starts: a folder, a private home, a limit, and a sure end."""

from __future__ import annotations

import os
import signal
import site
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hmn_snn.errors import SimulationError

_LOG = "log.txt"
_LINES = 15  # of what it said last


def run(command: Sequence[str], folder: Path, seconds: float) -> str:
    """Run a command in a folder that is its home too, and wait for it.

    It leads a process group of its own, which is killed when it ends, when its time is over, and when this process is
    interrupted or told to terminate.

    Parameters
    ----------
    command : list of str
    folder : pathlib.Path
        Working folder; whatever programs keep in a home or a cache goes there.
    seconds : float

    Returns
    -------
    str
        What it printed.

    Raises
    ------
    SimulationError
        If it fails or takes longer.
    """
    log = folder / _LOG
    with log.open("wb") as stream, _ending_in_order():
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(folder), stdin=subprocess.DEVNULL, stdout=stream,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            status: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _kill(process)
    said = log.read_text(encoding="utf-8", errors="replace")
    if status == 0:
        return said
    what = f"took longer than {seconds:g} s; raise time_limit if the network needs it" if status is None else (
        f"ended with status {status}")  # fmt: skip
    last = "\n".join(["; its last words:", *said.strip().splitlines()[-_LINES:]]) if said.strip() else ""
    raise SimulationError(f"the script {what}{last}")


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let SIGTERM end this process by an exception, unless it means something already, so that all is cleared up."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _environment(folder: Path) -> dict[str, str]:
    own = {"HOME": folder, "TMPDIR": folder, "XDG_CONFIG_HOME": folder / ".config", "XDG_CACHE_HOME": folder / ".cache"}
    # Packages that a user installed for themselves are found through the home.
    others = {"PYTHONUSERBASE": site.getuserbase(), "MPLBACKEND": "Agg"}
    return os.environ | {name: str(path) for name, path in own.items()} | others


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of a group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
