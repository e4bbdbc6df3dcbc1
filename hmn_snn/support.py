"""Which backend has which mechanism, made from the backends' own capabilities; and what is not installed here."""

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


def absent() -> dict[str, str]:
    """Return what cannot run here: backends, and ways to run of those that can.

    Returns
    -------
    dict of str to str
        Why, with the command that adds it, by the backend's name, or ``"<backend> (<executor>)"``.
    """
    reasons: dict[str, str] = {}
    for name in registry.names():
        translator = registry.get(name)
        reason = translator.unavailable()
        if reason is not None:
            reasons[name] = reason
            continue
        executors: dict[str, str] = getattr(translator, "missing_executors", dict)()
        reasons |= {f"{name} ({executor})": why for executor, why in executors.items()}
    return reasons
