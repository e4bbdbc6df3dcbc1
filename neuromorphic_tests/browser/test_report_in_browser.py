"""The page of a report in headless Chromium; run by `make test-browser`, which leaves pictures in build/browser."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from hmn_snn.reporting import report
from neuromorphic_tests.browser.chromium import visit
from neuromorphic_tests.core.report_network import NAME, network

FOLDER = Path(__file__).resolve().parents[2] / "build" / "browser"
WIDTHS = (1400, 400)
# Chromium's windows are 500 px wide at least, so a frame is measured, by the page around it.
FRAME = """<!doctype html><iframe srcdoc="{page}" style="width: {width}px; height: 900px; border: 0"></iframe>
<script>onload = () => {{
  const frame = frames[0], inside = frame.document;
  const shown = [...inside.images].filter(image => image.complete && image.naturalWidth > 99);
  document.title = [frame.innerWidth, inside.documentElement.scrollWidth, inside.images.length, shown.length];
}}</script>"""


@pytest.fixture(scope="module")
def page():
    made = report(network(), 200.0, ["numba", "loihi2", "memristor", "nengo"], out=FOLDER / "report", progress=False)
    assert [target.status for target in made.targets] == ["ran", "ran", "ran", "refused"]
    return made.folder / "index.html"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_opens_without_a_word_and_without_a_request(browser, page, width, dark):
    screenshot = FOLDER / f"report-{width}{'-dark' * dark}.png"
    seen = visit(browser, page, width, 9000, screenshot, dark=dark)
    assert seen.console == ()
    assert [address for address in seen.requests if not address.startswith(("file:", "data:"))] == []
    assert NAME.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in seen.dom
    assert "<h2>Energy</h2>" in seen.dom
    assert screenshot.read_bytes()[16:20] == width.to_bytes(4, "big")  # a PNG's header says how wide it is
    assert len(screenshot.read_bytes()) > 20_000  # a blank page takes less


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window_and_every_picture_shows(browser, page, tmp_path, width):
    text = page.read_text(encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=html.escape(text), width=width), encoding="utf-8")
    seen = visit(browser, frame, 1500, 900, tmp_path / "shot.png")
    title = re.search(r"<title>([\d,]+)</title>", seen.dom)
    assert title is not None
    inner, wide, pictures, shown = map(int, title[1].split(","))
    assert inner == width
    assert wide <= width
    assert pictures == shown == text.count("<img ") > 8


def test_a_script_and_a_request_would_be_seen(browser, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text('<!doctype html><img src="http://127.0.0.1:9/x.png"><script>console.error("boom")</script>')
    seen = visit(browser, bad, 400, 400, tmp_path / "bad.png")
    assert any("boom" in message for message in seen.console)
    assert "http://127.0.0.1:9/x.png" in seen.requests
