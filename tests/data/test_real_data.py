"""Real images: the embedded set always; MNIST, FashionMNIST and animal-mnist where this machine has them."""

import hashlib
import runpy
from pathlib import Path

import numpy as np
import pytest

from pyfdsr import data

REPOSITORY = Path(__file__).parents[2]


def whole(name, split):
    """The data set, or a skip with the reason."""
    if data.find(name, split=split) is None:
        pytest.skip(f"{name} is in no data folder of this machine (set PYFDSR_DATA)")
    return data.load(name, split, download=False)


@pytest.mark.parametrize(("split", "per_class"), [("train", 200), ("test", 50)])
def test_embedded_set_is_balanced_and_mixed(split, per_class):
    found = data.load("embedded", split)
    assert found.images.shape == (10 * per_class, 28, 28) and found.images.dtype == np.uint8
    np.testing.assert_array_equal(np.bincount(found.labels), np.full(10, per_class))
    assert len(np.unique(found.labels[:50])) == 10
    assert "Zalando" in found.licence and len(found.classes) == 10
    # Photographs of clothes: dark corners, bright centres.
    assert found.images[:, 0, 0].mean() < 1 and found.images[:, 14, 14].mean() > 100


def test_embedded_parts_share_no_image():
    found = data.load("embedded", "all")
    assert len(found) == 2500
    assert len({image.tobytes() for image in found.images}) == 2500


def test_embedded_file_is_small_and_has_its_licence_beside_it():
    folder = data.find("embedded")
    assert (folder / "fashion_mnist.npz").stat().st_size < 1.5e6
    notice = (folder / "LICENSE-fashion-mnist.txt").read_text()
    assert "Copyright (c) 2017 Zalando SE" in notice and "Permission is hereby granted" in notice


def test_embedded_set_is_what_its_script_makes():
    whole("fashion-mnist", "train")
    whole("fashion-mnist", "test")
    made = runpy.run_path(str(REPOSITORY / "scripts" / "make_embedded_fashion.py"))["embedded_arrays"]()
    with np.load(data.find("embedded") / "fashion_mnist.npz") as stored:
        assert sorted(stored.files) == sorted(made)
        for name, values in made.items():
            np.testing.assert_array_equal(stored[name], values)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize(("split", "count"), [("train", 60000), ("test", 10000)])
def test_whole_data_set(name, split, count):
    found = whole(name, split)
    assert found.images.shape == (count, 28, 28) and len(found.labels) == count
    assert set(np.unique(found.labels)) == set(range(10))


def test_training_set_of_the_paper():
    whole("mnist", "train")
    found = data.load("mnist", per_class=1000, download=False)
    np.testing.assert_array_equal(np.bincount(found.labels), np.full(10, 1000))
    assert found.labels[:6].tolist() == [5, 0, 4, 1, 9, 2]  # as the file begins
    digest = hashlib.sha256(found.images.tobytes()).hexdigest()
    assert digest == "f83ddfb6346264b52ed4a5c96f7891bb59b5b151c2cb216648d82f22e3c85195"


def test_animal_mnist():
    train, test = whole("animal-mnist", "train"), whole("animal-mnist", "test")
    assert len(train) == 8580 and len(test) == 1420
    np.testing.assert_array_equal(np.bincount(test.labels), np.full(10, 142))
