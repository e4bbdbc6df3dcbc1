"""Which backend has which mechanism: one table, made from the backends' own capabilities."""

from __future__ import annotations

from . import registry
from .translator import FEATURES


def support_table() -> str:
    """Return the table of mechanisms and backends in Markdown, as the README shows it.

    Returns
    -------
    str
    """
    backends = [registry.get(name) for name in registry.names()]
    head = ["mechanism", *(b.name for b in backends)]
    rows = [head, ["---", *(":-:" for _ in backends)]]
    for feature, meaning in FEATURES.items():
        rows.append([meaning, *("yes" if feature in b.capabilities.features else "-" for b in backends)])
    rows.append(["ways to run", *(", ".join(b.capabilities.executors) for b in backends)])
    rows.append(["precisions", *(", ".join(b.capabilities.precisions) for b in backends)])
    rows.append(["closed loop", *("yes" if b.capabilities.closed_loop else "-" for b in backends)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
