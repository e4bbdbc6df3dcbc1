"""Open a page in headless Chromium and say what happened: its content, console, requests, a picture of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL = f"found none of {', '.join(NAMES)}; install one (Debian: sudo apt install chromium)"


@dataclass(frozen=True)
class Visit:
    """What a browser made of a page: its elements as text, messages on the console, addresses it asked for."""

    dom: str
    console: tuple[str, ...]
    requests: tuple[str, ...]


def find_chromium() -> str | None:
    """Return the path of the first Chromium there is."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def required_chromium() -> str:
    """Return the path of a Chromium; where there is none, end all tests and say what to install."""
    found = find_chromium()
    if found is None:
        pytest.exit(INSTALL, returncode=1)
    return found


def visit(browser: str, page: Path, width: int, height: int, screenshot: Path, *, dark: bool = False) -> Visit:
    """Open a page in a window of some size, with a fresh profile, and save a picture of it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        log = Path(profile) / "net.json"
        # The page is ours, and Chromium's sandbox works neither for root nor in most containers.
        command = [
            browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--enable-logging=stderr", f"--user-data-dir={profile}", f"--log-net-log={log}",
            f"--window-size={width},{height}", f"--screenshot={screenshot}", "--dump-dom",
            *(["--blink-settings=preferredColorScheme=0"] if dark else []), page.resolve().as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)
        return Visit(done.stdout, tuple(re.findall(r"CONSOLE:\d+\] (.*)", done.stderr)), _requests(log))


def _requests(log: Path) -> tuple[str, ...]:
    """Return the addresses that the page asked for; the browser's own requests have no origin."""
    stored = json.loads(log.read_text(encoding="utf-8"))
    start = stored["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    asked = [event.get("params", {}) for event in stored["events"] if event["type"] == start]
    return tuple(entry["url"] for entry in asked if entry.get("initiator", "not an origin") != "not an origin")
