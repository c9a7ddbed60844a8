"""Balanced subsets, train and test parts, and batches that resume exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfdsr import data
from pyfdsr.data.selection import rank_in_class, split_rows

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(lambda values: np.array(values, np.int64))


@given(LABELS)
def test_rank_counts_the_images_of_the_class_before(labels):
    expected = [sum(labels[:row] == label) for row, label in enumerate(labels)]
    assert rank_in_class(labels).tolist() == expected


@given(LABELS)
def test_parts_are_disjoint_complete_and_balanced(labels):
    train, test = split_rows(labels, len(labels), "train"), split_rows(labels, len(labels), "test")
    assert sorted([*train, *test]) == list(range(len(labels)))
    np.testing.assert_array_equal(split_rows(labels, len(labels), "all"), np.arange(len(labels)))
    for label in np.unique(labels):
        assert sum(labels[test] == label) == sum(labels == label) // 7


@given(LABELS, st.integers(0, 3))
def test_balanced_rows(labels, seed):
    per_class = np.unique(labels, return_counts=True)[1].min()
    rows = data.balanced_rows(labels, per_class, seed)
    assert (np.diff(rows) > 0).all()
    assert set(np.unique(labels, return_counts=True)[0]) == set(labels[rows])
    assert (np.unique(labels[rows], return_counts=True)[1] == per_class).all()
    np.testing.assert_array_equal(rows, data.balanced_rows(labels, per_class, seed))


def test_seed_zero_takes_the_first_and_others_draw():
    labels = np.tile(np.arange(10), 50)
    np.testing.assert_array_equal(data.balanced_rows(labels, 3), np.arange(30))
    np.testing.assert_array_equal(data.balanced_rows(labels, 3, None), np.arange(30))
    drawn = [data.balanced_rows(labels, 3, seed).tolist() for seed in (1, 2)]
    assert drawn[0] != drawn[1] != list(range(30))


def test_seeded_subset_of_a_data_set():
    first, again, other = (data.load("embedded", per_class=5, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.images, again.images)
    assert (first.images != other.images).any()


def test_a_class_with_too_few_images_is_named():
    with pytest.raises(ValueError, match="per_class must be at most .* got 3; class 7 has 2"):
        data.balanced_rows(np.array([1, 1, 1, 7, 7]), 3)


@given(st.integers(0, 50), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_batches_cover_every_image_once(count, batch_size, seed):
    found = data.batches(count, batch_size, rng=np.random.default_rng(seed))
    assert len(found) == -(-count // batch_size)
    rows = list(found)
    assert len(found) == 0
    assert all(len(batch) == batch_size for batch in rows[:-1])
    assert sorted(np.concatenate(rows)) == list(range(count)) if rows else count == 0


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 60))
def test_resuming_an_epoch_gives_the_batches_that_were_left(count, batch_size, done):
    rng = np.random.default_rng(5)
    state = rng.bit_generator.state
    whole = [rows.tolist() for rows in data.batches(count, batch_size, rng=rng)]
    after = rng.bit_generator.state
    resumed = np.random.default_rng(99)
    resumed.bit_generator.state = state
    left = data.batches(count, batch_size, rng=resumed, start=done)
    # The numbers are drawn in the call: the state before the first batch is that of the next epoch.
    assert resumed.bit_generator.state == after
    assert len(left) == max(0, len(whole) - done)
    assert [rows.tolist() for rows in left] == whole[done:]


def test_epochs_differ_and_order_without_shuffle():
    rng = np.random.default_rng(0)
    first, second = (np.concatenate(list(data.batches(100, 10, rng=rng))) for _ in range(2))
    assert (first != second).any()
    assert [rows.tolist() for rows in data.batches(np.zeros(5), 2, shuffle=False)] == [[0, 1], [2, 3], [4]]
    dropped = data.batches(np.zeros(5), 2, shuffle=False, drop_last=True)
    assert [rows.tolist() for rows in dropped] == [[0, 1], [2, 3]]
    images = data.load("embedded", "test", limit=6)
    assert np.concatenate(list(data.batches(images, 4, shuffle=False))).tolist() == list(range(6))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((5, 0, False), ValueError, "batch_size must be at least 1, got 0"),
        ((5, 2), ValueError, "rng must be a numpy.random.Generator"),
        ((5, 2, True, 3), TypeError, "rng must be a numpy.random.Generator, got int"),
        ((5, 2, False, None, -1), ValueError, "start must be at least 0, got -1"),
        ((-5, 2, False), ValueError, "images must be .* got -5"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        data.batches(*arguments)
