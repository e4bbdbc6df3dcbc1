"""The page of a report: one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Callable

from .comparison import Comparison
from .energies import Energy
from .ledger import Ledger
from .network_picture import network_picture
from .report_html import Markup, chip, document, element, picture, table, together
from .report_numbers import agreement, energy_cells, spike_cells
from .report_pictures import (
    ENERGIES,
    energy_picture,
    histogram_picture,
    learned_projections,
    learning_picture,
    raster_picture,
    weight_edges,
)
from .reporting import Report, Target
from .summary import counted
from .translator import Finding

_NOT_MEASURED = (
    "Estimates from counts of events and published constants, not measurements. The three figures are not to be added "
    "up: the incremental one is for a machine that is already on, the static one for its idle power, the system one is "
    "what whole machines took per event in measurements. Bars show the value, whiskers the range that it is known to."
)


def report_page(report: Report) -> str:
    """Return a report as a page.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        HTML, with everything in it.
    """
    import matplotlib as mpl

    sections: dict[str, Callable[[Report], Markup]] = {
        "Targets": _targets,
        "Network": _network,
        "Check": _check,
        "Spikes": _spikes,
        "Agreement": _agreement,
        "Weights": _weights,
        "Learning": _learning,
        "Energy": _energy,
        "Ledger": _ledger,
        "Findings": _findings,
        "Provenance": _provenance,
    }
    with mpl.rc_context({"text.parse_math": False}):  # a dollar in a name is a dollar
        parts = [
            element("section", element("h2", name), show(report), id=name.lower()) for name, show in sections.items()
        ]
    links = element("nav", *(element("a", name, href=f"#{name.lower()}") for name in sections))
    return document(f"Report: {report.network.name}", _heading(report), links, element("main", *parts))


def _heading(report: Report) -> Markup:
    from . import __version__

    net = report.network
    facts = f"{report.duration:g} ms in steps of {net.dt:g} ms, seed {net.seed}, network {report.network_hash[:12]}"
    stamp = element("p", f"{facts}; hmn-snn {__version__}, {report.created}", class_="soft")
    return element("header", element("h1", net.name), stamp)


def _targets(report: Report) -> Markup:
    rows = [
        [t.label, chip(t.status, t.status), t.mode, *spike_cells(t), agreement(report, t), *energy_cells(t)]
        for t in report.targets
    ]
    headers = ["target", "status", "ran as", "spikes", "synaptic events", "agreement",
               "incremental energy", "range", "static", "system"]  # fmt: skip
    reasons: list[Markup] = []
    for target in report.targets:
        if target.reason:
            reasons += [element("h3", f"{target.label}: {target.status}"), element("pre", target.reason)]
    same = "Spikes and events are counted by the same rules on every target."
    return together([table(rows, headers, (3, 4, 6)), _soft(same), *reasons])


def _network(report: Report) -> Markup:
    names = ", ".join(report.network.things) or "nothing"
    drawn = picture(network_picture(report.network), f"The network and what it consists of: {names}", wide=True)
    details = element("details", element("summary", "All parameters"), element("pre", report.network))
    return together([drawn, details])


def _check(report: Report) -> Markup:
    matrix = report.matrix
    if not matrix.checks:
        return _soft("No backend was asked; everything was loaded.")
    rows = [[what, *("" if c is None else chip(c, c.severity.value) for c in cells)] for what, cells in matrix.rows()]
    can = [chip("no", "REJECTED") if c.rejected else chip("yes", "NATIVE") for c in matrix.checks.values()]
    rows.append(["can run", *can])
    text = (
        "The worst that each target does to each object, with the largest distortion (a relative error or a share): "
        "NATIVE as it is, ALTERED, done by the HOST, REJECTED. Nothing where a target has nothing to say of an object."
    )
    missing = [_soft(f"{name}: {reason}") for name, reason in matrix.missing.items()]
    return together([_soft(text), table(rows, ["object", *matrix.checks]), *missing])


def _spikes(report: Report) -> Markup:
    figures = []
    for target in report.with_results:
        assert target.results is not None
        counts = ", ".join(f"{name}: {len(spikes):,} spikes" for name, spikes in target.results.spikes.items())
        alt = f"Raster of {target.label}: {counts}"
        figures.append(picture(raster_picture(target.results), alt, target.title))
    return _pictures(figures)


def _agreement(report: Report) -> Markup:
    parts: list[Markup | None] = []
    for target in report.with_results:
        if target.incomparable:
            parts += [element("h3", target.title), element("p", f"not compared: {target.incomparable}")]
        if target.comparison is not None:
            parts += _one_agreement(report, target, target.comparison)
    return together(parts) if parts else _soft("There is nothing to compare with.")


def _one_agreement(report: Report, target: Target, found: Comparison) -> list[Markup | None]:
    word, first = "agrees" if found.agree else "differs", found.divergence
    a = next(t.title for t in report.with_results if t.label == report.reference)
    drawn = None
    if not found.identical_spikes:
        alt = f"Spikes of {report.reference} and {target.label} around the first divergence"
        drawn = picture(found.plot(), alt, f"a is {a}, b is {target.title}", wide=True)
    return [
        element("h3", f"{target.title} ", chip(word, word)),
        _soft(f"a is {a}, b is {target.title}."),
        element("p", found.verdict),
        None if first is None else element("p", f"First divergence: {first}"),
        _spike_table(found),
        _weight_table(found),
        *(_soft(f"not compared: {odd}") for odd in found.incomparable),
        drawn,
    ]


def _spike_table(found: Comparison) -> Markup | None:
    rows = [
        [name, f"{s.n_a:,}", f"{s.n_b:,}", f"{s.n_shared:,}", f"{s.precision:.4g}", f"{s.recall:.4g}",
         f"{s.rate_a:.4g}", f"{s.rate_difference:.3g}", f"{s.van_rossum:.3g}", f"{s.spike_distance:.3g}"]
        for name, s in found.spikes.items()
    ]  # fmt: skip
    headers = ["population or input", "spikes in a", "in b", "in both", "precision", "recall", "rate in a [Hz]",
               "b minus a", "van Rossum", "SPIKE"]  # fmt: skip
    return table(rows, headers, range(1, 10)) if rows else None


def _weight_table(found: Comparison) -> Markup | None:
    rows = [
        [name, f"{w.n_synapses:,}", f"{w.max_abs:.3g} {w.unit}", f"{w.rms:.3g} {w.unit}"]
        for name, w in found.weights.items()
    ]
    return table(rows, ["weights of", "synapses", "largest difference", "rms"], (1, 2, 3)) if rows else None


def _weights(report: Report) -> Markup:
    names, left_out = learned_projections(report)
    parts: list[Markup] = [] if names else [_soft("No projection learns.")]
    for name in names:
        edges, figures = weight_edges(report.with_results, name), []
        for target in report.with_results:
            assert target.results is not None
            if name in target.results.weights:
                alt = f"Histogram of the weights of {name} before and after the run on {target.label}"
                figure = histogram_picture(target.results, name, edges)
                figures.append(picture(figure, alt, target.title))
        parts += [element("h3", name), _pictures(figures)]
    return together([*parts, _left_out(left_out)])


def _learning(report: Report) -> Markup:
    names, left_out = learned_projections(report)
    if not names:
        return _soft("No projection learns.")
    text = "Mean weight over time where it was recorded; a dashed line from before to after where it was not."
    figures = [
        picture(learning_picture(report.with_results, name), f"Mean weight of {name} over time on each target", name)
        for name in names
    ]
    return together([_soft(text), _pictures(figures), _left_out(left_out)])


def _energy(report: Report) -> Markup:
    shown = report.with_results
    if not shown:
        return _soft("No target has results.")
    figures = [
        picture(energy_picture(shown, kind), f"{kind} energy of each target, with its range", f"{kind}: {meaning}")
        for kind, (meaning, _) in ENERGIES.items()
    ]
    energies: list[Energy] = [target.energy for target in shown if target.energy is not None]
    rows = [[t.label, t.mode, e.title, *energy_cells(t), e.confidence] for t, e in zip(shown, energies, strict=True)]
    headers = ["target", "counted by", "priced as", "incremental, with host", "range", "static", "system", "confidence"]
    details = [
        element("details", element("summary", f"{t.label}: every counter, and what is missing"), element("pre", e))
        for t, e in zip(shown, energies, strict=True)
    ]
    return together([_soft(_NOT_MEASURED), _pictures(figures), table(rows, headers, (3, 5, 6)), *details])


def _ledger(report: Report) -> Markup:
    shown = [(t, t.results.ledger) for t in report.with_results if t.results is not None]
    if not shown:
        return _soft("No target has results.")
    rows = [[name.replace("_", " "), *(f"{ledger.total(name):,}" for _, ledger in shown)] for name in Ledger.counters()]
    details = [
        element("details", element("summary", f"{target.label}: by object"), element("pre", ledger))
        for target, ledger in shown
    ]
    headers = ["events", *(target.title for target, _ in shown)]
    return together([table(rows, headers, range(1, len(headers))), *details])


def _findings(report: Report) -> Markup:
    parts = []
    for target in report.targets:
        checked = report.matrix.checks.get(target.label)
        findings = tuple(checked or ()) if target.results is None else target.results.findings
        where = " of the check" if target.results is None else ""
        title = element("summary", f"{target.title}: {counted(len(findings), 'finding')}{where}")
        parts.append(element("details", title, _finding_table(findings)))
    return together(parts)


def _finding_table(findings: tuple[Finding, ...]) -> Markup:
    if not findings:
        return _soft("Nothing to say.")
    rows = [
        [f.what, chip(f.severity.value, f.severity.value), f.where, f.found, f.limit,
         "" if f.distortion is None else f"{f.distortion:.2g}"]
        for f in findings
    ]  # fmt: skip
    return table(rows, ["object", "severity", "where", "found", "what happens", "distortion"], (5,))


def _provenance(report: Report) -> Markup:
    rows = []
    for target in report.with_results:
        assert target.results is not None
        stamp = target.results.provenance
        same = "this one" if stamp.network_hash == report.network_hash else "another"
        packages = ", ".join(f"{name} {version}" for name, version in stamp.packages.items())
        rows.append([target.label, target.status, target.mode, stamp.seed, f"{same} ({stamp.network_hash[:12]})",
                     f"hmn-snn {stamp.version}, {packages}", stamp.platform, stamp.created,
                     f"{stamp.wall_time:.3g} s"])  # fmt: skip
    headers = ["target", "status", "ran as", "seed", "network", "versions", "platform", "created", "wall time"]
    return table(rows, headers, (3, 8)) if rows else _soft("No target has results.")


def _pictures(figures: list[Markup]) -> Markup:
    return element("div", *figures, class_="pictures") if figures else _soft("No target has results.")


def _left_out(number: int) -> Markup | None:
    return _soft(f"{number} smaller projections that learn are not drawn.") if number else None


def _soft(text: str) -> Markup:
    return element("p", text, class_="soft")
