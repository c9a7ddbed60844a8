"""Small images for the tests."""

import numpy as np


def grey_images(count: int, seed: int = 0, side: int = 28) -> np.ndarray:
    """Random grey images [count, side, side], all different."""
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), np.uint8)
