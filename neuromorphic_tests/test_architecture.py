"""Who may import whom, read from the source: an import that breaks the layers fails here, whether or not it runs."""

from __future__ import annotations

import ast
import configparser
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hmn_snn

ROOT = Path(__file__).resolve().parents[1]
SOURCE_FOLDERS = ("hmn_snn", "backends", "models", "benchmarks", "neuromorphic_tests")
BACKENDS = sorted(p.name for p in (ROOT / "backends").iterdir() if p.is_dir() and not p.name.startswith(("_", ".")))

# A bare checkout puts the project's root on the path, so these names exist, but each loads a module a second time.
SECOND_COPIES = re.compile(r"(backends|models)(\.|$)|hmn_snn\.(hmn_snn|benchmarks|neuromorphic_tests|notebooks)(\.|$)")


def module_name(file: str) -> str:
    """Return the dotted name under which a source file is imported: backends/numba/x.py is hmn_snn.backends.numba.x."""
    parts = list(Path(file).with_suffix("").parts)
    if parts[0] in ("backends", "models"):
        parts.insert(0, "hmn_snn")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(file: str, source: str) -> Iterator[str]:
    """Yield the absolute dotted name of everything that a file imports, also inside functions and by import_module."""
    name = module_name(file)
    package = name if file.endswith("__init__.py") else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, base] if base else parent)
            # The name may be a module itself: `from hmn_snn import backends`, `from .. import numba`.
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                yield str(node.args[0].value)


def is_part_of(name: str, *packages: str) -> bool:
    """Tell whether a dotted name is one of the packages or lies inside one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def is_allowed(importer: str, imported: str) -> bool:
    """Tell whether the module `importer` may import `imported`, by the layers of CONTRIBUTING.md."""
    if SECOND_COPIES.match(imported):
        return False
    if not is_part_of(importer, "hmn_snn"):
        return True
    if is_part_of(imported, "neuromorphic_tests", "benchmarks", "notebooks"):
        return False
    if is_part_of(importer, "hmn_snn.models"):
        return not is_part_of(imported, "hmn_snn.backends")
    if is_part_of(importer, "hmn_snn.backends"):
        own = importer.split(".")[2:3]
        if is_part_of(imported, "hmn_snn.backends"):
            return is_part_of(imported, *(f"hmn_snn.backends.{name}" for name in [*own, "_shared"]))
        return not is_part_of(imported, "hmn_snn.models")
    return not is_part_of(imported, "hmn_snn.backends", "hmn_snn.models")


def violations(file: str, source: str) -> list[str]:
    """Return the imports of a source file that the layers forbid."""
    importer = module_name(file)
    return [f"{file} imports {name}" for name in imported_names(file, source) if not is_allowed(importer, name)]


def test_every_import_respects_the_layers():
    files = [file for folder in SOURCE_FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    found = [v for f in files for v in violations(f.relative_to(ROOT).as_posix(), f.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)
    assert {module_name(f.relative_to(ROOT).as_posix()) for f in files} >= {"hmn_snn", "hmn_snn.backends.numba"}


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_respect_the_layers(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    plain = "\n".join(line for cell in code for line in cell.splitlines() if not line.lstrip().startswith(("%", "!")))
    assert violations(f"notebooks/{notebook.stem}.py", plain) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("hmn_snn/lowering.py", "from hmn_snn.backends import numba"),
        ("hmn_snn/lowering.py", "from .backends.numba import kernel"),
        ("hmn_snn/__init__.py", "from . import models"),
        ("hmn_snn/cli.py", "def main():\n    import hmn_snn.models.digits"),
        ("hmn_snn/costs/tables.py", "from ..backends import _shared"),
        ("hmn_snn/costs/__init__.py", "from .. import models"),
        ("hmn_snn/cli.py", "import importlib\nimportlib.import_module('hmn_snn.models.digits')"),
        ("hmn_snn/results.py", "import hmn_snn.hmn_snn.network"),
        ("hmn_snn/results.py", "from neuromorphic_tests import conftest"),
        ("backends/brian2/translator.py", "from ..numba import kernel"),
        ("backends/brian2/translator.py", "from .. import numba"),
        ("backends/brian2/parts/synapses.py", "from ...numba.kernel import step"),
        ("backends/_shared/kernel.py", "from hmn_snn.backends.numba import translator"),
        ("backends/__init__.py", "from . import numba"),
        ("backends/loihi2/translator.py", "from hmn_snn.models import digits"),
        ("backends/loihi2/translator.py", "from ...models import digits"),
        ("models/digits.py", "import hmn_snn.backends.numba"),
        ("models/digits.py", "from .. import backends"),
        ("models/digits.py", "from benchmarks import engine"),
        ("neuromorphic_tests/core/test_a.py", "import backends.numba"),
        ("neuromorphic_tests/core/test_a.py", "from models import digits"),
        ("benchmarks/engine.py", "from hmn_snn.hmn_snn import Network"),
        ("benchmarks/engine.py", "from backends import _shared"),
    ],
)
def test_a_forbidden_import_is_found(file, source):
    assert len(violations(file, source)) == 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("hmn_snn/cli.py", "import numba\nfrom .network import Network\nfrom . import registry"),
        ("hmn_snn/costs/tables.py", "from ..results import Results"),
        ("backends/numba/translator.py", "from .._shared.kernel import step\nfrom ... import errors\nimport numba"),
        ("backends/numba/parts/io.py", "from ....lowered import x\nfrom ..kernel import y\nfrom . import z"),
        ("backends/_shared/kernel.py", "from .keyed import draw\nfrom hmn_snn.learning import tick"),
        ("models/digits.py", "import hmn_snn as hs\nfrom hmn_snn.network import Network\nfrom . import data"),
        ("neuromorphic_tests/backends/test_a.py", "from hmn_snn.backends.numba import translator\nimport brian2"),
        ("benchmarks/engine.py", "from hmn_snn.models import digits"),
    ],
)
def test_an_allowed_import_is_let_through(file, source):
    assert violations(file, source) == []


def test_backends_holds_no_module_but_its_init():
    # `python` started in backends/ has that folder on its path: any module there would be found under a wrong name.
    assert [p.name for p in (ROOT / "backends").glob("*.py")] == ["__init__.py"]


def declared_libraries() -> set[str]:
    """Return the import names, as far as they are the package names, of what setup.cfg depends on."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    return {re.split(r"[^\w-]", line)[0].lower() for text in lines for line in text.splitlines() if line}


