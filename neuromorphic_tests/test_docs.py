"""The documentation says what is true: its examples run, it names everything public, and knows no machine."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.errors import RejectedError
from neuromorphic_tests.conformance.cases import CASES
from neuromorphic_tests.conformance.conforming import assert_conforms

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = {
    page.relative_to(DOCS).as_posix(): page.read_text(encoding="utf-8")
    for page in sorted(DOCS.rglob("*"))
    if page.suffix in (".md", ".rst") and "generated" not in page.parts
}
# What is fenced `python` is run, page by page; `py` and `console` are not.
EXAMPLES = {name: re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE) for name, text in PAGES.items()}


@pytest.fixture
def developer_folder(monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "developer")


@pytest.mark.parametrize("name", [name for name, blocks in EXAMPLES.items() if blocks])
def test_the_blocks_of_a_page_run_in_order(name, tmp_path, monkeypatch, developer_folder):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, block in enumerate(EXAMPLES[name]):
        exec(compile(block, f"{name}, block {number}", "exec"), names)
    plt.close("all")


def test_the_pages_that_teach_have_examples():
    assert all(EXAMPLES[name] for name in ("tutorial.md", "developer/translator.md", "guides/check.md"))


def test_the_example_translator_conforms(monkeypatch, developer_folder):
    monkeypatch.setitem(registry._BACKENDS, "tiny", "tiny_translator")
    assert registry.get("tiny") is importlib.import_module("tiny_translator").translator
    agreed = []
    for name, case in CASES.items():
        assert_conforms(name, "tiny", "numpy")
        if not hs.check(case.make(), "tiny").rejected:
            agreed.append(name)
    assert len(agreed) >= 10
    net = hs.Network("recorded")
    net.record(net.add(hs.Population(1, name="cell")), "v")
    with pytest.raises(RejectedError) as refused:
        hs.run(net, 1.0, backend="tiny")
    assert [finding.where for finding in refused.value.findings] == ["recordings"]


def listed() -> set[str]:
    """Return the dotted names that the API pages list."""
    found = set()
    for name, text in PAGES.items():
        module = ""
        if name.startswith("api/"):
            for line in text.splitlines():
                if line.startswith(".. currentmodule:: "):
                    module = line.split()[-1] + "."
                entry = re.fullmatch(r"   (?!:)([\w.]+)", line)
                if entry:
                    found.add(entry[1] if entry[1].startswith("hmn_snn.") else module + entry[1])
    return found


def test_every_public_name_is_on_an_api_page():
    missing = {f"hmn_snn.{name}" for name in hs.__all__} - listed()
    assert not missing, f"list them in docs/api: {sorted(missing)}"


def test_every_backend_has_a_guide():
    guides = {Path(name).stem for name in PAGES if name.startswith("targets/")} - {"index"}
    assert guides >= set(registry.names())
    assert all(f"(targets/{name}.md)" in PAGES["index.md"] for name in registry.names())


def test_the_pages_know_no_machine():
    for name, text in PAGES.items():
        found = re.search(r"(?<![\w.])(/home/|/tmp/|/Users/|[A-Z]:\\)\S*", text)
        assert found is None, f"{name} has a path of some machine: {found and found[0]}"
