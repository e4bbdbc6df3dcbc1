"""A process of another interpreter and all that it starts: asked in lines, waited for with a limit, sure to end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn

from hmn_snn.errors import SimulationError

START, STOP = 120.0, 10.0  # seconds to begin, and to end
POLL = 0.2  # seconds between two looks whether it still runs


class Child:
    """A process group that runs Lava, and a folder to exchange arrays with it.

    The child gets the folder and a file descriptor as arguments, makes a process group of its own, and kills that group
    when the descriptor ends, which it does with this process, however that ends.

    Parameters
    ----------
    command : list of str
    prepare : callable (folder)
        Writes what the child needs at its start.

    Attributes
    ----------
    folder : pathlib.Path
    pid : int
        Of the child and its group.

    Raises
    ------
    SimulationError
    """

    def __init__(self, command: list[str], prepare: Callable[[Path], None]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hmn-lava-"))
        prepare(self.folder)
        lifeline, self._alive = os.pipe()
        self._log: IO[bytes] = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            [*command, str(self.folder), str(lifeline)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, pass_fds=[lifeline], cwd=self.folder,
        )  # fmt: skip
        os.close(lifeline)
        self.pid, self._gone = self._process.pid, ""
        self._finish = weakref.finalize(self, _end, self._process, self._alive, self.folder, self._log)
        self._await("ready", START)

    def check(self) -> None:
        """Raise where the child has ended.

        Raises
        ------
        SimulationError
        """
        if self._gone:
            raise SimulationError(f"Lava does not run any more: {self._gone}; start a new simulation")

    def ask(self, command: dict[str, Any], answer: str, seconds: float) -> None:
        """Send a command and wait for its answer.

        Parameters
        ----------
        command : dict
        answer : str
        seconds : float

        Raises
        ------
        SimulationError
        """
        self.check()
        with contextlib.suppress(BrokenPipeError):  # what it died of is in its log
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        self._await(answer, seconds)

    def close(self) -> None:
        """End the child and all its processes, and remove the folder."""
        if not self._gone:
            with contextlib.suppress(SimulationError):
                self.ask({"do": "stop"}, "stopped", STOP)
            self._gone = "it was closed"
        self._finish()

    def _await(self, answer: str, seconds: float) -> None:
        until, text = time.monotonic() + seconds, b""
        assert self._process.stdout is not None
        stream = self._process.stdout.fileno()
        try:
            while not text.endswith(b"\n"):
                if select.select([stream], [], [], POLL)[0]:
                    piece = os.read(stream, 4096)
                    if not piece:
                        self._fail("ended")
                    text += piece
                elif self._process.poll() is not None:  # Lava's own processes may hold the pipe open
                    self._fail("ended")
                elif time.monotonic() > until:
                    self._fail(f"did not answer within {seconds:g} s; raise the limit if the network needs longer")
        except BaseException:
            self._gone = self._gone or "a run was interrupted"
            self._finish()
            raise
        if text.decode().strip() != answer:
            self._fail(f"answered {text.decode().strip()!r}, not {answer!r}")

    def _fail(self, what: str) -> NoReturn:
        self._gone = what
        self._log.flush()
        log = (self.folder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        self._finish()
        said = "\n".join([" Lava's last words:", *log[-15:]]) if log else ""
        advice = "Run again with executor='emulator', which gives the same."
        raise SimulationError(f"Lava {what}. {advice}{said}")


def _end(process: subprocess.Popen[bytes], alive: int, folder: Path, log: IO[bytes]) -> None:
    """Kill a child's process group, whatever is left of it, and remove its folder."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()  # before it has made its group
    process.wait()
    with contextlib.suppress(OSError):
        os.close(alive)
    for stream in (process.stdin, process.stdout, log):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    shutil.rmtree(folder, ignore_errors=True)
