# mypy: disable-error-code="no-untyped-call"
"""Runs a PyNN script with stand-ins for the simulators and writes the network that it built.

``python pynn_child.py <folder for the answer> <script> [arguments]``; started by :mod:`hmn_snn.pynn_process`.
"""

from __future__ import annotations

import importlib.util
import json
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np


def _load(name: str) -> Any:
    """Import a module that lies beside this file, without its folder on the path, where it would hide others."""
    spec = importlib.util.spec_from_file_location(f"hmn_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _failure(error: BaseException) -> dict[str, Any]:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "runpy" not in f.filename]
    own = [f for f in frames if f.filename == sys.argv[0]]
    line = own[-1].lineno if own else None
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__)[-6:])
    return {
        "type": type(error).__name__, "message": str(error), "line": line, "traceback": text,
        "unsupported": getattr(error, "what", None),
    }  # fmt: skip


def main(folder: Path, script: str, args: list[str]) -> None:
    """Run a script and write ``model.json`` and ``arrays.npz``.

    Parameters
    ----------
    folder : pathlib.Path
    script : str
    args : list of str
        What the script finds in ``sys.argv`` behind its own name.
    """
    sys.path[0] = str(Path(script).parent)
    sys.argv = [script, *args]
    answer: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    record = _load("pynn_stand_in_models").record
    _load("pynn_stand_in").install()
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as error:
        if error.code not in (None, 0):
            answer["failure"] = _failure(error)
    except Exception as error:
        answer["failure"] = _failure(error)
    # What comes after the run works on results, which are empty here: the network is complete.
    answer["built"] = "failure" not in answer or record.duration > 0
    if answer["built"]:
        from pyNN.mock import simulator

        walk = _load("pynn_walk").Walker(record.populations, record.projections, record.currents)
        arrays = walk.arrays
        answer |= walk.model
        answer |= {
            "simulator": record.simulator, "dt": simulator.state.dt, "duration": record.duration,
            "dropped": record.dropped, "changed": list(record.changed), "earlier": record.earlier,
        }  # fmt: skip
    np.savez(folder / "arrays.npz", **arrays)
    (folder / "model.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
