"""Connectors: which pairs they list, in which order, and that draws do not depend on how they are computed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import hmn_snn as hs
from hmn_snn import connectors
from hmn_snn.errors import DescriptionError

sizes = st.integers(0, 40)
seeds = st.integers(0, 2**64)
probabilities = st.floats(0.0, 1.0) | st.sampled_from([1e-300, 1e-9, 0.5, 1.0 - 2**-53])
STREAM = "a -> b/connect"


@st.composite
def drawn_connectors(draw):
    """Draw a connector with ends that fit it, its seed, and whether both ends are the same group."""
    same, allow_self = draw(st.booleans()), draw(st.booleans())
    n_pre = draw(sizes)
    n_post = n_pre if same else draw(sizes)
    kind = draw(st.sampled_from(["all", "one", "probability", "pre", "post"]))
    replace = draw(st.booleans())
    if kind == "all":
        connector = hs.AllToAll(allow_self)
    elif kind == "one":
        connector, n_post = hs.OneToOne(), n_pre
    elif kind == "probability":
        connector = hs.FixedProbability(draw(probabilities), allow_self)
    else:
        partners = (n_pre if kind == "pre" else n_post) - int(same and not allow_self)
        most = max(0, partners) if not replace else (50 if partners > 0 else 0)
        cls = hs.FixedNumberPre if kind == "pre" else hs.FixedNumberPost
        connector = cls(draw(st.integers(0, most)), replace, allow_self)
    return connector, n_pre, n_post, same, draw(seeds)


@given(drawn_connectors())
def test_pairs_are_in_range_sorted_and_each_listed_once(case):
    connector, n_pre, n_post, same, seed = case
    assert list(connector.problems()) == []
    assert list(connector.end_problems("p", n_pre, n_post, same)) == []
    pre, post = connector.pairs(n_pre, n_post, same, seed, STREAM)
    assert pre.dtype == post.dtype == np.int32
    assert pre.shape == post.shape
    assert ((pre >= 0) & (pre < n_pre) & (post >= 0) & (post < n_post)).all()
    flat = pre.astype(np.int64) * n_post + post
    assert (np.diff(flat) >= (0 if getattr(connector, "with_replacement", False) else 1)).all()
    if same and not getattr(connector, "allow_self", True):
        assert (pre != post).all()


@given(drawn_connectors(), st.integers(1, 200))
def test_pairs_do_not_depend_on_the_size_of_the_chunks(case, chunk):
    connector, n_pre, n_post, same, seed = case
    whole = connector.pairs(n_pre, n_post, same, seed, STREAM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connectors, "_CHUNK", chunk)
        pieces = connector.pairs(n_pre, n_post, same, seed, STREAM)
    assert np.array_equal(whole, pieces)


@given(drawn_connectors())
def test_fixed_numbers_are_exact(case):
    connector, n_pre, n_post, same, seed = case
    pre, post = connector.pairs(n_pre, n_post, same, seed, STREAM)
    if isinstance(connector, hs.FixedNumberPre):
        assert (np.bincount(post, minlength=n_post) == connector.n).all()
    if isinstance(connector, hs.FixedNumberPost):
        assert (np.bincount(pre, minlength=n_pre) == connector.n).all()


@given(st.integers(1, 30), st.integers(1, 30), probabilities, seeds)
def test_a_row_of_fixed_probability_does_not_depend_on_the_other_rows(n_pre, n_post, p, seed):
    connector = hs.FixedProbability(p)
    pre, post = connector.pairs(n_pre, n_post, False, seed, STREAM)
    more_pre, more_post = connector.pairs(n_pre + 7, n_post, False, seed, STREAM)
    shared = more_pre < n_pre
    assert np.array_equal(more_pre[shared], pre)
    assert np.array_equal(more_post[shared], post)


@pytest.mark.parametrize("p", [0.001, 0.02, 0.3, 0.97])
def test_fixed_probability_connects_each_pair_with_that_probability(p):
    n_pre, n_post = 500, 800
    pre, post = hs.FixedProbability(p).pairs(n_pre, n_post, False, 11, STREAM)
    n = n_pre * n_post
    assert abs(len(pre) - n * p) < 5 * np.sqrt(n * p * (1 - p))
    for counts, trials in ((np.bincount(pre, minlength=n_pre), n_post), (np.bincount(post, minlength=n_post), n_pre)):
        expected = trials * p
        chi_squared = ((counts - expected) ** 2).sum() / (expected * (1 - p))
        assert abs(chi_squared - len(counts)) < 5 * np.sqrt(2 * len(counts) * (1 + 1 / expected))


def test_a_row_longer_than_expected_is_drawn_on():
    # Half of all rows of p = 0.5 are longer than the mean, so a first pass that is too narrow must go on.
    connector = hs.FixedProbability(0.5)
    pre, post = connector.pairs(20, 64, False, 5, STREAM)
    narrow = connector._rows(np.arange(20), 64, 3, 5, STREAM)
    assert np.array_equal((pre, post), narrow)


@pytest.mark.parametrize("replace", [False, True])
def test_fixed_number_draws_all_partners_alike(replace):
    n_pre, n_post, n = 50, 4000, 10
    pre, _ = hs.FixedNumberPre(n, replace).pairs(n_pre, n_post, False, 3, STREAM)
    share = 1 / n_pre
    counts = np.bincount(pre, minlength=n_pre)
    assert (np.abs(counts - n_post * n * share) < 5 * np.sqrt(n_post * n * share)).all()


def test_seed_and_stream_decide_the_pairs():
    connector = hs.FixedProbability(0.5)
    pairs = [connector.pairs(20, 20, False, *key)[1].tolist() for key in ((1, "a"), (1, "b"), (2, "a"), (1, "a"))]
    assert pairs[0] == pairs[3]
    assert pairs[0] != pairs[1]
    assert pairs[0] != pairs[2]


def test_all_to_all_and_one_to_one():
    pre, post = hs.AllToAll().pairs(2, 3, False, 0, STREAM)
    assert (pre.tolist(), post.tolist()) == ([0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2])
    pre, post = hs.AllToAll(allow_self=False).pairs(2, 2, True, 0, STREAM)
    assert (pre.tolist(), post.tolist()) == ([0, 1], [1, 0])
    pre, post = hs.AllToAll(allow_self=False).pairs(2, 2, False, 0, STREAM)
    assert len(pre) == 4
    pre, post = hs.OneToOne().pairs(3, 3, False, 0, STREAM)
    assert (pre.tolist(), post.tolist()) == ([0, 1, 2], [0, 1, 2])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=40))
def test_given_pairs_are_sorted_with_their_values(given_pairs):
    pre, post = ([pair[k] for pair in given_pairs] for k in (0, 1))
    connector = hs.FromArrays(pre, post)
    listed = list(zip(*(side.tolist() for side in connector.pairs(10, 6, False, 0, STREAM)), strict=True))
    assert listed == sorted(given_pairs)
    assert [given_pairs[k] for k in connector.order] == listed


@given(st.lists(st.lists(st.sampled_from([0.0, 0.0, 0.5, 1.25]), min_size=4, max_size=4), min_size=1, max_size=6))
def test_a_matrix_gives_its_entries(rows):
    matrix = np.array(rows)
    for given_matrix in (rows, scipy.sparse.csr_matrix(matrix), scipy.sparse.coo_array(matrix)):
        connector, weights = hs.FromArrays.from_matrix(given_matrix)
        pre, post = connector.pairs(*matrix.shape, False, 0, STREAM)
        assert (weights > 0).all()
        rebuilt = np.zeros_like(matrix)
        rebuilt[pre, post] = weights
        assert np.array_equal(rebuilt, matrix)


def test_equal_entries_of_a_sparse_matrix_are_summed():
    matrix = scipy.sparse.coo_matrix(([0.25, 0.5], ([1, 1], [2, 2])), shape=(3, 3))
    connector, weights = hs.FromArrays.from_matrix(matrix)
    assert (connector.pre.tolist(), connector.post.tolist(), weights.tolist()) == ([1], [2], [0.75])


@pytest.mark.parametrize(
    ("pre", "post", "parameter"),
    [
        ([0, -1], [0, 0], "pre"),
        ([0, 1], [0.5, 0.0], "post"),
        ([[0, 1]], [[0, 1]], "pre"),
        ([0, 1], [0], "pre, post"),
        (["a"], [0], "pre"),
    ],
)
def test_pairs_that_are_no_pairs(pre, post, parameter):
    with pytest.raises(DescriptionError) as caught:
        hs.FromArrays(pre, post)
    assert caught.value.parameter == parameter


def test_a_matrix_must_be_a_matrix():
    with pytest.raises(DescriptionError) as caught:
        hs.FromArrays.from_matrix([1.0, 2.0])
    assert (caught.value.parameter, caught.value.value) == ("matrix", (2,))


@pytest.mark.parametrize(
    ("connector", "ends", "same", "parameter", "value"),
    [
        (hs.FixedNumberPre(11), (10, 5), False, "connector: n", 11),
        (hs.FixedNumberPost(6), (10, 5), False, "connector: n", 6),
        (hs.FixedNumberPre(10, allow_self=False), (10, 10), True, "connector: n", 10),
        (hs.FixedNumberPre(1, with_replacement=True), (0, 5), False, "connector: n", 1),
        (hs.FixedNumberPre(-1), (10, 5), False, "connector: n", -1),
        (hs.FixedNumberPre(2.5), (10, 5), False, "connector: n", 2.5),
        (hs.FixedNumberPost(True), (10, 5), False, "connector: n", True),
        (hs.FromArrays([0, 9], [0, 5]), (10, 5), False, "connector: post", 5),
        (hs.FromArrays([10], [0]), (10, 5), False, "connector: pre", 10),
    ],
    ids=str,
)
def test_connectors_that_do_not_fit_their_ends(connector, ends, same, parameter, value):
    errors = list(connector.end_problems("projection 'p'", *ends, same))
    assert [(e.owner, e.parameter, e.value) for e in errors] == [("projection 'p'", parameter, value)]


def test_connectors_that_just_fit_their_ends():
    assert list(hs.FixedNumberPre(10, allow_self=False).end_problems("p", 10, 10, False)) == []
    assert list(hs.FixedNumberPre(9, allow_self=False).end_problems("p", 10, 10, True)) == []
    assert list(hs.FixedNumberPre(20, with_replacement=True).end_problems("p", 10, 10, True)) == []
    assert list(hs.OneToOne().end_problems("p", 3, 3, False)) == []
    assert [e.parameter for e in hs.OneToOne().end_problems("p", 3, 4, False)] == ["connector"]


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_a_probability_lies_between_0_and_1(p):
    assert [e.parameter for e in hs.FixedProbability(p).problems()] == ["p"]
