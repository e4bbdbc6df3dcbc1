"""Whether the tests that need Lava run: they do, and fail, where HMN_REQUIRED_BACKENDS names lava and it is missing."""

from __future__ import annotations

import os

import pytest
from hmn_snn.backends.loihi2 import lava

MISSING = lava.unavailable()
REQUIRED = "lava" in os.environ.get("HMN_REQUIRED_BACKENDS", "").replace(",", " ").split()
needs_lava = pytest.mark.skipif(MISSING is not None and not REQUIRED, reason=f"Lava: {MISSING}")
