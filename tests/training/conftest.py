"""A network and images small enough to train in a blink."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")


def make_rectangles(count: int, size: int = 8, seed: int = 0) -> np.ndarray:
    """Bright rectangles on black: uint8 [count, size, size]."""
    generator = np.random.default_rng(seed)
    images = np.zeros((count, size, size), dtype=np.uint8)
    for image in images:
        top, left = generator.integers(0, size // 2, 2)
        height, width = generator.integers(1, size // 2, 2)
        image[top : top + height, left : left + width] = generator.integers(100, 256)
    return images


@pytest.fixture
def config():
    from pyfdsr.training import TrainingConfig

    return TrainingConfig(
        epochs=3,
        batch_size=8,
        micro_batch=4,
        num_layers=2,
        support=16,
        band=16,
        grid=48,
        cutoff_bins=4.0,
        lr_halve_every=2,
        test_every=2,
        test_limit=5,
        seed=3,
    )


@pytest.fixture
def rectangles():
    return make_rectangles


@pytest.fixture
def images():
    return make_rectangles(20)


@pytest.fixture
def test_images():
    return make_rectangles(6, seed=1)
