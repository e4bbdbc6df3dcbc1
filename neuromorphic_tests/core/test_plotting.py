"""Plots: each panel shows the numbers of the results, and an overview is drawn for anything a run can give."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from hmn_snn import plotting
from hmn_snn.errors import UnknownNameError
from hmn_snn.panels_activity import MAX_CYCLES
from hmn_snn.panels_weights import MAX_PIXELS
from hmn_snn.results import Ledger, Spikes, Trace, Weights
from neuromorphic_tests.core.made_results import bare_results, full_results, poisson

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def full():
    return full_results()


def texts(figure):
    """Return all text of a figure, drawn first so that tick labels exist."""
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_text()]


# Raster and rates


def test_raster_has_a_dot_per_spike_in_a_band_per_population(full):
    (axes,) = plotting.raster(full).axes
    lines = [line for line in axes.lines if line.get_marker() != "None"]
    bands = [(line.get_ydata().min(), line.get_ydata().max()) for line in lines if len(line.get_xdata())]
    assert [len(line.get_xdata()) for line in lines] == [len(full.spikes[name]) for name in ("stim/a", "exc", "silent")]
    assert np.array_equal(lines[0].get_xdata(), full.spikes["stim/a"].t)
    assert 0.0 < bands[0][0] < bands[0][1] < bands[1][0] < bands[1][1] < 1.0
    assert len({line.get_color() for line in lines}) == 3
    assert [label.get_text() for label in axes.get_yticklabels()] == ["stim/a (20)", "exc (10)", "silent (4)"]
    assert [text.get_text() for text in axes.texts] == ["no spikes"]


def test_raster_of_one_population_has_neuron_indices():
    spikes = Spikes([10.0, 20.0, 30.0], [0, 2, 4], 5)
    (axes,) = plotting.raster(bare_results(spikes={"exc": spikes})).axes
    y = axes.lines[0].get_ydata()
    ticks = {label.get_text(): place for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)}
    assert y.tolist() == [ticks["0"], ticks["2"], ticks["4"]]


def test_raster_takes_chosen_populations_in_the_given_order(full):
    (axes,) = plotting.raster(full, ["exc", "stim/a"]).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["exc (10)", "stim/a (20)"]


@pytest.mark.parametrize("n", [2, 12, 30])
def test_names_of_many_populations_do_not_overlap(n):
    sizes = {f"population number {k} of many": Spikes([], [], 1 if k else 1000) for k in range(n)}
    figure = plotting.raster(bare_results(spikes=sizes))
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert len(boxes) == n
    assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))
    assert min(box.x0 for box in boxes) >= 0.0


def test_rates_add_up_to_the_spikes(full):
    (axes,) = plotting.rates(full, bin_width=30.0).axes  # 200 ms: the last bin is shorter
    shown = [patch.get_data() for patch in axes.patches]
    for name, data in zip(("stim/a", "exc", "silent"), shown, strict=True):
        spikes = full.spikes[name]
        counts = data.values * np.diff(data.edges) / 1e3 * spikes.size
        assert data.edges[0] == 0.0
        assert data.edges[-1] == 200.0
        assert counts == pytest.approx([len(spikes.between(a, b)) for a, b in pairwise(data.edges)])
        assert counts.sum() == pytest.approx(len(spikes))


def test_bins_of_rates_are_round_and_wider_where_spikes_are_few():
    many = bare_results(1000.0, spikes={"exc": poisson(100, 50.0, 1000.0)})
    few = bare_results(1000.0, spikes={"exc": Spikes([10.0, 500.0], [0, 0], 1)})
    titles = [plotting.rates(results).axes[0].get_title(loc="right") for results in (many, few)]
    assert titles == ["mean rates in bins of 10 ms", "mean rates in bins of 100 ms"]


# Recorded variables


def test_few_members_are_lines_and_many_a_band(full):
    (axes,) = plotting.trace(full, "exc", "v").axes
    assert axes.get_ylabel() == "v [mV]"
    assert [line.get_label() for line in axes.lines] == ["[0]", "[7]", "[9]"]
    assert np.array_equal(axes.lines[1].get_ydata(), full.traces["exc"]["v"].values[:, 1])
    (axes,) = plotting.trace(full, "exc", "i_exc").axes
    assert np.allclose(axes.lines[0].get_ydata(), full.traces["exc"]["i_exc"].values.mean(axis=1))
    assert axes.get_title(loc="right") == "mean and 5 to 95 % of 10 members"


def test_modulators_share_a_panel(full):
    levels = dict.fromkeys(("dopamine", "serotonin"), full.traces["dopamine"])
    (axes,) = plotting.modulators(replace(full, traces=levels)).axes
    curves = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert np.array_equal(curves["serotonin"].ravel(), full.traces["dopamine"]["level"].values[:, 0])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["dopamine", "serotonin"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_gate_is_the_positive_part_of_the_cosine(full, wrapped):
    trace = full.traces["theta"]["phase"]
    if wrapped:
        trace = replace(trace, values=np.mod(trace.values, 2 * np.pi))
    figure = plotting.phase(replace(full, traces={"theta": {"phase": trace}}), "theta", preferred=1.0)
    gate, turns = figure.axes
    (area,) = [artist for artist in gate.collections if isinstance(artist, PolyCollection)]
    top = {x: y for x, y in area.get_paths()[0].vertices if y > 0}
    expected = np.maximum(0.0, np.cos(trace.values[:, 0] - 1.0))
    assert sum(expected > 0) > 100
    assert all(top[x] == pytest.approx(y) for x, y in zip(trace.t, expected, strict=True) if y > 1e-9)
    drawn = turns.lines[0].get_ydata()
    assert np.nanmax(drawn) <= 2 * np.pi
    assert np.isnan(drawn).sum() == 1  # 1.6 cycles: the line is broken at one wrap


def test_of_a_long_oscillation_the_last_cycles_are_drawn():
    t = np.arange(0.0, 60_000.0, 5.0)
    traces = {"theta": {"phase": Trace(t, 2 * np.pi * 8 * t[:, None] / 1e3, [0], "rad")}}
    figure = plotting.phase(bare_results(60_000.0, traces=traces), "theta")
    low, high = figure.axes[0].get_xlim()
    assert high == 60_000.0
    assert (high - low) * 8 / 1e3 == pytest.approx(MAX_CYCLES, abs=0.1)
    assert f"the last {MAX_CYCLES} cycles" in texts(figure)


def test_time_is_in_seconds_where_milliseconds_would_be_long():
    long = bare_results(20_000.0, spikes={"exc": Spikes([15_000.0], [0], 1)})
    figure = plotting.raster(long)
    assert "time [s]" in texts(figure)
    assert "15" in [label.get_text() for label in figure.axes[0].get_xticklabels()]


# Weights


def test_weight_matrix_is_source_by_target_with_missing_pairs_blank():
    weights = Weights([0, 0, 2], [1, 1, 0], [0.25, 0.75, 0.1], "nA")
    axes, bar = plotting.weight_matrix(bare_results(weights={"p": weights}), "p").axes
    shown = np.ma.filled(axes.images[0].get_array(), np.nan)
    expected = [[np.nan, 0.5], [np.nan, np.nan], [0.1, np.nan]]  # a mean where two synapses share a pair
    assert np.allclose(shown, expected, equal_nan=True)
    assert bar.get_ylabel() == "weight [nA]"


def test_a_large_weight_matrix_is_averaged_over_blocks():
    n = 2 * MAX_PIXELS + 10
    rng = np.random.default_rng(0)
    weights = Weights(rng.integers(0, n, 50_000), rng.integers(0, n, 50_000), np.full(50_000, 0.5), "nA")
    axes, bar = plotting.weight_matrix(bare_results(weights={"p": weights}), "p").axes
    shown = axes.images[0].get_array()
    assert max(shown.shape) <= MAX_PIXELS
    assert np.allclose(shown.compressed(), 0.5)
    assert bar.get_ylabel() == "weight [nA], mean of 3 x 3"


def test_weight_histograms_count_every_synapse(full):
    (axes,) = plotting.weight_histogram(full, "stim/a -> exc").axes
    after, before = (patch.get_data() for patch in axes.patches)
    weights = full.weights["stim/a -> exc"]
    assert after.values.sum() == before.values.sum() == len(weights)
    assert before.values @ (before.edges[1:] + before.edges[:-1]) / 2 == pytest.approx(weights.initial.sum(), rel=0.05)
    assert np.array_equal(after.edges, before.edges)


def test_weights_over_time_have_a_histogram_per_sample(full):
    (axes,) = plotting.weights_over_time(full, "stim/a -> exc").axes
    counts = axes.collections[0].get_array()
    trace = full.traces["stim/a -> exc"]["weight"]
    assert counts.shape[1] == len(trace.t)
    assert np.array_equal(counts.sum(axis=0), np.full(len(trace.t), len(trace.indices)))
    assert np.allclose(axes.lines[0].get_ydata(), trace.values.mean(axis=1))


# Overview


def test_overview_has_a_panel_for_everything(full):
    shown = texts(full.plot())
    for title in (
        "modulators", "theta: phase and gate", "exc: v", "exc: i_exc", "glia: adenosine",
        "stim/a -> exc: weights over time", "stim/a -> exc: final weights", "stim/a -> exc: weights",
    ):  # fmt: skip
        assert title in shown
    assert not any("exc -> exc" in text for text in shown)  # it had no learning tick
    assert shown.count("time [ms]") == 1


def test_overview_names_what_it_leaves_out():
    entry = Trace([0.0, 1.0], np.zeros((2, 1)), [0], "mV")
    results = bare_results(traces={"exc": {f"trace {k}": entry for k in range(10)}})
    assert "recorded, not shown: exc: trace 8, exc: trace 9" in texts(results.plot())


EMPTY = Trace([], np.zeros((0, 2)), [0, 1], "")
NO_SAMPLES = {"a": {"v": EMPTY}, "m": {"level": EMPTY}, "o": {"phase": EMPTY}, "p": {"weight": EMPTY}}
ONE = Trace([0.0], np.zeros((1, 1)), [0], "nA")
UNUSUAL = {
    "nothing": bare_results(),
    "no time": bare_results(0.0, spikes={"a": Spikes([], [], 3)}),
    "an empty population": bare_results(spikes={"a": Spikes([], [], 0)}),
    "no samples": bare_results(
        traces=NO_SAMPLES, weights={"p": Weights([], [], [], "nA", [])}, ledger=Ledger(ticks={"p": 1})
    ),
    "one neuron": bare_results(spikes={"a": Spikes([50.0], [0], 1)}, traces={"a": {"v": ONE}, "o": {"phase": ONE}}),
    "one synapse": bare_results(
        traces={"p": {"weight": ONE}},
        weights={"p": Weights([0], [0], [0.5], "nA", [0.5])},
        ledger=Ledger(ticks={"p": 1}),
    ),
    "10 000 neurons": bare_results(1000.0, spikes={"a": poisson(8000, 10.0, 1000.0), "b": poisson(2000, 20.0, 1000.0)}),
    "a late piece": bare_results(20_100.0, t_start=20_000.0, spikes={"a": Spikes([20_050.0], [0], 2)}),
}


@pytest.mark.parametrize("results", UNUSUAL.values(), ids=UNUSUAL)
def test_overview_of_unusual_results(results, tmp_path):
    figure = results.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert len(figure.axes) >= 2
    assert "bare" in figure.get_suptitle()


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_overview_is_saved_in_the_format_of_its_suffix(tmp_path, suffix, start):
    path = tmp_path / f"a.{suffix}"
    UNUSUAL["one neuron"].plot(path)
    assert path.read_bytes().startswith(start)


# What all share


def test_a_figure_shows_itself_in_a_notebook(full):
    assert plotting.raster(full)._repr_png_().startswith(b"\x89PNG")


def test_panels_draw_into_given_axes(full):
    figure = Figure()
    upper, lower = figure.subplots(2)
    assert plotting.raster(full, axes=upper) is figure
    plotting.modulators(full, axes=lower)
    assert len(figure.axes) == 2
    assert len(lower.lines) == 2
    inner = figure.subfigures(1)
    assert plotting.rates(full, axes=inner.subplots()) is figure


@pytest.mark.parametrize(
    ("draw", "name", "known"),
    [
        (lambda r: plotting.raster(r, ["nobody"]), "nobody", "exc"),
        (lambda r: plotting.trace(r, "nobody", "v"), "nobody", "exc"),
        (lambda r: plotting.trace(r, "exc", "w"), "w", "i_exc"),
        (lambda r: plotting.phase(r, "dopamine"), "phase", "level"),
        (lambda r: plotting.weight_matrix(r, "nothing"), "nothing", "exc -> exc"),
        (lambda r: plotting.weights_over_time(r, "exc -> exc"), "exc -> exc", "glia"),
    ],
)
def test_unknown_names_are_refused(full, draw, name, known):
    with pytest.raises(UnknownNameError) as info:
        draw(full)
    assert info.value.name == name
    assert known in info.value.known


def test_plots_leave_pyplot_alone(tmp_path):
    code = (
        "import sys\n"
        "from neuromorphic_tests.core.made_results import full_results\n"
        "full_results().plot(sys.argv[1])\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.png")]
    root = Path(__file__).parents[2]
    process = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"
