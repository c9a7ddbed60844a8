"""Sums of losses with weights, and losses by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from .gradient_error import MeanGradientError

__all__ = ["LOSSES", "WeightedSum", "check_loss", "parse_loss"]

LOSSES = ("mse", "mge", "mge-article", "feature")


class WeightedSum(nn.Module):
    """A sum of losses of a prediction and a target, each with a weight.

    Parameters
    ----------
    *terms : (float, Module) pairs
        Weights, finite and not negative, and losses.

    Raises
    ------
    ValueError
        When there is no term, or a weight is against its rule.

    Examples
    --------
    >>> import torch
    >>> loss = WeightedSum((1.0, nn.MSELoss()), (2.0, nn.L1Loss()))
    >>> float(loss(torch.full((1, 1, 2, 2), 3.0), torch.zeros(1, 1, 2, 2)))
    15.0
    """

    def __init__(self, *terms: tuple[float, nn.Module]) -> None:
        super().__init__()
        if not terms:
            raise ValueError("terms=(): must be at least one pair of weight and loss")
        for weight, _ in terms:
            _check_weight(weight)
        self.weights = tuple(float(weight) for weight, _ in terms)
        self.losses = nn.ModuleList(loss for _, loss in terms)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sum, a scalar."""
        terms = zip(self.weights, self.losses, strict=True)
        return sum(weight * loss(prediction, target) for weight, loss in terms)

    def extra_repr(self) -> str:
        """Return the weights."""
        return f"weights={self.weights}"


def _check_weight(weight: Any) -> None:
    real = isinstance(weight, (int, float)) and not isinstance(weight, bool) and math.isfinite(weight)
    if not real or weight < 0:
        raise ValueError(f"weights: {weight!r} must be a finite number of at least 0")


def check_loss(names: str, weights: Sequence[float] | None = None) -> list[tuple[float, str]]:
    """Read the description of a loss without building it.

    Parameters
    ----------
    names : str
        Names of :data:`LOSSES` joined by ``+``.
    weights : sequence of float, optional
        One a name; all 1 by default.

    Returns
    -------
    list of (weight, name)

    Raises
    ------
    ValueError
        For an unknown name, or weights that are not as many or against their rule.

    Examples
    --------
    >>> check_loss("feature+mge", (1, 3))
    [(1.0, 'feature'), (3.0, 'mge')]
    """
    parts = [part.strip() for part in names.split("+")]
    for part in parts:
        if part not in LOSSES:
            raise ValueError(f"loss={names!r}: {part!r} must be one of {', '.join(LOSSES)}")
    weights = (1.0,) * len(parts) if weights is None else tuple(weights)
    if len(weights) != len(parts):
        raise ValueError(f"weights={weights}: must be as many as losses in {names!r}, {len(parts)}")
    for weight in weights:
        _check_weight(weight)
    return [(float(weight), part) for weight, part in zip(weights, parts, strict=True)]


def parse_loss(names: str, weights: Sequence[float] | None = None, vgg: str | None = None) -> WeightedSum:
    """Build a loss from its description.

    Parameters
    ----------
    names, weights
        As in :func:`check_loss`.
    vgg : path, optional
        Weights for ``feature``, see :class:`pyfdsr.losses.FeatureLoss`.

    Returns
    -------
    WeightedSum

    Raises
    ------
    ValueError
        As :func:`check_loss` does.
    FileNotFoundError
        When ``feature`` is asked for and its weights are not there.

    Examples
    --------
    >>> parse_loss("mse+mge").weights
    (1.0, 1.0)
    """

    def build(name: str) -> nn.Module:
        if name == "feature":
            from .features import FeatureLoss

            return FeatureLoss(vgg)
        if name == "mse":
            return nn.MSELoss()
        return MeanGradientError("article" if name == "mge-article" else "standard")

    return WeightedSum(*((weight, build(name)) for weight, name in check_loss(names, weights)))
