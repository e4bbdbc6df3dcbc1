"""The pages open from a disk without a network: a build warns of every script, style or picture from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.util import logging

logger = logging.getLogger(__name__)

_LOADED = re.compile(r"<(?:script|img|iframe)\b[^>]*\bsrc=\"(https?:)?//[^>]*>|<link\b[^>]*\bhref=\"(https?:)?//[^>]*>")


def warn_of_requests(app: Any, exception: Exception | None) -> None:
    """Warn of each page that would ask another server for something."""
    if exception is not None or app.builder.format != "html":
        return
    for page in sorted(Path(app.outdir).rglob("*.html")):
        found = _LOADED.search(page.read_text(encoding="utf-8"))
        if found:
            logger.warning("%s needs the network: %s", page.relative_to(app.outdir), found.group(0))


def setup(app: Any) -> dict[str, Any]:
    """Look at the pages when they are written."""
    app.connect("build-finished", warn_of_requests)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
