"""Weights of VGG-16's shapes, random and small, and files of them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

SHAPES = ((64, 3, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3), (128, 128, 3, 3))


@pytest.fixture(scope="session")
def vgg_weights():
    generator = torch.Generator().manual_seed(0)
    return [
        (torch.randn(s, generator=generator) / (4 * s[1]) ** 0.5, torch.randn(s[0], generator=generator) / 4)
        for s in SHAPES
    ]
