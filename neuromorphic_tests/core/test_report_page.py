"""The page of a report is well-formed, needs nothing but itself, and shows names as they are; its pictures show all."""

from __future__ import annotations

import base64
import html
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn.network_picture import network_picture
from hmn_snn.report_html import Markup, element, table
from hmn_snn.report_pictures import MAX_PROJECTIONS, learned_projections
from hmn_snn.reporting import report
from neuromorphic_tests.browser.chromium import find_chromium, required_chromium, visit
from neuromorphic_tests.core.made_reports import CHIP, CRASH, Page, fake_backends, made_report
from neuromorphic_tests.core.made_results import bare_results, full_results
from neuromorphic_tests.core.report_network import NAME, PLASTIC, POPULATION, UNRECORDED, network


@pytest.fixture(scope="module", autouse=True)
def fakes():
    with fake_backends():
        yield


@pytest.fixture(scope="module")
def made(fakes, tmp_path_factory):
    return made_report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def text(made):
    return (made.folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_page_is_balanced_and_has_every_section(page):
    sections = [entry["id"] for entry in page.of("section")]
    assert sections == ["targets", "network", "check", "spikes", "agreement", "weights", "learning", "energy", "ledger",
                        "findings", "provenance"]  # fmt: skip
    assert [link["href"] for link in page.of("a")] == [f"#{name}" for name in sections]
    assert page.said("h2") == [name.capitalize() for name in sections]


def test_every_picture_is_in_the_page_and_has_an_alternative_text(made, page):
    pictures = page.of("img")
    # The network, a raster and two histograms for each target, two curves, three energies, where a target differs.
    assert len(pictures) == 1 + 3 * 3 + 2 + 3 + sum(
        not t.comparison.identical_spikes for t in made.targets if t.comparison
    )
    for picture in pictures:
        assert len(picture["alt"]) > 10
        head, _, data = picture["src"].partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")


def test_the_page_asks_for_nothing_from_outside_and_runs_no_script(text, page):
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "style", "data", "action"):
            value = re.sub(r"^data:image/png;base64,[\w+/=]*$", "", attributes.get(name) or "")
            assert not re.search(r"https?:|//|url\(", value), value[:80]
        assert not any(name.startswith("on") for name in attributes)
    assert not {tag for tag, _ in page.elements} & {"script", "iframe", "object", "embed", "form"}
    style = "".join(page.said("style"))
    assert "prefers-color-scheme: dark" in style
    assert not re.search(r"url\(|@import|https?:", style)
    policy = next(entry for entry in page.of("meta") if entry.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'; ")


def test_names_are_shown_as_they_are(text, page):
    assert page.said("h1") == [NAME]
    for name in (NAME, POPULATION, CHIP):
        assert name in page.said("th")
        assert html.escape(name) in text
    assert "<b>" not in text
    assert CRASH not in text


def test_markup_is_escaped_once():
    inner = element("em", 'a<b>&"c"')
    assert inner == "<em>a&lt;b&gt;&amp;&quot;c&quot;</em>"
    assert element("p", inner, None, 3, class_="x", title='"', id=None) == f'<p class="x" title="&quot;">{inner}3</p>'
    assert isinstance(inner, Markup)
    assert "<td>&lt;i&gt;</td>" in table([["a", "<i>"]], ["x", "y"])


def test_tables_scroll_in_their_box(text):
    assert text.count("<table>") == len(re.findall(r'<div class="box" tabindex="0"><table>', text)) > 5


# Pictures


def test_the_network_picture_has_a_box_for_each_group_and_an_arrow_for_each_line():
    net = network()
    drawn = network_picture(net).axes[0]
    names = {text.get_text() for text in drawn.texts}
    groups = {"stim", "cue", POPULATION, "inh", "theta", "dopamine", "norepinephrine", "glia", "bias"}
    assert groups <= names
    kinds = [type(patch).__name__ for patch in drawn.patches]
    assert kinds.count("FancyBboxPatch") == len(groups)
    # 5 projections; current, drive, entrainment, norepinephrine to glia, and what guides the learning: 3.
    assert kinds.count("FancyArrowPatch") == 5 + 4 + 3
    assert "the network is empty" in network_picture(hs.Network("empty")).axes[0].texts[0].get_text()


def test_the_largest_learning_projections_are_drawn_and_the_rest_is_counted(made):
    assert learned_projections(made) == ([PLASTIC, UNRECORDED], 0)
    weights = full_results().weights["stim/a -> exc"]
    many = bare_results(weights={f"p{k}": weights for k in range(MAX_PROJECTIONS + 3)})
    drawn = replace(made, targets=(replace(made.targets[0], results=many),))
    assert learned_projections(drawn) == ([f"p{k}" for k in range(MAX_PROJECTIONS)], 3)


def test_made_results_of_every_kind_can_be_shown(tmp_path):
    whole = full_results()
    made = report(network(), backends=[], results={"made": whole, "bare": bare_results(200.0)}, out=tmp_path)
    Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "not compared" in "".join(Page((tmp_path / "index.html").read_text(encoding="utf-8")).said("p"))
    assert np.isfinite(made.targets[0].energy.incremental.value)


# The browser


FAKE_CHROMIUM = r"""#!{python}
import json, pathlib, re, sys, urllib.parse, zlib
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:-1])
text = pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(sys.argv[-1]).path)).read_text()
urls = re.findall(r'src="(https?:[^"]*)"', text)
events = [{{"type": 7, "params": {{"url": url, "initiator": "null"}}}} for url in urls]
events.append({{"type": 7, "params": {{"url": "http://browser.invalid", "initiator": "not an origin"}}}})
log = {{"constants": {{"logEventTypes": {{"URL_REQUEST_START_JOB": 7}}}}, "events": [{{"type": 1}}, *events]}}
pathlib.Path(options["log-net-log"]).write_text(json.dumps(log))
pathlib.Path(options["screenshot"]).write_text(options["window-size"])
for message in re.findall(r'console[.]error[(]"(.*?)"', text):
    print(f'[1:1:0101/1:INFO:CONSOLE:1] "{{message}}", source: file (1)', file=sys.stderr)
print(text)
"""


def test_a_visit_tells_content_console_and_requests(made, tmp_path, monkeypatch):
    fake = tmp_path / "chromium-browser"
    fake.write_text(FAKE_CHROMIUM.format(python=sys.executable), encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_chromium() == required_chromium() == str(fake)
    seen = visit(str(fake), made.folder / "index.html", 400, 900, tmp_path / "shot.png")
    assert (seen.console, seen.requests) == ((), ())
    assert html.escape(NAME) in seen.dom
    assert (tmp_path / "shot.png").read_text() == "400,900"
    bad = tmp_path / "bad page.html"
    bad.write_text('<img src="http://x.invalid/a.png"><script>console.error("boom")</script>')
    seen = visit(str(fake), bad, 400, 900, tmp_path / "shot.png", dark=True)
    assert seen.requests == ("http://x.invalid/a.png",)
    assert ["boom" in message for message in seen.console] == [True]


def test_without_a_browser_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.exit.Exception) as caught:
        required_chromium()
    assert caught.value.returncode == 1
    assert "apt install chromium" in caught.value.msg
