"""What pages show but nobody writes: the support table, the errors, and the notebooks from their own folder."""

from __future__ import annotations

import json
from pathlib import Path

_NOTE = (
    ":::{{note}}\n"
    "This is the notebook `notebooks/{name}` as it is stored, without outputs: tables and figures come when it runs. "
    "The tests run it from top to bottom.\n"
    ":::"
)


def write_generated(folder: Path, notebooks: Path) -> None:
    """Write everything that is made at a build.

    Parameters
    ----------
    folder : pathlib.Path
        Made if it is not there; git ignores it.
    notebooks : pathlib.Path
    """
    from hmn_snn.support import support_table

    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    _write(folder / "support_table.md", support_table() + "\n")
    for source in sorted(notebooks.glob("*.ipynb")):
        notebook = json.loads(source.read_text(encoding="utf-8"))
        note = {"cell_type": "markdown", "metadata": {}, "source": _NOTE.format(name=source.name)}
        if notebook["nbformat_minor"] >= 5:
            note["id"] = "stored-without-outputs"
        notebook["cells"].insert(1, note)
        notebook["metadata"].setdefault("language_info", {"name": "python"})
        _write(folder / "notebooks" / source.name, json.dumps(notebook))


def _write(path: Path, text: str) -> None:
    """Write a file unless it says so already: Sphinx reads again what is newer than its last build."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
