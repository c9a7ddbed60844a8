"""Mean gradient error against loops over pixels, and its gradients."""

import numpy as np
import pytest
import torch

from pyfdsr.losses import MeanGradientError, mge_loss
from tolerances import assert_close

SOBEL = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]) / 8
SLIPPED = np.array([[-1, 0, 1], [-2, 0, 2], [1, 0, 1]]) / 8


def images(batch=2, channels=3, height=5, width=6):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, batch, channels, height, width, generator=generator, dtype=torch.float64)


def edges(plane, kernel):
    """Correlate a plane with a 3x3 kernel, borders replicated, pixel by pixel."""
    padded = np.pad(plane, 1, mode="edge")
    found = np.zeros_like(plane)
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            found[y, x] = (padded[y : y + 3, x : x + 3] * kernel).sum()
    return found


def direct(prediction, target, kernels, add_channels):
    """The formula: half the sum of the mean squared differences of the two edge images."""
    total = 0.0
    for kernel in kernels:
        squares = []
        for p, t in zip(prediction.numpy(), target.numpy(), strict=True):
            found = [edges(a, kernel) - edges(b, kernel) for a, b in zip(p, t, strict=True)]
            squares += [np.square(sum(found))] if add_channels else [np.square(one) for one in found]
        total += np.mean(squares) / 2
    return total


def test_the_standard_variant_is_the_formula():
    prediction, target = images()
    expected = direct(prediction, target, (SOBEL, SOBEL.T), add_channels=False)
    assert_close("reduction", mge_loss(prediction, target), expected)


def test_the_article_variant_adds_channels_and_keeps_the_slip():
    prediction, target = images()
    expected = direct(prediction, target, (SOBEL, SLIPPED), add_channels=True)
    assert_close("reduction", mge_loss(prediction, target, "article"), expected)
    assert_close("reduction", MeanGradientError("article")(prediction, target), expected)


def test_a_flat_difference_counts_only_with_the_slip():
    flat = torch.full((1, 3, 8, 8), 0.5)
    assert float(mge_loss(flat, torch.zeros_like(flat))) == 0
    assert float(mge_loss(flat, torch.zeros_like(flat), "article")) > 0


@pytest.mark.parametrize("variant", ["standard", "article"])
def test_gradients_of_both_orders(variant):
    prediction, target = (x.requires_grad_() for x in images(1, 2, 3, 4))
    arguments = (lambda p, t: mge_loss(p, t, variant), (prediction, target))
    assert torch.autograd.gradcheck(*arguments)
    assert torch.autograd.gradgradcheck(*arguments, fast_mode=True)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.ones(1, 3, 4, 4), torch.ones(1, 3, 4, 5)), ValueError, "target has shape .1, 3, 4, 5.: must"),
        ((torch.ones(3, 4, 4), torch.ones(3, 4, 4)), ValueError, "must be .B, C, H, W., not empty"),
        (
            (torch.ones(1, 3, 4, 4).byte(), torch.ones(1, 3, 4, 4)),
            TypeError,
            "prediction has type torch.uint8",
        ),
        (
            (torch.ones(1, 3, 4, 4), torch.ones(1, 3, 4, 4), "slip"),
            ValueError,
            "variant='slip': must be one of",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        mge_loss(*arguments)
    with pytest.raises(ValueError, match="variant='slip': must be one of"):
        MeanGradientError("slip")
