"""Make the FashionMNIST subset that ships in pyfdsr/data/embedded.

The first 200 images of each class of the training file and the first 50 of each class of the test file, in
the order of the files, with their row numbers there. Needs FashionMNIST (Debian package
dataset-fashion-mnist, or a download).

    python scripts/make_embedded_fashion.py pyfdsr/data/embedded/fashion_mnist.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pyfdsr import data

PER_CLASS = {"train": 200, "test": 50}


def embedded_arrays() -> dict[str, np.ndarray]:
    """The arrays of the archive: images, labels and rows of both parts."""
    arrays = {}
    for split, per_class in PER_CLASS.items():
        whole = data.load("fashion-mnist", split=split)
        rows = data.balanced_rows(whole.labels, per_class)
        arrays[f"{split}_images"] = whole.images[rows]
        arrays[f"{split}_labels"] = whole.labels[rows].astype(np.uint8)
        arrays[f"{split}_rows"] = rows.astype(np.uint16)
    return arrays


def main() -> None:
    """Write the archive to the path given."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", type=Path, help="where to write the .npz archive")
    path = parser.parse_args().path
    np.savez_compressed(path, **embedded_arrays())
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
