"""Results: what they hold, how pieces join, and that nothing is lost in files and other packages' types."""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmn_snn as hs
from hmn_snn.errors import FileFormatError, SimulationError, UnknownNameError
from hmn_snn.results import Ledger, Margins, Results, Spikes, Trace, Weights, provenance
from hmn_snn.results_export import MissingExtraError
from neuromorphic_tests.core.made_results import FINDING, STAMP, assert_same, bare_results, full_results, piece, poisson


@pytest.fixture(scope="module")
def full():
    return full_results()


# Spikes, traces, weights


def test_spikes_are_sorted_by_time_and_then_by_index():
    spikes = Spikes([3.0, 1.0, 3.0, 2.0], [1, 4, 0, 2], 5)
    assert spikes.t.tolist() == [1.0, 2.0, 3.0, 3.0]
    assert spikes.i.tolist() == [4, 2, 0, 1]
    assert spikes.counts.tolist() == [1, 1, 1, 0, 1]
    assert len(spikes) == 4


def test_spikes_between_excludes_the_start_and_includes_the_stop():
    spikes = Spikes([1.0, 2.0, 3.0], [0, 0, 0], 1)
    assert spikes.between(1.0, 3.0).t.tolist() == [2.0, 3.0]
    assert spikes.between(3.0, 3.0).t.tolist() == []


def test_rate_is_spikes_per_neuron_and_second():
    spikes = Spikes([10.0, 20.0, 30.0, 40.0], [0, 1, 0, 1], 2)
    assert spikes.rate(0.0, 100.0) == pytest.approx(20.0)
    assert spikes.rate(10.0, 60.0) == pytest.approx(30.0)
    assert np.isnan(spikes.rate(5.0, 5.0))
    assert np.isnan(Spikes([], [], 0).rate(0.0, 100.0))


def test_interval_variation_is_0_for_a_clock_and_1_for_poisson_spikes():
    clock = Spikes(np.arange(1, 101) * 10.0, np.arange(100) % 2, 2)
    assert clock.isi_cv() == pytest.approx(0.0, abs=1e-12)
    assert poisson(50, 20.0, 20_000.0).isi_cv() == pytest.approx(1.0, abs=0.05)


def test_interval_variation_by_hand():
    # Intervals of neuron 0: 1 and 3 ms, mean 2, deviation 1; neuron 1 has one interval and no say.
    spikes = Spikes([1.0, 2.0, 5.0, 2.5, 9.0], [0, 0, 0, 1, 1], 3)
    assert spikes.isi_cv() == pytest.approx(0.5)
    assert np.isnan(Spikes([1.0, 2.0], [0, 0], 1).isi_cv())


