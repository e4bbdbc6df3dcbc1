"""References by the short names that docstrings use: a link where one page has that name, else code.

``:func:`advance``` means the function of the same module, package or class, as a reader of the source takes it. A name
that nothing has still warns.
"""

from __future__ import annotations

import pkgutil
from typing import Any


def resolve(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Return a link to the only documented object of that name, or plain code if it exists but is on no page."""
    if node.get("refdomain") != "py":
        return None
    name, module = node["reftarget"], node.get("py:module") or ""
    domain = env.domains.python_domain
    found = [full for full in domain.objects if full.endswith(f".{name}")]
    if len(found) == 1:
        node["reftarget"] = found[0]
        return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], found[0], node, contnode)
    return contnode if found or _exists(name, module, node.get("py:class")) else None


def _exists(name: str, module: str, owner: str | None) -> bool:
    """Tell whether a name means something where it stands: in a class, its module, its package, or from the top."""
    package = module.rpartition(".")[0]
    places = [f"{module}.{owner}" if owner else "", module, package, ""]
    return any(_found(f"{place}.{name}".lstrip(".")) for place in places)


def _found(dotted: str) -> bool:
    try:
        pkgutil.resolve_name(dotted)
    except (ImportError, AttributeError, ValueError):
        return False
    return True


def setup(app: Any) -> dict[str, Any]:
    """Look at references that nothing else resolves."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
