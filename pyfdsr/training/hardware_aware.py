"""Training for the chip: its errors grow while the model learns to live with them; full scales follow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pyfdsr.chip import optical_layers

from .trainer import TrainingDiverged

__all__ = ["HardwareAwareTraining"]


@dataclass(frozen=True)
class HardwareAwareTraining:
    """How a model's optical layers are treated while it trains.

    Parameters
    ----------
    anneal : float
        Fraction of all steps over which the errors that change from frame to frame grow from `first_scale` to
        what the configuration says; 0 has them whole from the first step.
    first_scale : float
        Factor of those errors at the first step, 0 to 1.
    range_rate : float
        By how much (relative) a calibrated full scale may move a step; 0 keeps them.
    clip_target : float
        Fraction of the values that moving full scales let clip, above 0 and below 1.

    Raises
    ------
    ValueError
        Naming the field, its value and the rule.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import chip, nn
    >>> layer = nn.OpticalConv2d(1, 2, 3, chip=chip.ChipConfig.assumed_4bit(), gradient="ste")
    >>> x, y = torch.rand(4, 1, 12, 12), torch.rand(4, 2, 10, 10)
    >>> _ = chip.calibrate_ranges(layer, [x])
    >>> optimizer = torch.optim.SGD(layer.parameters(), 0.01)
    >>> losses = HardwareAwareTraining(anneal=0.5).fit(
    ...     layer, [(x, y)] * 3, torch.nn.functional.mse_loss, optimizer, epochs=2
    ... )
    >>> len(losses), int(layer.chip_step)
    (2, 5)
    """

    anneal: float = 0.5
    first_scale: float = 0.0
    range_rate: float = 0.01
    clip_target: float = 5e-4

    def __post_init__(self) -> None:
        for name, rule, holds in (
            ("anneal", "must lie in [0, 1]", lambda v: 0 <= v <= 1),
            ("first_scale", "must lie in [0, 1]", lambda v: 0 <= v <= 1),
            ("range_rate", "must lie in [0, 1]", lambda v: 0 <= v <= 1),
            ("clip_target", "must be above 0 and below 1", lambda v: 0 < v < 1),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not holds(value):
                raise ValueError(f"{name}={value!r}: {rule}")

    def noise_scale_at(self, step: int, steps: int) -> float:
        """Return the factor of the errors in step `step` of `steps`.

        Examples
        --------
        >>> [HardwareAwareTraining(anneal=0.5).noise_scale_at(step, 9) for step in (0, 2, 4, 8)]
        [0.0, 0.5, 1.0, 1.0]
        """
        growing = self.anneal * (steps - 1)
        share = 1.0 if step >= growing else step / growing
        return self.first_scale + (1 - self.first_scale) * share

    def fit(
        self,
        model: nn.Module,
        batches: Iterable[tuple[Any, Any]],
        loss: Callable[[Tensor, Any], Tensor],
        optimizer: torch.optim.Optimizer,
        epochs: int,
        told: Callable[[int, float], None] | None = None,
    ) -> list[float]:
        """Train a model with optical layers.

        Parameters
        ----------
        model : torch.nn.Module
            Left in training mode, with its errors and its learning of full scales as they were before, also
            after an exception. The factor of the errors that each layer has (`noise_scale`) multiplies the
            schedule's.
        batches : collection of (input, target)
            Gone through once an epoch; has a length.
        loss : callable
            ``loss(model(input), target)``, a scalar.
        optimizer : torch.optim.Optimizer
        epochs : int
            1 or more.
        told : callable, optional
            Called with the number of every epoch, from 1, and its mean loss.

        Returns
        -------
        list of float
            Mean loss of each epoch.

        Raises
        ------
        ValueError
            If `epochs` is below 1 or there are no batches.
        TrainingDiverged
            If a loss is not finite; the parameters are those before the step.
        """
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise ValueError(f"epochs={epochs!r}: must be an integer of 1 or greater")
        count = len(batches)  # type: ignore[arg-type]
        if count == 0:
            raise ValueError("batches: there are none, at least one is needed")
        layers = [layer for _, layer in optical_layers(model)]
        learning = (self.range_rate, self.clip_target) if self.range_rate > 0 else None
        before = [(layer.noise_scale, layer.range_learning) for layer in layers]
        model.train()
        means = []
        try:
            for layer in layers:
                layer.range_learning = learning
            for epoch in range(epochs):
                total = 0.0
                for index, (inputs, target) in enumerate(batches):
                    factor = self.noise_scale_at(epoch * count + index, epochs * count)
                    for layer, (whole, _) in zip(layers, before, strict=True):
                        layer.noise_scale = factor * whole
                    value = loss(model(inputs), target)
                    if not math.isfinite(value.item()):
                        raise TrainingDiverged(f"the loss is {value.item()} in epoch {epoch + 1}")
                    optimizer.zero_grad()
                    value.backward()
                    optimizer.step()
                    total += value.item()
                means.append(total / count)
                if told is not None:
                    told(epoch + 1, means[-1])
        finally:
            for layer, (scale, learnt) in zip(layers, before, strict=True):
                layer.noise_scale, layer.range_learning = scale, learnt
        return means
