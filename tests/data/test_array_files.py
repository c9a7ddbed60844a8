"""NumPy's files: .npz spellings, .npy shapes, and pickles that must not run code."""

import gzip
import os
import pickle
import pickletools

import numpy as np
import pytest
from image_samples import grey_images

from pyfdsr import data
from pyfdsr.data import CorruptDataError
from pyfdsr.data.array_files import as_grey_levels, read_pickled_array

IMAGES = grey_images(21)
LABELS = np.arange(21) % 3


class RunsACommand:
    """Unpickling it would call os.system."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_pickle_that_calls_os_system_is_refused_and_not_run(tmp_path):
    witness = tmp_path / "witness"
    file = tmp_path / "file.gz"
    file.write_bytes(gzip.compress(pickle.dumps(RunsACommand(f"touch {witness}"))))
    with pytest.raises(CorruptDataError, match="system"):
        read_pickled_array(file)
    assert not witness.exists()


@pytest.mark.parametrize(
    "payload",
    [
        b"cbuiltins\neval\n(V1+1\ntR.",
        b"cnumpy\nload\n.",
        b"cnumpy.core.multiarray\nfromstring\n.",
        b"cnumpy\nf2py\n.",
    ],
)
def test_other_functions_are_refused(tmp_path, payload):
    file = tmp_path / "file"
    file.write_bytes(payload)
    with pytest.raises(CorruptDataError, match="pickled NumPy array"):
        read_pickled_array(file)


@pytest.mark.parametrize("value", [[1, 2], np.array([{}, None]), np.float64(1), b"bytes"])
def test_pickles_of_anything_but_a_plain_array_are_refused(tmp_path, value):
    file = tmp_path / "file"
    file.write_bytes(pickle.dumps(value))
    with pytest.raises(CorruptDataError, match="pickled NumPy array"):
        read_pickled_array(file)


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("module", [b"numpy.core", b"numpy._core"])
def test_arrays_pickled_by_numpy_1_and_2(tmp_path, protocol, module):
    content = pickle.dumps(IMAGES, protocol)
    written = b"numpy._core" if b"numpy._core" in content else b"numpy.core"
    if protocol == 3:  # no frames and no counted strings: the name can be exchanged in place
        content = content.replace(written, module)
        assert any(arg and module.decode() in str(arg) for _, arg, _ in pickletools.genops(content))
    file = tmp_path / "file.gz"
    file.write_bytes(gzip.compress(content))
    np.testing.assert_array_equal(read_pickled_array(file), IMAGES)


def test_truncated_pickle(tmp_path):
    content = pickle.dumps(IMAGES)
    for length in (0, 1, 20, 100, len(content) - 1):
        (tmp_path / "file").write_bytes(content[:length])
        with pytest.raises(CorruptDataError):
            read_pickled_array(tmp_path / "file")


@pytest.mark.parametrize(
    "keys",
    [
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("x_train", "y_train", "x_test", "y_test"),
    ],
)
def test_npz_with_a_split(tmp_path, keys):
    values = (IMAGES[:15], LABELS[:15].astype(np.uint8)[:, None], IMAGES[15:], LABELS[15:].astype(np.uint8))
    np.savez_compressed(tmp_path / "set.npz", **dict(zip(keys, values, strict=True)))
    train, test, whole = (data.load(tmp_path / "set.npz", split) for split in ("train", "test", "all"))
    np.testing.assert_array_equal(train.images, IMAGES[:15])
    np.testing.assert_array_equal(train.labels, LABELS[:15])
    np.testing.assert_array_equal(test.images, IMAGES[15:])
    np.testing.assert_array_equal(whole.images, IMAGES)
    np.testing.assert_array_equal(whole.labels, LABELS)
    assert train.name == "set.npz" and train.source == str(tmp_path / "set.npz")


def test_npz_without_a_split_gives_every_seventh_of_a_class_to_the_test(tmp_path):
    np.savez(tmp_path / "set.npz", images=IMAGES, labels=LABELS)
    train, test = (data.load(tmp_path / "set.npz", split) for split in ("train", "test"))
    np.testing.assert_array_equal(test.images, IMAGES[18:])  # the 7th of each of three classes
    np.testing.assert_array_equal(train.images, IMAGES[:18])
    np.testing.assert_array_equal(train.labels, LABELS[:18])


def test_npz_images_alone(tmp_path):
    np.savez(tmp_path / "set.npz", IMAGES)
    whole = data.load(tmp_path / "set.npz", "all")
    np.testing.assert_array_equal(whole.images, IMAGES)
    assert whole.labels is None
    with pytest.raises(ValueError, match="per_class must be None"):
        data.load(tmp_path / "set.npz", "all", per_class=1)


def test_npz_errors(tmp_path):
    file = tmp_path / "set.npz"
    np.savez(file, something=IMAGES)
    with pytest.raises(CorruptDataError, match="train_images.*something"):
        data.load(file)
    np.savez(file, images=IMAGES, labels=LABELS[:-1])
    with pytest.raises(CorruptDataError, match="21 integer labels"):
        data.load(file)
    np.savez(file, images=IMAGES, labels=np.array([{}] * 21))
    with pytest.raises(CorruptDataError, match="of numbers"):
        data.load(file)
    np.savez(file, images=np.zeros((4, 28, 28, 3), np.uint8))
    with pytest.raises(CorruptDataError, match="grey images"):
        data.load(file)
    np.savez_compressed(file, images=IMAGES, labels=LABELS)
    content = file.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 5):
        file.write_bytes(content[:length])
        with pytest.raises(CorruptDataError):
            data.load(file)
    file.write_bytes(content[:200] + bytes(100) + content[300:])
    with pytest.raises(CorruptDataError):
        data.load(file)


def test_npy_flat_and_square(tmp_path):
    np.save(tmp_path / "flat.npy", IMAGES.reshape(21, 784))
    np.save(tmp_path / "square.npy", IMAGES)
    np.save(tmp_path / "one.npy", IMAGES[0, :20])
    for name in ("flat.npy", "square.npy"):
        images = data.load(tmp_path / name, "all").images
        np.testing.assert_array_equal(images, IMAGES)
        assert type(images) is np.ndarray and images.flags.writeable
    np.testing.assert_array_equal(data.load(tmp_path / "one.npy", "all").images, IMAGES[:1, :20])


def test_npy_errors(tmp_path):
    file = tmp_path / "file.npy"
    np.save(file, IMAGES)
    content = file.read_bytes()
    for length in (0, 20, len(content) - 1):
        file.write_bytes(content[:length])
        with pytest.raises(CorruptDataError):
            data.load(file)
    np.save(file, np.array([{}, {}]), allow_pickle=True)
    with pytest.raises(CorruptDataError, match="of numbers"):
        data.load(file)
    np.save(file, np.zeros(7, np.uint8))
    with pytest.raises(CorruptDataError, match=r"shape \(7,\)"):
        data.load(file)


def test_grey_levels_of_other_types():
    np.testing.assert_array_equal(as_grey_levels(np.array([[False, True]]), "a"), [[0, 255]])
    np.testing.assert_array_equal(as_grey_levels(np.array([[0.0, 0.2, 1.0]]), "a"), [[0, 51, 255]])
    np.testing.assert_array_equal(as_grey_levels(np.array([[0, 200]], np.int32), "a"), [[0, 200]])
    for bad in ([[0, 256]], [[-1, 0]], [[0.0, 1.5]], [[0.0, np.nan]], [[1j, 0]]):
        with pytest.raises(CorruptDataError, match="a is corrupt .* grey values"):
            as_grey_levels(np.array(bad), "a")
