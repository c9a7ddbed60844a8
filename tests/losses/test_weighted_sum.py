"""Sums of losses, and their names."""

import pytest
import torch
from torch import nn

from pyfdsr.losses import WeightedSum, mge_loss, parse_loss
from tolerances import assert_close


def test_the_sum_has_the_weights():
    prediction, target = torch.rand(2, 2, 3, 8, 8, dtype=torch.float64)
    loss = parse_loss("mse+mge", (2, 0.5))
    expected = 2 * (prediction - target).square().mean() + 0.5 * mge_loss(prediction, target)
    assert_close("reduction", loss(prediction, target), expected)
    article = parse_loss("mge-article")(prediction, target)
    assert_close("exact", article, mge_loss(prediction, target, "article"))


def test_features_take_the_file_that_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.pth: VGG-16's weights are not there"):
        parse_loss("feature+mge", vgg=tmp_path / "nowhere.pth")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mse+blur",), "loss='mse.blur': 'blur' must be one of mse, mge, mge-article, feature"),
        (("mse", (1, 2)), "weights=.1, 2.: must be as many as losses in 'mse', 1"),
        (("mse", (-1,)), "weights: -1 must be a finite number of at least 0"),
    ],
)
def test_bad_descriptions_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        parse_loss(*arguments)


def test_a_sum_of_nothing_is_refused():
    with pytest.raises(ValueError, match="must be at least one pair"):
        WeightedSum()
    with pytest.raises(ValueError, match="weights: nan must be a finite number"):
        WeightedSum((float("nan"), nn.MSELoss()))
