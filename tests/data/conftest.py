"""Every test here sees only the folders it makes: no data of this machine, no cache, no network."""

import numpy as np
import pytest
from image_samples import grey_images

from pyfdsr.data import location
from pyfdsr.data.idx import write_idx


@pytest.fixture
def empty_machine(tmp_path, monkeypatch):
    """A machine without any data set: the folders searched are all below ``tmp_path``."""
    monkeypatch.delenv("PYFDSR_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(location, "SYSTEM_FOLDERS", (str(tmp_path / "system"),))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return tmp_path


@pytest.fixture
def make_idx_folder():
    """Write idx files in MNIST's naming; returns what was written, by split."""

    def make(folder, counts=None, suffix="", prefixes=("train", "t10k"), first_label=0, seed=0):
        folder.mkdir(parents=True, exist_ok=True)
        written = {}
        for split, prefix, count in zip(("train", "test"), prefixes, counts or (30, 20), strict=True):
            images = grey_images(count, seed + len(written))
            labels = (np.arange(count) % 10).astype(np.uint8) + np.uint8(first_label)
            write_idx(folder / f"{prefix}-images-idx3-ubyte{suffix}", images)
            write_idx(folder / f"{prefix}-labels-idx1-ubyte{suffix}", labels)
            written[split] = (images, labels.astype(np.int64) - first_label)
        return written

    return make
