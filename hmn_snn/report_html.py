"""HTML that cannot go wrong: elements that escape what is put into them, tables, pictures as data URIs, one page."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VOID = frozenset({"img", "link", "meta"})  # elements that have no end tag
_SHRUNK = 1.5  # pixels of a picture to one of the page, so that it is sharp on a fine screen

# Pictures have no background, and dark lines and text: in the dark they are inverted, with their hues kept.
STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #5b6570; --line: #d8dee4; --band: #f5f7f9;
  --link: #0a5ea8; --good: #14713d; --fair: #8a5a00; --poor: #5b4bb0; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --ink: #e6e9ed; --soft: #9aa5b1; --line: #323941; --band: #1c2126; --link: #7cbcf5;
    --good: #6fcf97; --fair: #f0b64c; --poor: #b3a6ff; --bad: #ff8a80; }
  figure img { filter: invert(1) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
html { font: 16px/1.5 system-ui, sans-serif; background: var(--paper); color: var(--ink); }
body { max-width: 88rem; margin: 0 auto; padding: 1rem clamp(0.75rem, 3vw, 2.5rem) 4rem; overflow-wrap: anywhere; }
h1 { margin: 0.5rem 0 0; font-size: clamp(1.4rem, 5vw, 2rem); line-height: 1.2; }
h2 { margin: 3rem 0 0.5rem; padding-bottom: 0.25rem; font-size: 1.25rem; border-bottom: 1px solid var(--line); }
h3 { margin: 1.5rem 0 0.5rem; font-size: 1rem; }
p { max-width: 48rem; margin: 0.5rem 0; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin: 1rem 0; }
.soft, figcaption { color: var(--soft); font-size: 0.875rem; }
.box { overflow-x: auto; margin: 0.75rem 0; border: 1px solid var(--line); border-radius: 0.5rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; font-variant-numeric: tabular-nums;
  overflow-wrap: normal; }
th, td { padding: 0.35rem 0.7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  min-width: 5.5rem; max-width: 24rem; }
thead th { background: var(--band); white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
.number { text-align: right; white-space: nowrap; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 1.25rem; }
figure { margin: 0; }
figure img { display: block; max-width: 100%; height: auto; }
.pictures img { width: 100%; }
.wide { overflow-x: auto; }
.NATIVE, .ran, .loaded, .agrees { color: var(--good); }
.ALTERED, .differs { color: var(--fair); }
.HOST, .missing { color: var(--poor); }
.REJECTED, .refused, .failed { color: var(--bad); }
.chip { font-weight: 600; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; margin: 0.5rem 0; padding: 0.75rem; background: var(--band); border-radius: 0.5rem;
  font-size: 0.8125rem; white-space: pre-wrap; }
"""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element; what is no :class:`Markup` is escaped.

    Parameters
    ----------
    name : str
    *children : object
        Written with ``str``; None is left out.
    **attributes : object
        Without those that are None. ``class_`` is written as ``class``.

    Returns
    -------
    Markup
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    start = "".join(f' {key}="{html.escape(str(value))}"' for key, value in given.items())
    if name in VOID:
        return Markup(f"<{name}{start}>")
    return Markup(f"<{name}{start}>{together(children)}</{name}>")


def together(children: Iterable[object]) -> Markup:
    """Return several elements or texts as one.

    Parameters
    ----------
    children : iterable of object

    Returns
    -------
    Markup
    """
    parts = (part if isinstance(part, Markup) else html.escape(str(part)) for part in children if part is not None)
    return Markup("".join(parts))


def chip(text: object, kind: str) -> Markup:
    """Return a coloured word.

    Parameters
    ----------
    text : object
    kind : str
        A class of the style sheet.

    Returns
    -------
    Markup
    """
    return element("span", text, class_=f"chip {kind}")


def table(rows: Sequence[Sequence[object]], headers: Sequence[str], numbers: Sequence[int] = ()) -> Markup:
    """Return a table in a box that it scrolls in; the first cell of a row is its heading.

    Parameters
    ----------
    rows : sequence of sequences
    headers : sequence of str
    numbers : sequence of int
        The columns to align to the right.

    Returns
    -------
    Markup
    """
    kinds = ["number" if k in numbers else None for k in range(len(headers))]
    head = element("tr", *(element("th", h, scope="col", class_=k) for h, k in zip(headers, kinds, strict=True)))
    body = [
        element("tr", element("th", row[0], scope="row"),
                *(element("td", cell, class_=k) for cell, k in zip(row[1:], kinds[1:], strict=True)))
        for row in rows
    ]  # fmt: skip
    inner = element("table", element("thead", head), element("tbody", *body))
    return element("div", inner, class_="box", tabindex=0)


def picture(figure: Figure, alt: str, caption: object = None, wide: bool = False) -> Markup:
    """Return a figure as an image that is part of the page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    alt : str
        What it shows, for those who do not see it.
    caption : object, optional
    wide : bool
        Whether it is as wide as the page, and scrolls where that is narrow.

    Returns
    -------
    Markup
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", transparent=True)
    source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
    width, height = (round(float(inches) * figure.dpi) for inches in figure.get_size_inches())
    width, height = round(width / _SHRUNK), round(height / _SHRUNK)
    least = f"min-width: {min(width, 640)}px" if wide else None
    image = element("img", src=source, alt=alt, width=width, height=height, style=least)
    text = None if caption is None else element("figcaption", caption)
    return element("figure", image, text, class_="wide" if wide else None)


def document(title: str, *children: object) -> str:
    """Return a whole page, which needs nothing but itself: its policy forbids scripts and every request.

    Parameters
    ----------
    title : str
    *children : object

    Returns
    -------
    str
    """
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    return f"<!doctype html>\n{element('html', head, element('body', *children), lang='en')}\n"
