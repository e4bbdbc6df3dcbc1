"""sPyNNaker's configuration for one run: a virtual board, or a copy of the user's own, which is never touched."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

from hmn_snn.errors import BackendUnavailableError

FILE = ".spynnaker.cfg"
# sPyNNaker's numbers of its boards.
VERSIONS = {"spin5": 5, "spin3": 3}
_KEYS = ("machine_name", "spalloc_server", "remote_spinnaker_url")
_ADVICE = """write there, for a board that this machine reaches,
    [Machine]
    machine_name = 192.168.240.1
    version = 5
or, for boards that a spalloc server lends,
    [Machine]
    spalloc_server = https://spinnaker.cs.man.ac.uk/spalloc/
    version = 5"""


def virtual(home: Path, board: str) -> None:
    """Write the configuration of a virtual board into a home.

    Parameters
    ----------
    home : pathlib.Path
    board : "spin5" or "spin3"
    """
    lines = ["[Machine]", f"version = {VERSIONS[board]}", "virtual_board = True", "[Mode]", "mode = Production"]
    (home / FILE).write_text("\n".join([*lines, ""]), encoding="utf-8")


def users_own(home: Path) -> None:
    """Copy the user's configuration of a board into a home.

    Parameters
    ----------
    home : pathlib.Path

    Raises
    ------
    BackendUnavailableError
        If there is none, or it names no board.
    """
    file = _find()
    if file is None:
        where = Path.home() / FILE
        found_no = f"executor 'hardware' finds no {where} that names a board; {_ADVICE}"
        raise BackendUnavailableError("spinnaker", found_no)
    content = file.read_text(encoding="utf-8")
    named = _named(content, file)
    if not named:
        raise BackendUnavailableError("spinnaker", f"{file} names no board for executor 'hardware'; {_ADVICE}")
    (home / FILE).write_text(content, encoding="utf-8")


def _find() -> Path | None:
    """Return the file that sPyNNaker itself would read."""
    folders = (Path.home(), Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"))
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)


def _named(content: str, file: Path) -> str | None:
    """Return the board that a configuration names, if it does and is not for a virtual one."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(content)
    except configparser.Error as error:
        raise BackendUnavailableError("spinnaker", f"{file} cannot be read ({error}); {_ADVICE}") from error
    # sPyNNaker does not mind capitals and underscores: machineName is machine_name.
    sections = [parser[name] for name in parser.sections() if name.lower() == "machine"]
    machine = dict(sections[0]) if sections else {}
    values = {key.replace("_", "").lower(): value.split(";")[0].strip() for key, value in machine.items() if value}
    if values.get("virtualboard", "False").lower() == "true":
        return None
    found = (values.get(key.replace("_", ""), "None") for key in _KEYS)
    return next((value for value in found if value not in ("", "None")), None)
