"""The configuration of a training of the super-resolution CNN."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyfdsr.losses.weighted_sum import check_loss

from .settings import Settings, check_choice, check_integer, check_number

__all__ = ["PhotoTrainingConfig"]


@dataclass(frozen=True)
class PhotoTrainingConfig(Settings):
    """Everything that decides the result of a training of the super-resolution CNN.

    Parameters
    ----------
    photos : str
        Folder of photographs.
    tiles : int
        Squares cut from each training photograph at most; 0: its central square alone.
    share : float
        Share of the photographs that are trained on; the others are tested on.
    size : int
        Side of the target images, pixels, a multiple of 8.
    epochs, batch_size : int
    epoch_size : int or None
        Squares that an epoch goes through, drawn anew for each; None: all of them.
    learning_rate, decay : float
        Adam's rate in the first epoch and its factor from one epoch to the next.
    loss : str
        Names of losses joined by ``+``, see :func:`pyfdsr.losses.parse_loss`.
    weights : tuple of float or None
        Of the losses, all 1 by default.
    crop : int
        Side of the square of the target, drawn for each batch, that the loss looks at; 0: all of it. A
        multiple of 8. The network sees the input of the square and a border as wide as it looks.
    flips : bool
        Flip every batch at random, left to right and upside down.
    init : str or None
        Run folder or file of a network whose weights to start from.
    optical : str or None
        TOML file of a chip to train on.
    gradient : {"perfect", "chip", "ste"}
        Of the chip, see :class:`pyfdsr.nn.OpticalConv2d`.
    vgg : str or None
        File of VGG-16's weights for the feature loss.
    seed : int
        Seeds weights, order, crops and flips, and which photographs are trained on.
    threads : int or None
        Threads of torch and the engine.
    test_every : int
        Test every so many epochs (and after the last); 0: never during training.

    Raises
    ------
    ValueError
        Naming the field, its value and the rule.

    References
    ----------
    F. Michel and J. Wilson, "AI super resolution using an optical computer": batch 4, learning rate 0.01
    stepped by 0.8, about 15 epochs. The article names no optimiser; it is Adam here.

    Examples
    --------
    >>> config = PhotoTrainingConfig(photos="data/photos", loss="feature+mge", weights=(1, 3))
    >>> PhotoTrainingConfig.from_json(config.to_json()) == config
    True
    >>> round(config.learning_rate_at(2), 6)
    0.0064
    """

    network = "srcnn"

    photos: str = "data/photos"
    tiles: int = 40
    share: float = 0.7
    size: int = 256
    epochs: int = 15
    batch_size: int = 4
    epoch_size: int | None = None
    learning_rate: float = 0.01
    decay: float = 0.8
    loss: str = "mse"
    weights: tuple[float, ...] | None = None
    crop: int = 0
    flips: bool = False
    init: str | None = None
    optical: str | None = None
    gradient: str = "perfect"
    vgg: str | None = None
    seed: int = 0
    threads: int | None = None
    test_every: int = 1

    def __post_init__(self) -> None:
        for name in ("photos", "init", "optical", "vgg"):
            value = getattr(self, name)
            if isinstance(value, Path):
                object.__setattr__(self, name, str(value))
            elif value is not None and (not isinstance(value, str) or not value):
                raise ValueError(f"{name}={value!r}: must be a path")
        if self.weights is not None:
            object.__setattr__(self, "weights", tuple(float(weight) for weight in self.weights))
        for name in ("epochs", "batch_size", "size"):
            check_integer(name, getattr(self, name), 1)
        for name in ("epoch_size", "threads"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), 1)
        for name in ("seed", "test_every", "tiles", "crop"):
            check_integer(name, getattr(self, name), 0)
        check_number("learning_rate", self.learning_rate, 0, inclusive=False)
        check_number("decay", self.decay, 0, inclusive=False)
        check_number("share", self.share, 0, inclusive=False)
        if self.share >= 1:
            raise ValueError(f"share={self.share!r}: must be below 1")
        check_choice("gradient", self.gradient, ("perfect", "chip", "ste"))
        check_loss(self.loss, self.weights)
        for name in ("size", "crop"):
            if getattr(self, name) % 8:
                raise ValueError(
                    f"{name}={getattr(self, name)}: must be a multiple of 8, the network's scale"
                )
        if self.crop > self.size:
            raise ValueError(f"crop={self.crop}: must be at most size={self.size}")

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate of `epoch`, counted from 0."""
        return self.learning_rate * self.decay**epoch
