"""Programs in files: what is saved is loaded, and a bad file is told from a good one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hmn_snn.backends.loihi2.lowering import lower_program
from hmn_snn.backends.loihi2.on_chip_lowering import lower_on_chip
from hmn_snn.backends.loihi2.program import LoihiProgram
from hmn_snn.backends.loihi2.program_file import SCHEMA, load_program, program_digest, save_program

import hmn_snn as hs
from hmn_snn.errors import FileFormatError
from hmn_snn.lowering import lower
from neuromorphic_tests.networks import random_network


def program() -> LoihiProgram:
    """Return a program with a late source, two currents, noise, and a process without either."""
    net = hs.Network("naïve", dt=0.5, seed=3)
    stim = net.add(hs.SpikeInput([[1.0], [2.0]], name="in µ"))
    noisy = net.add(hs.Population(3, hs.LIF(tau_syn_I=8.0, sigma=1.0), name="noisy"))
    plain = net.add(hs.Population(2, hs.LIF(), name="plain"))
    net.add(hs.Projection(stim, noisy, hs.AllToAll(), weight=hs.Uniform(0.1, 0.5), delay=hs.Uniform(0.5, 60.0)))
    net.add(hs.Projection(stim, noisy, hs.AllToAll(), weight=0.2, receptor="inhibitory", name="inhibition"))
    net.add(hs.Projection(noisy, plain, hs.AllToAll(), weight=0.2))
    return lower_program(lower(net))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "program.h5"
    save_program(program(), path)
    return path


def assert_equal(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    for item in dataclasses.fields(a):
        x, y = getattr(a, item.name), getattr(b, item.name)
        if isinstance(x, tuple):
            assert len(x) == len(y)
            for pair in zip(x, y, strict=True):
                assert_equal(*pair)
        elif isinstance(x, np.ndarray):
            assert x.dtype == y.dtype
            assert np.array_equal(x, y)
        else:
            assert type(x) is type(y)
            assert x == y


def test_a_program_comes_back_whole(saved):
    loaded = load_program(saved)
    assert_equal(loaded, program())
    assert program_digest(loaded) == program_digest(program())
    assert loaded.sources[-1].copied is not None
    assert loaded.processes[0].noise_key is not None
    assert loaded.processes[1].noise_key is None


@pytest.mark.parametrize("seed", range(5))
def test_random_programs_come_back_whole(tmp_path, seed):
    made = lower_program(lower(random_network(seed)))
    save_program(made, tmp_path / "program.h5")
    assert_equal(load_program(tmp_path / "program.h5"), made)


def learning_program() -> LoihiProgram:
    """Return a program that learns on the chip: two tags, and neurons that send third factors."""
    net = hs.Network("learns", dt=1.0, seed=3)
    stim, cells = net.add(hs.PoissonInput(3, rate=20.0, name="in")), net.add(hs.Population(2, name="cells"))
    dopamine = net.add(hs.Modulator(tau=200.0, name="dopamine"))
    rule = hs.HMNRule(modulators=[dopamine], eta_g=10.0, w_max=0.5, tick=100.0)
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.2, plasticity=rule, name="plastic"))
    return lower_on_chip(lower(net)).program


def test_what_a_program_learns_comes_back_too(tmp_path):
    made = learning_program()
    assert made.learning
    assert made.third_factors
    save_program(made, tmp_path / "program.h5")
    assert_equal(load_program(tmp_path / "program.h5"), made)
    other = dataclasses.replace(made, learning=())
    assert program_digest(other) != program_digest(made)


# As text


def test_a_program_is_printed_as_its_integers():
    made = program()
    lines = str(made).splitlines()
    assert lines[0] == "Loihi program 'naïve': 5 neurons, 18 synapses; a step is 0.5 ms"
    assert max(map(len, lines)) <= 120
    (row,) = (line.split() for line in lines if line.startswith("plain"))
    plain = made.processes[1]
    assert row[:6] == ["plain", "LIF", "2", str(plain.du[0]), str(plain.dv[0]), str(plain.vth[0])]
    (row,) = (line for line in lines if "noisy -> plain" in line and "synapses" not in line)
    connection = made.connections[-1]
    assert row.split()[-6:] == [
        "6", "u", str(connection.weight[0]), str(connection.weight_exp), str(connection.delay[0]), "fixed",
    ]  # fmt: skip
    (row,) = (line.split() for line in lines if line.startswith("in µ +63"))
    assert row[-1] == "63"


def test_what_learns_is_printed():
    text = str(learning_program())
    assert "learned" in text
    for equation in {x.dw for x in learning_program().learning} - {None}:
        assert equation[:12] in text


def test_the_digest_knows_every_number():
    made = program()
    connection = made.connections[0]
    other = dataclasses.replace(connection, weight=connection.weight + np.int16(1))
    changed = dataclasses.replace(made, connections=(other, *made.connections[1:]))
    assert program_digest(changed) != program_digest(made)
    assert program_digest(dataclasses.replace(made, dt=0.25)) != program_digest(made)


def refused(path: Path) -> FileFormatError:
    with pytest.raises(FileFormatError) as raised:
        load_program(path)
    assert raised.value.path == path
    return raised.value


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    refused(saved)


def test_a_changed_number_is_noticed(saved):
    with h5py.File(saved, "r+") as file:
        file["connections/0/weight"][0] += 1
    assert "digest" in refused(saved).reason


@pytest.mark.parametrize("what", ["connections/0/weight", "processes/0", "sources"])
def test_a_missing_part_is_noticed(saved, what):
    with h5py.File(saved, "r+") as file:
        del file[what]
    refused(saved)


def test_a_foreign_file_is_refused_by_its_name(tmp_path):
    path = tmp_path / "network.h5"
    hs.Network("net").save(path)
    assert "'hmn-snn network'" in refused(path).reason


def test_a_newer_schema_is_refused(saved):
    with h5py.File(saved, "r+") as file:
        file.attrs["schema"] = SCHEMA + 1
    assert f"{SCHEMA + 1}" in refused(saved).reason


def test_a_file_that_cannot_be_finished_leaves_the_older_one(saved, monkeypatch):
    before = saved.read_bytes()
    made = program()
    broken = dataclasses.replace(made, connections=(dataclasses.replace(made.connections[0], name=object()),))
    with pytest.raises(TypeError):
        save_program(broken, saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]
