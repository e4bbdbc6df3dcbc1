"""Tables of text: aligned, never too wide, with nothing lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import hmn_snn as hs
from hmn_snn.summary import WIDTH, text_table

words = st.text("abcdefgh", min_size=1, max_size=30)
cells = st.one_of(st.lists(words, min_size=1, max_size=12).map(" ".join), st.integers(-(10**6), 10**6))


def test_numbers_stand_right_and_texts_left():
    table = text_table([("exc", 50, None), ("inhibitory", 1200, "-0.5")], ("name", "size", "mean"))
    assert table.splitlines() == [
        "name        size  mean",
        "----------  ----  ----",
        "exc           50",
        "inhibitory  1200  -0.5",
    ]


def test_a_table_without_rows_is_its_heading():
    assert text_table([], ("name", "size")).splitlines() == ["name  size", "----  ----"]


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=6)))
def test_tables_keep_their_width_and_every_letter(rows):
    table = text_table(rows, ["column"] * len(rows[0]))
    assert max(map(len, table.splitlines())) <= WIDTH
    letters = sorted("".join(str(cell) for row in rows for cell in row).replace(" ", ""))
    body = "".join(table.splitlines()[2:])
    assert sorted(body.replace(" ", "")) == letters


def test_a_printed_network_names_everything_in_it():
    net = hs.Network("two_factor", dt=0.1, seed=7)
    stim = net.add(hs.PoissonInput(100, rate=hs.Steps([0, 50], [20.0, 40.0]), name="stim"))
    given_spikes = net.add(hs.SpikeInput([[1.0, 2.0], [3.0]], name="replay"))
    exc = net.add(hs.Population(1050, hs.LIF(tau_m=10.0, sigma=hs.Uniform(1, 2)), name="exc"))
    theta = net.add(hs.Oscillator(frequency=8.0, name="theta"))
    dopamine = net.add(hs.Modulator(tau=200.0, releases=[(10, 1), (20, 1)], name="dopamine"))
    glia = net.add(hs.Astrocytes(10, hs.LeakyCalcium(k_NE=2), name="glia"))
    rule = hs.HMNRule(modulators=[dopamine], gate=hs.PhaseGate(theta), apply="probabilistic")
    learned = hs.Projection(
        stim, exc[:100], hs.FixedProbability(0.2), weight=hs.Uniform(0.1, 0.5), delay=1.5, astrocytes=glia,
        plasticity=rule, name="learned",
    )  # fmt: skip
    net.add(learned)
    connector, weights = hs.FromArrays.from_matrix(np.eye(2))
    net.add(hs.Projection(given_spikes, exc[3:5], connector, weights, receptor="inhibitory", name="copied"))
    net.add(hs.CurrentInput(exc[5], "0.3 nA", name="probe"))
    net.add(hs.OscillatorDrive(theta, exc, 0.1, name="rhythm"))
    net.add(hs.Entrainment(exc, theta, 0.2, name="reset"))
    net.record(exc[:3], "v", every=5)
    net.record(glia, "calcium")
    text = str(net)
    assert max(map(len, text.splitlines())) <= WIDTH
    squeezed = " ".join(text.split())
    for part in (
        "network 'two_factor': 1 population, 1,050 neurons, 3 inputs, 2 projections; dt 0.1 ms, seed 7",
        "stim Poisson 100 rate 2 steps, 20 to 40 Hz",
        "replay spikes 2 3 spikes",
        "exc LIF 1050 tau_m 10 ms",
        "sigma Uniform(1, 2) mV",
        "probe current 1 target exc[5], amplitude 0.3 nA",
        "learned stim -> exc[0:100] FixedProbability(0.2) Uniform(0.1, 0.5) nA 1.5 ms excitatory",
        "copied replay -> exc[3:5] FromArrays, 2 pairs 1 nA (2 values) 1 ms inhibitory",
        "learned HMNRule modulators dopamine, gate PhaseGate(theta), apply probabilistic, astrocytes glia",
        "dopamine tau 200 ms, releases (2)",
        "theta oscillator 1 frequency 8 Hz",
        "rhythm drive oscillator theta, population exc, amplitude 0.1 nA",
        "reset entrainment population exc, oscillator theta, strength 0.2",
        "glia LeakyCalcium 10 clock 10 ms, k_NE 2",
        "exc v 3 5 ms",
        "glia calcium all dt",
    ):
        assert part in squeezed, part


def test_an_empty_network_can_be_printed():
    assert str(hs.Network("nothing")) == (
        "network 'nothing': 0 populations, 0 neurons, 0 inputs, 0 projections; dt 0.1 ms, seed 0"
    )
