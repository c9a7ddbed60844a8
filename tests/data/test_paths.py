"""Data by path: idx files and folders, and folders of .npy files."""

import numpy as np
import pytest
from image_samples import grey_images

from pyfdsr import data
from pyfdsr.data import CorruptDataError, DataNotFoundError
from pyfdsr.data.idx import write_idx


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_folder(tmp_path, make_idx_folder, suffix):
    written = make_idx_folder(tmp_path, suffix=suffix)
    for split in ("train", "test"):
        found = data.load(tmp_path, split)
        np.testing.assert_array_equal(found.images, written[split][0])
        np.testing.assert_array_equal(found.labels, written[split][1])
    whole = data.load(str(tmp_path), "all")
    np.testing.assert_array_equal(whole.labels, np.concatenate([written["train"][1], written["test"][1]]))


def test_idx_folder_with_a_file_both_plain_and_gzipped(tmp_path, make_idx_folder):
    make_idx_folder(tmp_path)
    make_idx_folder(tmp_path, suffix=".gz")
    assert len(data.load(tmp_path)) == 30


def test_idx_folder_without_the_split_asked_for(tmp_path):
    write_idx(tmp_path / "t10k-images-idx3-ubyte", grey_images(3))
    assert data.load(tmp_path, "test").labels is None
    assert len(data.load(tmp_path, "all")) == 3
    with pytest.raises(DataNotFoundError, match="holds only the test part, wanted train"):
        data.load(tmp_path, "train")


def test_idx_folder_with_several_sets(tmp_path, make_idx_folder):
    make_idx_folder(tmp_path, prefixes=("emnist-letters-train", "emnist-letters-test"))
    make_idx_folder(tmp_path, prefixes=("emnist-digits-train", "emnist-digits-test"))
    with pytest.raises(ValueError, match="emnist-digits-train, emnist-letters-train"):
        data.load(tmp_path)


def test_idx_file_with_its_labels(tmp_path, make_idx_folder):
    written = make_idx_folder(tmp_path)
    found = data.load(tmp_path / "t10k-images-idx3-ubyte", "test")
    np.testing.assert_array_equal(found.images, written["test"][0])
    np.testing.assert_array_equal(found.labels, written["test"][1])
    with pytest.raises(ValueError, match="split must be 'test' or 'all'.*'train'"):
        data.load(tmp_path / "t10k-images-idx3-ubyte", "train")


def test_idx_file_of_any_name_and_size(tmp_path):
    images = grey_images(15, side=40)
    write_idx(tmp_path / "cells.idx", images)
    np.testing.assert_array_equal(data.load(tmp_path / "cells.idx", "test").images, images[[6, 13]])
    np.testing.assert_array_equal(data.load(tmp_path / "cells.idx", "all").images, images)
    with pytest.raises(ValueError, match="its part is empty"):
        write_idx(tmp_path / "few.idx", images[:6])
        data.load(tmp_path / "few.idx", "test")


def test_a_file_that_is_nothing_of_the_kind(tmp_path):
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(CorruptDataError, match="idx header"):
        data.load(tmp_path / "readme.txt")
    write_idx(tmp_path / "labels", np.arange(5, dtype=np.uint8))
    with pytest.raises(CorruptDataError, match="three axes"):
        data.load(tmp_path / "labels")


def test_folder_of_npy_files_is_one_class_each(tmp_path):
    cats, dogs = grey_images(8, 1), grey_images(9, 2)
    np.save(tmp_path / "cat.npy", cats.reshape(8, 784))
    np.save(tmp_path / "dog.npy", dogs)
    whole = data.load(tmp_path, "all")
    assert whole.classes == ("cat", "dog")
    assert whole.labels.tolist() == [0, 1] * 8 + [1]
    np.testing.assert_array_equal(whole.images[whole.labels == 1], dogs)
    np.save(tmp_path / "elk.npy", grey_images(3, side=30))
    with pytest.raises(CorruptDataError, match=r"images of shape \(28, 28\)"):
        data.load(tmp_path, "all")


def test_limit_takes_the_first_images(tmp_path, make_idx_folder):
    written = make_idx_folder(tmp_path)
    np.testing.assert_array_equal(data.load(tmp_path, limit=7).images, written["train"][0][:7])
    assert len(data.load(tmp_path, limit=1000)) == 30
