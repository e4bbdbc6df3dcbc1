"""What the tests of reports share: targets of every status, a parser."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from html.parser import HTMLParser
from types import ModuleType

import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.report_html import VOID
from hmn_snn.reporting import report
from hmn_snn.translator import FEATURES, Capabilities, feature_findings
from neuromorphic_tests.core.report_network import network

DURATION = 200.0
CHIP = "chip <1> & \"a\" 'b'"  # what loaded results are called
CRASH = "<script>alert('no')</script>"
INSTALL = 'not installed; run: pip install "hmn-snn[absent]"'
STATUSES = {
    "numba": "ran",
    "loihi2": "ran",
    "broken": "failed",
    "absent": "missing",
    "picky": "refused",
    CHIP: "loaded",
}


class FakeBackend:
    """A backend that has some features, may be absent, and crashes when it is used."""

    def __init__(self, name, features=frozenset(FEATURES), reason=None):
        self.name, self.reason = name, reason
        self.capabilities = Capabilities(features=features, executors=(name,))

    def unavailable(self):
        return self.reason

    def check(self, lowered, **options):
        return feature_findings(lowered, self.capabilities)

    def translate(self, lowered, **options):
        raise ZeroDivisionError(CRASH)


@contextmanager
def fake_backends():
    """Register a backend that crashes, one that is not installed, and one that refuses almost everything."""
    backends = FakeBackend("broken"), FakeBackend("absent", reason=INSTALL), FakeBackend("picky", frozenset({"lif"}))
    with pytest.MonkeyPatch.context() as patch:
        for backend in backends:
            module = ModuleType(f"fake_{backend.name}")
            module.translator = backend
            patch.setitem(sys.modules, module.__name__, module)
            patch.setitem(registry._BACKENDS, backend.name, module.__name__)
        yield


def made_report(folder):
    """Return a report in which a target of every status appears, under ``fake_backends``."""
    saved = folder / "chip.h5"
    hs.run(network(), DURATION, "memristor").save(saved)
    backends = [name for name in STATUSES if name != CHIP]
    return report(network(), DURATION, backends, results={CHIP: saved}, out=folder / "out", progress=False)


class Page(HTMLParser):
    """What a page consists of; fails where elements do not close in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len(attrs) == len(dict(attrs))
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def said(self, tag):
        return [data for name, data in self.texts if name == tag]