def test_recorded_arrays_are_read_only_and_the_callers_own_are_not_touched():
    t, i = np.array([1.0, 2.0]), np.array([0, 1])
    spikes = Spikes(t, i, 2)
    trace = Trace(t, t[:, None], [0], "mV")
    weights = Weights(i, i, t, "nA", t)
    for array in (
        spikes.t,
        spikes.i,
        spikes.counts,
        trace.t,
        trace.values,
        trace.indices,
        weights.pre,
        weights.initial,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    t[0], i[0] = 5.0, 1
    assert t[0] == 5.0


def test_weight_matrix_adds_synapses_of_one_pair_and_tells_missing_ones():
    weights = Weights([0, 0, 1], [1, 1, 0], [0.25, 0.5, 0.0], "nA")
    assert weights.matrix(2, 3).tolist() == [[0.0, 0.75, 0.0], [0.0, 0.0, 0.0]]
    marked = weights.matrix(2, 3, missing=np.nan)
    assert np.isnan(marked).sum() == 4
    assert marked[1, 0] == 0.0


# Ledger, margins, stamp


def test_ledger_totals_and_sums():
    a = Ledger(spikes={"exc": 3, "inh": 4}, ticks={"p": 1})
    b = Ledger(spikes={"inh": 10, "new": 1})
    both = a + b
    assert both.spikes == {"exc": 3, "inh": 14, "new": 1}
    assert (both.total("spikes"), both.total("ticks"), both.total("pairings")) == (18, 1, 0)


def test_an_unknown_counter_is_refused_by_name():
    with pytest.raises(UnknownNameError) as info:
        Ledger().total("joules")
    assert (info.value.kind, info.value.name) == ("counter", "joules")
    assert set(info.value.known) == set(Ledger.counters())


def test_ledger_prints_a_row_per_object_and_the_totals(full):
    lines = str(full.ledger).splitlines()
    assert [line.split("  ")[0] for line in lines[2:]] == [
        "stim/a", "exc", "silent", "none", "stim/a -> exc", "exc -> exc", "glia", "total"
    ]  # fmt: skip
    assert "1,290" in lines[-1]
    assert max(map(len, lines)) <= 120


def test_every_counter_is_defined_in_the_docstring():
    assert all(name in Ledger.__doc__ for name in Ledger.counters())


def test_margins_combine_to_the_smallest():
    assert Margins(1.0, 0.5) + Margins(0.25) == Margins(0.25, 0.5)


def test_provenance_looks_up_versions_and_keeps_the_machine_unnamed():
    lowered = SimpleNamespace(seed=5, hash="cd" * 32, dt=0.5)
    stamp = provenance("numba", "numba", "float32", lowered, ("numba", "numpy"), 1.5)
    assert list(stamp.packages) == ["python", "numpy", "numba"]
    assert stamp.packages["python"] == platform.python_version()
    assert stamp.packages["numpy"] == np.__version__
    assert (stamp.seed, stamp.network_hash, stamp.dt, stamp.wall_time) == (5, "cd" * 32, 0.5, 1.5)
    assert stamp.version == hs.__version__
    assert platform.node() not in str(stamp)


# Joining


CUTS = st.lists(st.integers(1, 19), max_size=3, unique=True).map(sorted)


@given(cuts=CUTS)
def test_pieces_join_to_the_whole(cuts):
    whole = full_results()
    edges = [0.0, *(10.0 * cut for cut in cuts), 200.0]
    share = Ledger(spikes={"exc": 2}, ticks={"stim/a -> exc": 1})
    pieces = [piece(whole, a, b, share) for a, b in pairwise(edges)]
    joined = pieces[0].joined(*pieces[1:])
    n = len(pieces)
    expected = replace(
        whole,
        ledger=Ledger(spikes={"exc": 2 * n}, ticks={"stim/a -> exc": n}),
        provenance=replace(STAMP, wall_time=STAMP.wall_time * n),
    )
    assert_same(joined, expected)


def test_joined_results_have_the_first_initial_and_the_last_final_weights(full):
    name = "stim/a -> exc"
    half = {name: replace(full.weights[name], values=full.weights[name].initial * 0.5)}
    a = replace(full, t_stop=100.0, weights=half, margins=Margins(5.0, 0.1))
    b = replace(full, t_start=100.0, weights={name: replace(full.weights[name], initial=half[name].values)})
    joined = a.joined(b)
    assert np.array_equal(joined.weights[name].initial, full.weights[name].initial)
    assert np.array_equal(joined.weights[name].values, full.weights[name].values)
    assert joined.margins == Margins(1e-3, 0.1)
    assert joined.findings == (FINDING,)
    assert joined.duration == 200.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t_start": 100.1}, "stops at 100 ms and the next starts at 100.1 ms"),
        ({"t_start": 0.0}, "stops at 100 ms and the next starts at 0 ms"),
        ({"provenance": replace(STAMP, network_hash="cd" * 32)}, "differ in network 'ab"),
        ({"provenance": replace(STAMP, backend="brian2")}, "differ in backend 'numba' and 'brian2'"),
        ({"provenance": replace(STAMP, precision="float32")}, "differ in precision"),
    ],
)
def test_what_does_not_continue_is_not_joined(full, change, message):
    a = replace(full, t_stop=100.0)
    b = replace(full, **{"t_start": 100.0, **change})
    with pytest.raises(SimulationError, match=message):
        a.joined(b)


