"""Reports: every number is that of the results, every target appears, files are whole."""

from __future__ import annotations

import argparse
import json
import math
import re

import pytest

import hmn_snn as hs
from hmn_snn import registry, reporting
from hmn_snn.cli_report import add_arguments, write_report
from hmn_snn.comparison import compare
from hmn_snn.energies import energy
from hmn_snn.errors import DescriptionError, FileFormatError, UnknownNameError, ValidationError
from hmn_snn.ledger import Ledger
from hmn_snn.reporting import DEVICES, report
from neuromorphic_tests.core.made_reports import (
    CHIP,
    CRASH,
    DURATION,
    INSTALL,
    STATUSES,
    Page,
    fake_backends,
    made_report,
)
from neuromorphic_tests.core.made_results import bare_results
from neuromorphic_tests.core.report_network import network


@pytest.fixture(scope="module", autouse=True)
def fakes():
    with fake_backends():
        yield


@pytest.fixture(scope="module")
def made(fakes, tmp_path_factory):
    return made_report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def stored(made):
    return json.loads((made.folder / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def text(made):
    return (made.folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def stored_target(stored, label):
    return next(target for target in stored["targets"] if target["label"] == label)


# What became of each target


def test_every_target_appears_as_what_became_of_it(made, stored, page):
    assert {target.label: target.status for target in made.targets} == STATUSES
    assert {target["label"]: target["status"] for target in stored["targets"]} == STATUSES
    for label, status in STATUSES.items():
        assert label in page.said("th")
        assert status in page.said("span")
        assert re.search(rf"^{re.escape(label[:8])}.* {status}", str(made), re.MULTILINE)


def test_reasons_are_told_in_full(made, page):
    said = "".join(page.said("pre"))
    assert INSTALL in said
    assert f"ZeroDivisionError: {CRASH}" in said
    picky = hs.check(network(), "picky").rejected
    assert len(picky) > 5
    for finding in picky:
        assert str(finding) in said
        assert str(finding) in str(made)


def test_results_given_under_a_backends_name_are_not_run_again(tmp_path, monkeypatch):
    given = hs.run(network(), DURATION)
    monkeypatch.setattr(reporting, "run", lambda *_, **__: pytest.fail("it was run"))
    made = report(network(), backends=["numba"], results={"numba": given}, out=tmp_path)
    assert [(t.label, t.status) for t in made.targets] == [("numba", "loaded")]
    assert made.targets[0].results is given
    assert made.duration == DURATION


# Numbers


def test_numbers_are_those_of_the_results(made, stored):
    for target in made.with_results:
        results, found = target.results, stored_target(stored, target.label)
        assert found["mode"] == f"{results.provenance.backend} ({results.provenance.executor}, " + (
            f"{results.provenance.precision})"
        )
        assert found["totals"] == {name: results.ledger.total(name) for name in Ledger.counters()}
        assert {name: s["spikes"] for name, s in found["spikes"].items()} == dict(results.ledger.spikes)
        assert found["ledger"]["synaptic_events"] == dict(results.ledger.synaptic_events)
        for name, weights in results.weights.items():
            entry = found["weights"][name]
            assert entry["after"]["mean"] == weights.values.mean()
            assert entry["before"]["sd"] == weights.initial.std()
        assert found["provenance"]["network_hash"] == results.provenance.network_hash == made.network_hash
        assert found["same_network"] is True
        assert len(found["findings"]) == len(results.findings)
    assert stored_target(stored, "numba")["totals"]["spikes"] > 100


def test_agreement_is_that_of_compare(made, stored):
    reference = made.targets[0].results
    assert stored["reference"] == "numba"
    for label in ("loihi2", CHIP):
        target = next(t for t in made.targets if t.label == label)
        expected, found = compare(reference, target.results), stored_target(stored, label)["agreement"]
        assert found["verdict"] == expected.verdict
        for name, entry in expected.spikes.items():
            counts = entry.n_a, entry.n_b, entry.n_shared
            assert tuple(found["spikes"][name][key] for key in ("n_a", "n_b", "n_shared")) == counts
        first = expected.divergence
        assert (found["first_divergence"] is None) == (first is None)
        if first is not None:
            assert found["first_divergence"]["t"] == first.t
    assert stored_target(stored, "loihi2")["agreement"]["first_divergence"] is not None
    assert stored_target(stored, "numba")["agreement"] is None


@pytest.mark.parametrize(("label", "device"), [("numba", "cpu"), ("loihi2", "loihi2"), (CHIP, "memristor")])
def test_energy_is_that_of_the_backends_own_device(made, stored, label, device):
    target = next(t for t in made.targets if t.label == label)
    expected, found = energy(target.results, device), stored_target(stored, label)["energy"]
    assert found["device"] == device
    assert found["mode"] == target.mode
    assert found["incremental"]["value"] == expected.incremental.value
    assert (found["system"] or {}).get("value") == (expected.system and expected.system.value)


def test_every_backend_has_a_device():
    real = {name for name, module in registry._BACKENDS.items() if module.startswith("hmn_snn.")}
    assert set(DEVICES) == real


def test_the_page_and_the_table_show_the_same_numbers(made, page):
    cells = page.said("td")
    for target in made.with_results:
        spikes = f"{target.results.ledger.total('spikes'):,}"
        incremental = target.energy.incremental.text("J")[0]
        for shown in (spikes, target.mode, incremental):
            assert shown in cells
        assert spikes in str(made)
        assert incremental in str(made)


def test_what_is_not_a_number_is_null_in_json(tmp_path):
    silent = bare_results(100.0, spikes={"a": hs.run(network(), 0.0).spikes["inh"]})
    made = report(network(), results={"a": silent}, backends=[], out=tmp_path)
    assert math.isnan(silent.spikes["a"].isi_cv())
    stored = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert stored["targets"][0]["spikes"]["a"]["isi_cv"] is None
    assert stored["targets"][0]["margins"] == {"threshold": None, "application": None}
    assert stored["targets"][0]["same_network"] is False
    assert made.targets[0].mode == "numba (float emulator, float64)"


def test_runs_over_another_time_are_shown_but_not_compared(tmp_path):
    short, long = hs.run(network(), 100.0), hs.run(network(), DURATION)
    made = report(network(), backends=[], results={"long": long, "short": short}, reference="short", out=tmp_path)
    assert made.reference == "short"
    assert made.targets[0].comparison is None
    assert "t_stop" in made.targets[0].incomparable
    assert "t_stop" in "".join(Page((tmp_path / "index.html").read_text(encoding="utf-8")).said("p"))


def test_a_report_without_any_results_is_written_too(tmp_path):
    made = report(network(), DURATION, ["picky", "absent"], out=tmp_path)
    assert made.reference == ""
    assert made.with_results == ()
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert {"refused", "missing"} <= set(page.said("span"))
    assert len(page.of("img")) == 1
    assert [t["status"] for t in made.to_dict()["targets"]] == ["refused", "missing"]


def test_a_reference_without_results_leaves_the_others_alone(tmp_path):
    made = report(network(), 100.0, ["numba", "picky"], reference="picky", out=tmp_path)
    assert made.targets[0].comparison is None
    assert made.targets[0].incomparable == "the reference has no results"
    assert made.targets[0].energy is not None


# What is asked wrongly, files


def test_what_is_asked_wrongly_is_said_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(reporting, "run", lambda *_, **__: pytest.fail("it was run"))
    net, out = network(), tmp_path / "out"
    for wrong in ({"backends": ["loihi3"]}, {"backends": ["numba"], "reference": "brian2"},
                  {"backends": ["numba"], "options": {"loihi2": {}}},
                  {"backends": ["numba"], "options": {"numba": {"speed": 2}}}):  # fmt: skip
        with pytest.raises(UnknownNameError):
            report(net, 100.0, **wrong, out=out)
    for duration, backends in ((None, ["numba"]), (100.5, ["numba"]), (100.0, [])):
        with pytest.raises(DescriptionError):
            report(net, duration, backends, out=out)
    (tmp_path / "no.h5").write_text("nothing")
    with pytest.raises(FileFormatError):
        report(net, 100.0, ["numba"], results={"a": tmp_path / "no.h5"}, out=out)
    wrong_net = hs.Network("wrong")
    wrong_net.add(hs.Population(2, hs.LIF(tau_m=-1.0)))
    with pytest.raises(ValidationError):
        report(wrong_net, 100.0, ["numba"], out=out)
    assert not out.exists()


def test_files_are_whole_or_as_they_were(tmp_path, monkeypatch):
    given = {"numba": hs.run(network(), 100.0)}
    report(network(), backends=[], results=given, out=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"index.html", "report.json"}

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(reporting.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report(network(), backends=[], results=given, out=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


# The command


def run_command(monkeypatch, *words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--duration", type=float)
    add_arguments(parser)
    monkeypatch.setattr("hmn_snn.cli.find_network", lambda options: network())
    write_report(parser.parse_args(words))


def test_the_command_runs_and_loads(monkeypatch, capsys, tmp_path):
    results = hs.run(network(), 100.0)
    results.save(tmp_path / "a=b.h5")
    words = "--backends", "numba", "picky", "--duration", "100", "--load", f"old={tmp_path / 'a=b.h5'}"
    run_command(monkeypatch, *words, "--reference", "old", "--out", str(tmp_path / "out"))
    stored = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert [(t["label"], t["status"]) for t in stored["targets"]] == [
        ("numba", "ran"), ("picky", "refused"), ("old", "loaded")
    ]  # fmt: skip
    assert stored["reference"] == "old"
    assert "agrees: all" in capsys.readouterr().out
    run_command(monkeypatch, "--backends", "none", "--load", f"old={tmp_path / 'a=b.h5'}", "--out", str(tmp_path / "b"))
    assert (tmp_path / "b" / "index.html").is_file()


def test_the_command_refuses_a_file_without_a_name(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run_command(monkeypatch, "--load", "chip.h5")
    assert "NAME=FILE.h5" in capsys.readouterr().err


def test_the_command_gives_each_backend_its_own_options(monkeypatch, tmp_path):
    asked = {}

    def note(net, duration, backend, **options):
        asked[backend] = options
        raise ZeroDivisionError(backend)

    monkeypatch.setattr(reporting, "run", note)
    given = "--option", "spinnaker.delays=shifted", "--option", "spinnaker.neurons-per-core=64"
    run_command(monkeypatch, "--backends", "numba", "spinnaker", "--duration", "100", *given, "--out", str(tmp_path))
    assert asked["spinnaker"].items() >= {"delays": "shifted", "neurons_per_core": 64}.items()
    assert not asked["numba"].keys() & {"delays", "neurons_per_core"}


def test_the_command_refuses_an_option_without_its_backend_or_of_another(monkeypatch, capsys, tmp_path):
    with pytest.raises(SystemExit):
        run_command(monkeypatch, "--option", "delays=shifted")
    assert "NAME.OPTION=VALUE" in capsys.readouterr().err
    with pytest.raises(UnknownNameError, match="delays"):
        run_command(monkeypatch, "--backends", "numba", "--duration", "1", "--option", "numba.delays=shifted",
                    "--out", str(tmp_path))  # fmt: skip
