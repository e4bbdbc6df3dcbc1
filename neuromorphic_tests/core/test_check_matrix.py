"""The matrix of objects and targets says what each target's own check says, and the worst of it."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.check_matrix import ALL, Cell, CheckMatrix, backend_names, checked_everywhere
from hmn_snn.checking import Check
from hmn_snn.errors import UnknownNameError, ValidationError
from hmn_snn.translator import Finding, Severity
from neuromorphic_tests.core.report_network import NAME, PLASTIC, POPULATION, network

EMULATED = ("numba", "loihi2", "memristor")


@pytest.fixture(scope="module")
def matrix():
    return checked_everywhere(network(), EMULATED)


def finding(severity, what, distortion=None):
    return Finding(severity, what, "where", "found", "limit", distortion)


def made(*findings, missing=None):
    check = Check("net", "chip", findings)
    return CheckMatrix("net", {"chip": check}, missing or {}, tuple(dict.fromkeys(f.what for f in findings)))


def test_a_cell_is_the_worst_severity_with_the_largest_distortion():
    found = [
        finding(Severity.ALTERED, "exc", 0.25),
        finding(Severity.HOST, "exc", 0.01),
        finding(Severity.NATIVE, "exc"),
        finding(Severity.NATIVE, "inh", 0.5),
    ]
    matrix = made(*found)
    assert matrix.cell("exc", "chip") == Cell(Severity.HOST, 0.25)
    assert matrix.cell("inh", "chip") == Cell(Severity.NATIVE, 0.5)
    assert str(matrix.cell("exc", "chip")) == "HOST 0.25"


@pytest.mark.parametrize("worse", range(1, 4))
def test_severities_rank_from_native_to_rejected(worse):
    ranked = [Severity.NATIVE, Severity.ALTERED, Severity.HOST, Severity.REJECTED]
    cell = made(finding(ranked[worse], "exc"), finding(ranked[worse - 1], "exc", 1.0)).cell("exc", "chip")
    assert cell.severity is ranked[worse]


def test_the_matrix_holds_what_each_check_says(matrix):
    assert tuple(matrix.checks) == EMULATED
    for backend in EMULATED:
        check = hs.check(network(), backend)
        assert tuple(matrix.checks[backend]) == tuple(check)
        told = {f.what for f in check}
        assert {what for what in matrix.objects if matrix.cell(what, backend) is not None} == told
    assert matrix.cell("stim", "loihi2").severity is Severity.HOST
    assert matrix.cell("stim", "numba").severity is Severity.NATIVE


def test_objects_stand_in_the_order_of_the_network(matrix):
    things = [name for name in network().things if name in matrix.objects]
    assert list(matrix.objects) == [*things, NAME]


def test_the_table_shows_all_and_says_who_can_run(matrix):
    lines = str(matrix).splitlines()
    assert all(backend in lines[1] for backend in EMULATED)
    row = next(line for line in lines if line.startswith(PLASTIC))
    assert row.split()[1] == "NATIVE"
    assert lines[-1].split() == ["can", "run", "yes", "yes", "yes"]
    refused = made(finding(Severity.REJECTED, "exc"), missing={"chip": "not here; run: pip install chip"})
    assert str(refused).splitlines()[-2:] == ["can run  no", "not here: chip: not here; run: pip install chip"]


def test_to_dict_is_json_with_every_finding(matrix):
    stored = json.loads(json.dumps(matrix.to_dict()))
    assert stored["backends"] == list(EMULATED)
    assert stored["objects"]["stim"]["loihi2"]["severity"] == "HOST"
    assert POPULATION in stored["objects"]
    for backend in EMULATED:
        assert len(stored["findings"][backend]) == len(matrix.checks[backend])


def test_an_unknown_object_or_backend_is_named(matrix):
    with pytest.raises(UnknownNameError) as caught:
        matrix.cell("exc", "numba")
    assert caught.value.known == matrix.objects
    with pytest.raises(UnknownNameError) as caught:
        matrix.cell("stim", "nengo")
    assert caught.value.known == EMULATED


def test_names_of_backends():
    assert backend_names(ALL) == registry.names()
    assert backend_names("loihi2") == ("loihi2",)
    assert backend_names(["loihi2", "numba", "loihi2"]) == ("loihi2", "numba")
    with pytest.raises(UnknownNameError) as caught:
        backend_names(["numba", "loihi3"])
    assert caught.value.name == "loihi3"


def test_options_are_of_each_backend():
    net = network()
    found = checked_everywhere(net, ["numba"], {"numba": {"precision": "float32"}})
    assert any(f.severity is Severity.ALTERED for f in found.checks["numba"])
    with pytest.raises(UnknownNameError) as caught:
        checked_everywhere(net, ["numba"], {"numba": {"speed": 2}})
    assert caught.value.name == "speed"


def test_a_wrong_network_is_an_error_and_a_broken_backend_is_not(monkeypatch):
    class Broken:
        name = "broken"

        def unavailable(self):
            raise RuntimeError("no licence")

    module = ModuleType("broken_backend")
    module.translator = Broken()
    monkeypatch.setitem(sys.modules, "broken_backend", module)
    monkeypatch.setitem(registry._BACKENDS, "broken", "broken_backend")
    matrix = checked_everywhere(network(), ["broken", "numba"])
    assert tuple(matrix.checks) == ("numba",)
    assert "no licence" in matrix.missing["broken"]
    wrong = hs.Network("wrong")
    wrong.add(hs.Population(2, hs.LIF(tau_m=-1.0)))
    with pytest.raises(ValidationError):
        checked_everywhere(wrong, ["numba"])