# Files


def test_a_file_keeps_everything(full, tmp_path):
    full.save(tmp_path / "a.h5")
    assert_same(Results.load(tmp_path / "a.h5"), full)


def test_a_file_keeps_empty_results_infinite_margins_and_odd_names(tmp_path):
    odd = "näme/with -> . ☃"
    traces = {odd: {"v": Trace([], np.zeros((0, 2)), [0, 1], "mV"), "i": Trace([0.0], np.zeros((1, 0)), [], "nA")}}
    weights = {odd: Weights([], [], [], "nA", [])}
    for results in (bare_results(0.0), bare_results(traces=traces, weights=weights, spikes={odd: Spikes([], [], 0)})):
        results.save(tmp_path / "a.h5")
        assert_same(Results.load(tmp_path / "a.h5"), results)


def test_more_than_ten_entries_keep_their_order(tmp_path):
    spikes = {f"p{k}": Spikes([1.0], [0], 1) for k in reversed(range(12))}
    bare_results(spikes=spikes).save(tmp_path / "a.h5")
    assert list(Results.load(tmp_path / "a.h5").spikes) == list(spikes)


def test_a_truncated_file_is_refused(full, tmp_path):
    path = tmp_path / "a.h5"
    full.save(path)
    whole = path.read_bytes()
    for share in (0.0, 0.01, 0.3, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(FileFormatError) as info:
            Results.load(path)
        assert info.value.path == path


def test_a_file_with_a_flipped_bit_is_refused(full, tmp_path):
    path = tmp_path / "a.h5"
    full.save(path)
    with h5py.File(path) as file:
        place = file["traces/0/values"].id.get_chunk_info(0).byte_offset + 5
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(FileFormatError) as info:
        Results.load(path)
    assert info.value.path == path


@pytest.mark.parametrize("entry", ["provenance", "ledger", "spikes/0/t", "traces/2/values"])
def test_a_file_without_one_of_its_parts_is_refused(full, tmp_path, entry):
    path = tmp_path / "a.h5"
    full.save(path)
    with h5py.File(path, "a") as file:
        del file[entry]
    with pytest.raises(FileFormatError) as info:
        Results.load(path)
    assert info.value.path == path


def test_foreign_and_newer_files_are_refused(full, tmp_path):
    path = tmp_path / "a.h5"
    path.write_text("t,i\n1.0,0\n")
    with pytest.raises(FileFormatError, match="no HDF5 file"):
        Results.load(path)
    with h5py.File(path, "w") as file:
        file["t"] = [1.0]
    with pytest.raises(FileFormatError, match="not a file of hmn-snn"):
        Results.load(path)
    hs.Network("other").save(path)
    with pytest.raises(FileFormatError, match="hmn-snn network"):
        Results.load(path)
    full.save(path)
    with h5py.File(path, "a") as file:
        file.attrs["schema"] = 99
    with pytest.raises(FileFormatError, match="schema 99 is newer"):
        Results.load(path)
    with pytest.raises(FileNotFoundError):
        Results.load(tmp_path / "nowhere.h5")


def test_a_save_that_fails_leaves_the_older_file(full, tmp_path):
    path = tmp_path / "a.h5"
    full.save(path)
    unsavable = replace(full, findings=(replace(FINDING, found=object()),))
    with pytest.raises(TypeError):
        unsavable.save(path)
    assert_same(Results.load(path), full)
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


# Other packages


def test_neo_has_every_spike_and_sample(full):
    pytest.importorskip("neo")
    block = full.to_neo()
    (segment,) = block.segments
    for name, spikes in full.spikes.items():
        trains = [train for train in segment.spiketrains if train.annotations["source"] == name]
        assert [train.annotations["index"] for train in trains] == list(range(spikes.size))
        for index, train in enumerate(trains):
            assert np.array_equal(train.rescale("ms").magnitude, spikes.t[spikes.i == index])
            assert (float(train.t_start), float(train.t_stop)) == (full.t_start, full.t_stop)
    signals = {signal.name: signal for signal in segment.analogsignals}
    for name, entry in full.traces.items():
        for variable, trace in entry.items():
            signal = signals[f"{name}.{variable}"]
            assert np.array_equal(signal.magnitude, trace.values)
            assert signal.dimensionality.string == (trace.unit or "dimensionless")
            assert np.allclose(signal.times.rescale("ms").magnitude, trace.t, rtol=0, atol=1e-9)
            assert np.array_equal(signal.array_annotations["index"], trace.indices)
    assert [(group.name, len(group.spiketrains)) for group in block.groups] == [
        (name, spikes.size) for name, spikes in full.spikes.items()
    ]
    assert block.annotations["network_hash"] == STAMP.network_hash


def test_neo_signals_of_a_late_piece_have_an_exact_sampling_period():
    pytest.importorskip("neo")
    t = 1e6 + np.arange(5) * 0.1
    traces = {"exc": {"v": Trace(t, np.zeros((5, 1)), [0], "mV"), "one": Trace(t[:1], np.zeros((1, 1)), [0], "mV")}}
    late = bare_results(1e6 + 0.5, t_start=1e6, traces=traces)
    for signal in late.to_neo().segments[0].analogsignals:
        assert float(signal.sampling_period.rescale("ms")) == 0.1
        assert float(signal.t_start.rescale("ms")) == 1e6


def test_xarray_has_everything_and_survives_a_file(full, tmp_path):
    xarray = pytest.importorskip("xarray")
    full = replace(full, spikes={name.replace("/", ":"): spikes for name, spikes in full.spikes.items()})
    full = replace(full, traces={name.replace("/", ":"): entry for name, entry in full.traces.items()})
    full = replace(full, weights={name.replace("/", ":"): entry for name, entry in full.weights.items()})
    made = full.to_xarray()
    made.to_netcdf(tmp_path / "a.nc", engine="scipy")
    for data in (made, xarray.load_dataset(tmp_path / "a.nc", engine="scipy")):
        for name, spikes in full.spikes.items():
            assert np.array_equal(data[f"{name}.spike_time"], spikes.t)
            assert np.array_equal(data[f"{name}.spike_index"], spikes.i)
            assert data[f"{name}.spike_time"].attrs["size"] == spikes.size
        for name, entry in full.traces.items():
            for variable, trace in entry.items():
                array = data[f"{name}.{variable}"]
                assert np.array_equal(array.values, trace.values)
                assert np.array_equal(array.coords[array.dims[0]], trace.t)
                assert np.array_equal(array.coords[array.dims[1]], trace.indices)
                assert array.attrs["units"] == (trace.unit or "1")
        for name, weights in full.weights.items():
            assert np.array_equal(data[f"{name}.final_weight"], weights.values)
            assert np.array_equal(data[f"{name}.pre"], weights.pre)
            assert np.array_equal(data[f"{name}.post"], weights.post)
        assert np.array_equal(data["stim:a -> exc.initial_weight"], full.weights["stim:a -> exc"].initial)
        assert (data.attrs["t_stop"], data.attrs["application_margin"]) == (full.t_stop, 0.25)
        assert STAMP.network_hash in data.attrs["provenance"]
        assert '"synaptic_events"' in data.attrs["ledger"]


def test_xarray_variables_sampled_together_share_their_time(full):
    pytest.importorskip("xarray")
    data = full.to_xarray()
    assert data["exc.v"].dims[0] == data["theta.phase"].dims[0] == "time"
    assert data["glia.adenosine"].dims[0] == data["stim/a -> exc.weight"].dims[0] == "time_1"
    assert data["exc.v"].dims[1] != data["exc.i_exc"].dims[1]


@pytest.mark.parametrize("package", ["neo", "xarray"])
def test_a_missing_extra_is_named_with_its_command(full, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError) as info:
        getattr(full, f"to_{package}")()
    assert info.value.package == package
    assert info.value.command == f'pip install "hmn-snn[{package}]"'


# Text


def test_the_summary_has_rates_weights_totals_and_the_stamp(full):
    text = str(full)
    row = next(line for line in text.splitlines() if line.startswith("exc "))
    assert row.split()[1:4] == ["10", str(len(full.spikes["exc"])), f"{full.spikes['exc'].rate(0.0, 200.0):.2f}"]
    row = next(line for line in text.splitlines() if line.startswith("stim/a -> exc"))
    weights = full.weights["stim/a -> exc"]
    assert row.split()[3:] == [
        "1,234",
        str(len(weights)),
        f"{weights.initial.mean():.4g}",
        f"{weights.values.mean():.4g}",
        "nA",
    ]
    assert max(map(len, text.splitlines())) <= 120
    words = " ".join(text.split())
    assert "1,290 synaptic events" in words
    assert "numba (float emulator, float64), seed 7" in words


def test_the_summary_warns_of_silence_but_not_of_emptiness(full):
    warnings = [line for line in str(full).splitlines() if line.startswith("warning")]
    assert warnings == ["warning: 'silent' never spiked"]


def test_the_summary_says_when_the_backend_altered_something(full):
    assert "findings (ALTERED 1)" in str(full)
    assert "findings" not in str(replace(full, findings=()))


def test_the_summary_names_fixed_projections_too():
    text = str(bare_results(ledger=Ledger(synaptic_events={"a -> b": 5})))
    assert any(line.split() == ["a", "->", "b", "5"] for line in text.splitlines())


def test_repr_is_short(full):
    assert len(repr(full)) < 300


def test_results_need_no_heavy_package_until_they_are_used():
    code = (
        "import sys, hmn_snn.results; print([m for m in ('matplotlib', 'h5py', 'neo', 'xarray') if m in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


# A run


def test_two_runs_of_a_simulation_join_to_one_run(tmp_path):
    net = hs.Network("join", dt=0.5, seed=2)
    stim = net.add(hs.PoissonInput(30, rate=40.0, name="stim"))
    exc = net.add(hs.Population(10, hs.LIF(tau_refrac=1.0), name="exc"))
    dopamine = net.add(hs.Modulator(tonic=1.0, name="dopamine"))
    rule = hs.HMNRule(modulators=[dopamine], tick=50.0)
    net.add(hs.Projection(stim, exc, hs.AllToAll(), weight=0.3, delay=1.0, plasticity=rule, name="learned"))
    net.record(exc, "v")
    net.record(net["learned"], "weight", 50.0)
    whole = hs.run(net, 300.0)
    with hs.Simulation(net) as sim:
        joined = sim.run(120.0).joined(sim.run(30.0), sim.run(150.0))
    joined.save(tmp_path / "joined.h5")
    same_stamp = {"provenance": whole.provenance}
    assert_same(replace(Results.load(tmp_path / "joined.h5"), **same_stamp), whole)
    assert len(whole.spikes["exc"]) > 10
    assert whole.ledger.updates_applied["learned"] > 0
    assert whole.plastic == ("learned",)


def test_what_only_one_target_counts_adds_up_saves_and_prints(tmp_path):
    one = replace(bare_results(), ledger=Ledger(spikes={"a": 3}, hardware={"reads [fJ]": {"p": 1.5}}))
    two = Ledger(spikes={"a": 4}, hardware={"reads [fJ]": {"p": 2.0, "q": 1.0}, "writes": {"q": 7.0}})
    total = one.ledger + two
    assert total.hardware == {"reads [fJ]": {"p": 3.5, "q": 1.0}, "writes": {"q": 7.0}}
    assert "writes" in str(total)
    one.save(tmp_path / "run.h5")
    assert hs.Results.load(tmp_path / "run.h5").ledger == one.ledger
    assert "2 reads [fJ]" in str(one)
