"""Where programs lie: counts of small ones by hand, limits of large ones, and the sources of every constant."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hmn_snn.backends.loihi2.budgets import Budget, Figure, budget, budgets
from hmn_snn.backends.loihi2.lowering import lower_program
from hmn_snn.backends.loihi2.placement import Placement, place
from hmn_snn.backends.loihi2.program import Connection, LoihiProgram, NeuronProcess

import hmn_snn as hs
from hmn_snn.errors import UnknownNameError
from hmn_snn.lowering import lower


def limits(**figures: int) -> Budget:
    """Return a budget; what is not named is without limit, but for 4 cores per chip and 8 chips."""
    figures = {"cores_per_chip": 4, "chips": 8, **figures}
    return Budget("test", "made up", MappingProxyType({k: Figure(v, "", "", 0, "high") for k, v in figures.items()}))


def program_of(n: int, connector: Any, n_in: int = 8, delay: Any = 1.0, recurrent: Any = None) -> LoihiProgram:
    net = hs.Network("net", dt=1.0, seed=2)
    stim = net.add(hs.PoissonInput(n_in, rate=5.0, name="in"))
    cells = net.add(hs.Population(n, hs.LIF(), name="cells"))
    net.add(hs.Projection(stim, cells, connector, weight=0.1, delay=delay))
    if recurrent is not None:
        net.add(hs.Projection(cells, cells, recurrent, weight=0.1))
    return lower_program(lower(net))


def test_the_memory_of_synapses_by_hand():
    # 8 axons of 10 synapses each: 10 (8 weight + 1 delay + 4 index) + 10 = 140 bits, in words of 64: 192.
    placement = place(program_of(10, hs.AllToAll()), limits())
    used = {resource: amounts.tolist() for resource, amounts in placement.used.items()}
    assert used == {"neurons": [10], "synapses": [80], "synapse_bits": [8 * 192], "axons_in": [8], "axons_out": [0]}
    # 100 synapses are a group of 64 and one of 36; delays up to 20 take 5 bits, 100 neurons 7.
    placement = place(program_of(100, hs.AllToAll(), delay=hs.Uniform(20.0, 20.4)), limits())
    one = 64 * -(-(64 * 20 + 10) // 64) + 64 * -(-(36 * 20 + 10) // 64)
    assert placement.used["synapse_bits"].tolist() == [8 * one]


def test_a_recurrent_projection_sends_an_axon_to_each_core():
    program = program_of(12, hs.OneToOne(), n_in=12, recurrent=hs.AllToAll())
    placement = place(program, limits(neurons_per_core=4))
    assert placement.first.tolist() == [0, 4, 8]
    assert placement.used["axons_in"].tolist() == [4 + 12] * 3
    assert placement.used["axons_out"].tolist() == [4 * 3] * 3
    assert placement.n_chips == 1


@pytest.mark.parametrize(
    ("figures", "block", "limiting"),
    [
        ({"neurons_per_core": 7}, 7, "neurons"),
        ({"axons_in_per_core": 5}, 5, "axons in"),
        ({"synapse_bits_per_core": 64 * 6}, 6, "synapse memory"),
    ],
)
def test_the_resource_that_runs_out_sets_the_size_of_cores(figures, block, limiting):
    placement = place(program_of(20, hs.OneToOne(), n_in=20), limits(**figures))
    assert placement.used["neurons"].max() == block
    assert placement.limiting == limiting
    assert placement.problem is None


def test_axons_that_leave_split_the_core_they_leave():
    # Blocks of 10 neurons: two cores, to each of which every neuron sends an axon. 20 axons leave where 12 may: blocks
    # of 6 and 4 cores, each neuron 4 axons; so 3 neurons, 7 cores and 7 axons; so one neuron, 20 cores, 20 axons.
    program = program_of(20, hs.OneToOne(), n_in=20, recurrent=hs.AllToAll())
    split = place(program, limits(neurons_per_core=10, axons_out_per_core=12))
    assert "axons out" in (split.problem or "")
    assert split.used["axons_out"].tolist() == [20] * 20
    fits = place(program, limits(neurons_per_core=10, axons_out_per_core=20))
    assert fits.problem is None
    assert fits.used["axons_out"].tolist() == [20, 20]


def test_chips_are_filled_in_order_and_the_system_has_an_end():
    program = program_of(100, hs.OneToOne(), n_in=100)
    placement = place(program, limits(neurons_per_core=10))
    assert placement.chip.tolist() == [0] * 4 + [1] * 4 + [2] * 2
    placement = place(program, limits(neurons_per_core=10, neurons_per_chip=25))
    assert placement.chip.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    placement = place(program, limits(neurons_per_core=2))
    assert placement.n_chips == 13
    assert "13 chips" in (placement.problem or "")
    assert "8" in (placement.problem or "")


def test_a_neuron_that_no_core_holds_is_named_with_numbers():
    placement = place(program_of(3, hs.AllToAll(), n_in=50), limits(axons_in_per_core=49))
    assert placement.problem == "axons in: one neuron needs 50 of a core's 49"
    assert "does not fit: axons in" in str(placement)


def test_the_report_adds_up():
    placement = place(program_of(100, hs.FixedProbability(0.3), n_in=50), limits(neurons_per_core=10))
    sums = placement.per_chip()
    assert sums["cores"].tolist() == [4, 4, 2]
    for resource, amounts in placement.used.items():
        assert sums[resource].sum() == amounts.sum()
    lines = str(placement).splitlines()
    rows = [line.split() for line in lines if re.match(r"\d", line)]
    assert [int(row[1]) for row in rows] == [4, 4, 2]
    assert [int(row[2]) for row in rows] == [40, 40, 20]
    assert placement.limiting in lines[-1]


def test_nothing_takes_no_core():
    net = hs.Network("net", dt=1.0)
    net.add(hs.Population(0, hs.LIF(), name="nobody"))
    for made in (lower(net), lower(hs.Network("empty"))):
        placement = place(lower_program(made), budget("conservative"))
        assert (placement.n_cores, placement.n_chips, placement.problem) == (0, 0, None)
        assert "0 cores" in str(placement)


def large_program(n: int, fan_out: int) -> LoihiProgram:
    """Return a program of one recurrent process with regular synapses, made without a network."""
    tiny = program_of(2, hs.OneToOne(), n_in=2)
    process: NeuronProcess = replace(tiny.processes[0], size=n)
    target = (np.arange(n)[:, None] + np.arange(fan_out)) % n
    target.sort(axis=1)
    m = n * fan_out
    connection: Connection = replace(
        tiny.connections[0], source=0, target=0, n_source=n, n_target=n, row_ptr=np.arange(0, m + 1, fan_out),
        target_index=target.ravel().astype(np.int32), weight=np.ones(m, np.int16), synapse=np.arange(m),
    )  # fmt: skip
    return LoihiProgram("large", 1.0, (), (process,), (connection,))


def test_placement_is_linear_and_deterministic():
    def seconds(n: int) -> tuple[float, Placement]:
        program = large_program(n, 100)
        start = time.perf_counter()
        placed = place(program, budget("conservative"))
        return time.perf_counter() - start, placed

    small, large = min(seconds(10_000)[0] for _ in range(2)), seconds(40_000)
    assert large[0] < 12 * small + 0.5
    again = seconds(40_000)[1]
    for resource, amounts in large[1].used.items():
        assert np.array_equal(amounts, again.used[resource])
    assert large[1].problem is None
    assert large[1].n_chips >= 4  # 40,000 neurons, of which a chip holds 11,700


def test_the_fly_connectome_takes_its_chips():
    """The budget is made from the published placement: as many neurons and synapses take at least 12 chips."""
    conservative = budget("conservative")
    assert 140_000 / conservative.of_chip("neurons") == pytest.approx(12, rel=0.01)
    assert 50e6 / conservative.of_chip("synapses") == pytest.approx(12, rel=0.01)


def test_every_constant_has_a_source():
    assert list(budgets()) == ["conservative", "headline"]
    for found in budgets().values():
        assert found.summary
        assert found.of_chip("cores") <= 128
        for name, figure in found.figures.items():
            assert isinstance(figure.value, int), name
            assert figure.value > 0
            assert len(figure.source) > 10
            assert figure.unit
            assert 2018 <= figure.year <= 2026
            assert figure.confidence in ("high", "medium", "low")


def test_the_headline_is_never_smaller():
    low, high = budgets().values()
    for resource in ("neurons", "synapse_bits", "axons_in", "axons_out"):
        assert high.of_core(resource) >= low.of_core(resource)
    for resource in ("cores", "neurons", "synapses"):
        assert high.of_chip(resource) >= low.of_chip(resource)


def test_an_unknown_budget_is_refused_by_name():
    with pytest.raises(UnknownNameError) as raised:
        budget("generous")
    assert (raised.value.name, raised.value.known) == ("generous", ("conservative", "headline"))