NAMED_LIKE_A_LIBRARY = sorted(declared_libraries() & set(BACKENDS))


def test_some_backends_are_named_like_libraries():
    assert {"brian2", "numba"} <= set(NAMED_LIKE_A_LIBRARY)


@pytest.mark.parametrize("name", NAMED_LIKE_A_LIBRARY)
def test_a_backend_named_like_a_library_refuses_to_stand_in_for_it(name):
    command = [sys.executable, "-c", f"import {name}"]
    process = subprocess.run(command, cwd=ROOT / "backends", capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith("ImportError: do not run Python inside backends/")


@pytest.mark.parametrize("name", NAMED_LIKE_A_LIBRARY)
def test_the_guard_of_a_backend_comes_before_its_imports(name):
    body = ast.parse((ROOT / "backends" / name / "__init__.py").read_text(encoding="utf-8")).body
    statements = [s for s in body if not isinstance(s, ast.Expr) and getattr(s, "module", "") != "__future__"]
    assert isinstance(statements[0], ast.If)
    assert ast.unparse(statements[0].test) == "'.' not in __name__"
    assert isinstance(statements[0].body[0], ast.Raise)


def test_no_public_name_is_also_a_modules_name():
    # Importing the module later would replace the function: hs.compare would turn from a function into a module.
    modules = {p.stem for p in (ROOT / "hmn_snn").iterdir() if p.suffix == ".py" or p.is_dir()} | {"backends", "models"}
    assert len(hmn_snn.__all__) == len(set(hmn_snn.__all__)) > 10
    assert modules.isdisjoint(hmn_snn.__all__)
