"""Cores, chips and boards: by hand, and those that sPyNNaker maps a network to on a virtual board."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hmn_snn.backends.spinnaker import binaries as b
from hmn_snn.backends.spinnaker import cores
from hmn_snn.backends.spinnaker.budgets import budgets
from hmn_snn.backends.spinnaker.placement import Placement, longest_possible, place
from hmn_snn.backends.spinnaker.program import IF_CURR_DELTA, IF_CURR_DUAL_EXP, IF_CURR_EXP, SpinnakerProgram, Synapses
from hypothesis import given, settings
from hypothesis import strategies as st

import hmn_snn as hs
from neuromorphic_tests.backends.spinnaker.spinnaker_programs import net_with, on_virtual_board, program_of


def plain_rule(dt: float, **parameters: Any) -> hs.HMNRule:
    """Return pair STDP: traces that live for one step, which a tick follows."""
    given_here = {"A_plus": 0.1, "A_minus": -0.1, "tick": dt, **parameters}
    return hs.HMNRule(eta_l=1000.0 / dt, eta_g=0.0, kappa_slow=0.0, tau_fast=1e-3, delay_kind="dendritic", tie="ltd",
                      **given_here)  # fmt: skip


def connected(n: int, m: int, dt: float = 1.0, cell: Any = None, **projection: Any) -> hs.Network:
    """Return n given sources connected to m cells, all to all if not told otherwise."""
    net, cells = net_with(cell, m, dt)
    source = net.add(hs.SpikeInput([[dt]] * n, name="in"))
    net.add(hs.Projection(source, cells, **{"connector": hs.AllToAll(), "weight": 0.01, "name": "to", **projection}))
    return net


def counted_binaries(placement: Placement) -> Counter[str]:
    """Return how many cores run each binary."""
    found: Counter[str] = Counter()
    for part in placement.parts:
        for name, each in zip(part.binaries, (1, part.cores - 1), strict=False):
            found[name] += part.blocks * each
    return found


def part(program: SpinnakerProgram, name: str) -> Any:
    (found,) = (p for p in place(program).parts if p.name == name)
    return found


def test_blocks_of_cells_and_cores_of_sources():
    net = connected(10, 600)
    net.add(hs.PoissonInput(1200, rate=10.0, name="noise"))
    placement = place(program_of(net, poisson="on_chip"))
    # 600 cells in blocks of 256, a core for given spikes, 1200 Poisson sources at 500 on a core.
    assert {p.name: p.blocks * p.cores for p in placement.parts} == {"cells": 3, "in": 1, "noise": 3}
    assert (placement.n_cores, placement.n_chips, placement.n_boards) == (7, 1, 1)
    assert placement.missing == placement.problems == ()
    assert place(program_of(net, neurons_per_core=100)).parts[0].blocks == 6


def test_the_first_chip_has_a_core_less():
    net = connected(1, 256 * 32)
    # 32 blocks and a source: 15 on the first chip, 16 on the next, 2 on the third.
    assert place(program_of(net)).used.tolist() == [15, 16, 2]


def test_boards():
    cells_of_a_board = 256 * 759  # usable cores of 48 chips (spinn_machine: 856, less 2 monitors each and a gatherer)
    net, _ = net_with(n=cells_of_a_board)
    assert place(program_of(net)).n_boards == 1
    net, _ = net_with(n=cells_of_a_board + 1)
    placement = place(program_of(net))
    assert (placement.n_boards, placement.problems) == (2, ())
    small = place(program_of(net), "spin3")
    assert small.n_boards == -(-small.n_chips // 4)


def test_rows_limit_the_neurons_of_a_core():
    # A row of 256 words has 254 synapses with pair STDP, behind 2 words: 256 cells all to all do not fit, 128 do.
    net = connected(3, 256, plasticity=plain_rule(1.0))
    assert program_of(net).cells[0].neurons_per_core == 256
    assert program_of(net, learning="on_chip").cells[0].neurons_per_core == 128
    forced = place(program_of(net, learning="on_chip", neurons_per_core=256))
    assert len(forced.problems) == 1
    assert "256 synapses" in forced.problems[0]
    assert "'to'" in forced.problems[0]


@pytest.mark.parametrize(
    ("celltype", "block", "slots"),
    [(IF_CURR_EXP, 64, 128), (IF_CURR_EXP, 256, 32), (IF_CURR_DUAL_EXP, 100, 32), (IF_CURR_EXP, 1, 4096)],
)
def test_delay_slots_recorded_on_spynnaker(celltype, block, slots):
    assert cores.delay_slots(celltype, block) == slots


def test_delays_beyond_all_stages_do_not_fit():
    cells = program_of(connected(1, 256)).cells[0]
    assert longest_possible(cells) == 9 * 32
    assert place(program_of(connected(1, 256, delay=288.0))).problems == ()
    (problem,) = place(program_of(connected(1, 256, delay=289.0))).problems
    assert "289 steps, of 288" in problem


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 400), st.integers(0, 300), st.integers(1, 64))
def test_largest_row_counts_every_synapse(seed, n, block):
    rng = np.random.default_rng(seed)
    pre, post = np.sort(rng.integers(0, 9, n)), rng.integers(0, 100, n)
    synapses = Synapses("s", "a", "b", "excitatory", pre, post, np.ones(n), np.ones(n, int))
    rows = Counter(zip(pre.tolist(), (post // block).tolist(), strict=True))
    assert cores.largest_row(synapses, block) == max(rows.values(), default=0)


def test_local_memory_is_warned_of():
    net = connected(3, 250, plasticity=plain_rule(1.0), delay=32.0)
    assert program_of(net, learning="on_chip").cells[0].neurons_per_core == 128
    program = program_of(net, learning="on_chip", neurons_per_core=250)
    # 2^(8 + 1 + 5) entries of 2 bytes, 16 events and a state of each neuron.
    assert part(program, "cells").local_memory == 2**15 + 250 * (100 + 84) + 4000
    (warning,) = place(program).warnings
    assert "'cells'" in warning


def test_figures_have_sources():
    for table in budgets().values():
        for figure in table.values():
            assert figure.value >= 0
            assert len(figure.source) > 10


def test_binaries_are_those_of_the_wheel():
    spynnaker = pytest.importorskip("spynnaker")
    front_end = pytest.importorskip("spinn_front_end_common")
    here = {f.name for package, folder in ((spynnaker, "pyNN/model_binaries"),
                                           (front_end, "common_model_binaries"))
            for f in (Path(package.__file__).parent / folder).glob("*.aplx")}  # fmt: skip
    wanted = {
        name
        for cell in (IF_CURR_EXP, IF_CURR_DELTA, IF_CURR_DUAL_EXP)
        for plasticity in (b.STATIC, b.PAIR, b.NEAREST, b.GATED, b.GATED_NEAREST)
        for split in (False, True)
        for name in b.binaries(cell, plasticity, split)
    } | {b.GIVEN_SPIKES, b.POISSON, b.DELAYS}
    assert wanted & here == b.COMPILED


def test_only_split_cores_have_dopamine_or_two_excitatory_receptors_that_learn():
    assert b.is_split(IF_CURR_EXP, b.GATED, 1.0, True)
    assert b.is_split(IF_CURR_DUAL_EXP, b.PAIR, 1.0, True)
    assert not b.is_split(IF_CURR_EXP, b.PAIR, 1.0, True)
    assert b.is_split(IF_CURR_EXP, b.STATIC, 0.1, True)
    assert not b.is_split(IF_CURR_EXP, b.STATIC, 0.1, False)


@pytest.mark.parametrize("dt", [1.0, 0.1])
def test_cores_are_those_of_spynnaker(dt, tmp_path: Path):
    pytest.importorskip("spynnaker")
    net = connected(300, 280, dt, delay=hs.Uniform(dt, 50 * dt), connector=hs.FixedProbability(0.1), weight=0.01)
    cells = net["cells"]
    plastic = net.add(hs.Population(130, hs.LIF(), name="plastic"))
    net.add(hs.Projection(cells, plastic, hs.AllToAll(), weight=0.1, plasticity=plain_rule(dt), name="learned"))
    delta = net.add(hs.Population(20, hs.LIF(tau_syn_E=0.0, tau_syn_I=0.0), name="delta"))
    net.add(hs.Projection(plastic, delta, hs.AllToAll(), weight=0.1, name="fixed"))
    program = program_of(net, learning="on_chip", time_scale_factor=1.0)
    found = on_virtual_board(program, tmp_path)
    placement = place(program)
    assert Counter(found["binaries"]) == counted_binaries(placement)
    assert len(found["binaries"]) == placement.n_cores
    assert found["shifts"] == {c.name: list(c.shifts) for c in program.cells}
    for c in program.cells:
        assert found["slots"][c.name] == cores.delay_slots(c.celltype, min(c.size, c.neurons_per_core))
