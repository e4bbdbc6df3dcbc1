"""Keyed randomness: the normative values, and that a draw depends on its key alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmn_snn import randomness

MASK = (1 << 64) - 1
index_numbers = st.integers(0, (1 << 62) - 1)


def plain_mix(z: int) -> int:
    """Scramble with Python's own integers, written from the definition of splitmix64."""
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def plain_key(seed: int, stream: str, entity: int, index: int) -> int:
    value = 0xCBF29CE484222325
    for byte in stream.encode("utf-8"):
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return plain_mix(plain_mix(plain_mix(plain_mix(seed & MASK) ^ value) ^ entity) ^ index)


def test_normative_mix_and_hash():
    assert int(randomness.mix(0)[0]) == 0xE220A8397B1DCDAF
    assert randomness.fnv1a64("exc/noise") == 0xB111C80424C21F04
    assert randomness.fnv1a64("") == 0xCBF29CE484222325


@pytest.mark.parametrize(
    ("seed", "stream", "entity", "index", "key", "u"),
    [
        (1, "exc/noise", 0, 0, 0x92BDF1172523F18E, 0.5732107812410873),
        (1, "exc/noise", 0, 1, None, 0.6491374142986993),
        (1, "exc/noise", 1, 0, None, 0.5412068483387343),
        (1, "exc/noise", 12345, 67890, None, 0.8810187504405375),
        (-1, "proj/apply", 7, 3, 0x5DEF0A8EAA984692, 0.36692872984949176),
    ],
)
def test_normative_draws(seed, stream, entity, index, key, u):
    assert float(randomness.uniform(seed, stream, entity, index)[0]) == u
    if key is not None:
        assert int(randomness.keys(seed, stream, entity, index)[0]) == key


def test_normative_normals():
    assert float(randomness.normal(1, "exc/noise", 0, 0)[0]) == pytest.approx(-0.6247241479329042, rel=1e-15)
    assert float(randomness.normal(1, "exc/noise", 3, 7)[0]) == pytest.approx(-1.3224413900014798, rel=1e-15)


@given(st.integers(-(1 << 70), 1 << 70), st.text(max_size=20), index_numbers, index_numbers)
def test_keys_follow_their_definition(seed, stream, entity, index):
    assert int(randomness.keys(seed, stream, entity, index)[0]) == plain_key(seed, stream, entity, index)


@given(st.integers(), st.lists(index_numbers, min_size=1, max_size=20), index_numbers)
def test_a_draw_does_not_depend_on_its_neighbours(seed, entities, index):
    together = randomness.uniform(seed, "exc/noise", np.array(entities), index)
    alone = [float(randomness.uniform(seed, "exc/noise", entity, index)[0]) for entity in entities]
    assert together.tolist() == alone


def test_entity_and_index_broadcast():
    grid = randomness.uniform(1, "exc/noise", np.arange(3)[:, None], np.arange(4)[None, :])
    assert grid.shape == (3, 4)
    assert grid[2, 3] == randomness.uniform(1, "exc/noise", 2, 3)[0]


def test_uniform_numbers_lie_strictly_inside_0_and_1():
    extremes = randomness.uniform_of(np.array([0, MASK], dtype=np.uint64))
    assert 0.0 < extremes[0] < 1e-15
    assert 1.0 - 1e-15 < extremes[1] < 1.0


def test_seeds_are_taken_modulo_two_to_the_64():
    assert randomness.stream_key(-1, "exc/noise") == randomness.stream_key(MASK, "exc/noise")
    assert randomness.stream_key(1, "exc/noise") != randomness.stream_key(2, "exc/noise")


def test_uniform_numbers_are_uniform_and_uncorrelated():
    n = 200_000
    u = randomness.uniform(3, "exc/noise", np.arange(n))
    assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / n)
    assert abs(u.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / n)
    counts = np.bincount((u * 100).astype(int), minlength=100)
    assert ((counts - n / 100) ** 2 / (n / 100)).sum() < 99 + 5 * np.sqrt(2 * 99)
    others = {
        "next entity": u[1:],
        "next index": randomness.uniform(3, "exc/noise", np.arange(n), 1),
        "other stream": randomness.uniform(3, "inh/noise", np.arange(n)),
        "other seed": randomness.uniform(4, "exc/noise", np.arange(n)),
    }
    for name, other in others.items():
        assert abs(np.corrcoef(u[: len(other)], other)[0, 1]) < 5 / np.sqrt(n), name


def test_normal_numbers_are_normal():
    n = 200_000
    x = randomness.normal(3, "exc/noise", np.arange(n))
    assert abs(x.mean()) < 5 / np.sqrt(n)
    assert abs(x.var() - 1) < 5 * np.sqrt(2 / n)
    assert abs((x**3).mean()) < 5 * np.sqrt(15 / n)
    assert abs((x**4).mean() - 3) < 5 * np.sqrt(96 / n)
