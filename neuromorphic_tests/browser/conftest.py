"""Without a browser these tests say what to install, and fail: they run only where they are asked for."""

from __future__ import annotations

import pytest

from neuromorphic_tests.browser.chromium import required_chromium


@pytest.fixture(scope="session")
def browser() -> str:
    return required_chromium()
