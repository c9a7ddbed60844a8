r"""Mean gradient error: the squared difference of the edges that Sobel's filters see.

.. math:: L = \tfrac12 \left\langle (S_y * p - S_y * t)^2 \right\rangle
              + \tfrac12 \left\langle (S_x * p - S_x * t)^2 \right\rangle

with Sobel's filters divided by 8, replicated borders and the mean over images, channels and pixels. Filters
are linear, so that only the difference of prediction and target is filtered.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["MeanGradientError", "check_images", "mge_loss"]

_ALONG_Y = ((-1.0, -2.0, -1.0), (0.0, 0.0, 0.0), (1.0, 2.0, 1.0))
_ALONG_X = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
_ALONG_X_OF_THE_ARTICLE = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (1.0, 0.0, 1.0))
_VARIANTS = ("standard", "article")


def check_images(prediction: Tensor, target: Tensor) -> None:
    """Raise unless both are batches of images of one shape and real dtype."""
    for name, x in (("prediction", prediction), ("target", target)):
        if not torch.is_tensor(x) or not x.is_floating_point():
            kind = x.dtype if torch.is_tensor(x) else type(x).__name__
            raise TypeError(f"{name} has type {kind}: must be a real floating-point tensor")
    if prediction.shape != target.shape:
        raise ValueError(
            f"target has shape {tuple(target.shape)}: must have that of prediction, {tuple(prediction.shape)}"
        )
    if prediction.ndim != 4 or prediction.numel() == 0:
        raise ValueError(f"prediction has shape {tuple(prediction.shape)}: must be [B, C, H, W], not empty")


def mge_loss(prediction: Tensor, target: Tensor, variant: str = "standard") -> Tensor:
    """Return the mean gradient error.

    Parameters
    ----------
    prediction, target : Tensor, real [B, C, H, W]
        Images of one shape.
    variant : {"standard", "article"}
        ``"article"`` is the article's listing to the letter: the channels are added before they are compared,
        and the lower left number of one filter has the wrong sign, so that it also answers to flat areas.

    Returns
    -------
    Tensor
        Scalar, differentiable any number of times.

    Raises
    ------
    TypeError, ValueError
        If shapes, dtypes or `variant` are against the rules.

    References
    ----------
    F. Michel and J. Wilson, "AI super resolution using an optical computer", ``mge_loss``.

    Examples
    --------
    >>> import torch
    >>> ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    >>> float(mge_loss(ramp, torch.zeros(1, 1, 4, 4)))  # slope 1, half as steep at replicated borders
    0.3125
    """
    check_images(prediction, target)
    if variant not in _VARIANTS:
        raise ValueError(f"variant={variant!r}: must be one of {', '.join(map(repr, _VARIANTS))}")
    along_x = _ALONG_X if variant == "standard" else _ALONG_X_OF_THE_ARTICLE
    filters = torch.tensor((_ALONG_Y, along_x), dtype=prediction.dtype)[:, None] / 8  # [2, 1, 3, 3]
    filters = filters.to(prediction.device, non_blocking=True)  # the host has no need to wait
    difference = prediction - target.to(prediction.dtype)
    if variant == "article":
        difference = difference.sum(dim=1, keepdim=True)
    planes = difference.flatten(0, 1)[:, None]  # [B·C, 1, H, W]
    edges = F.conv2d(F.pad(planes, (1, 1, 1, 1), mode="replicate"), filters)
    return edges.square().mean()  # the mean over two filters is half the sum of two means


class MeanGradientError(nn.Module):
    """:func:`mge_loss` as a module.

    Parameters
    ----------
    variant : {"standard", "article"}

    Examples
    --------
    >>> import torch
    >>> float(MeanGradientError()(torch.ones(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)))
    0.0
    """

    def __init__(self, variant: str = "standard") -> None:
        super().__init__()
        if variant not in _VARIANTS:
            raise ValueError(f"variant={variant!r}: must be one of {', '.join(map(repr, _VARIANTS))}")
        self.variant = variant

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss, a scalar; arguments as in :func:`mge_loss`."""
        return mge_loss(prediction, target, self.variant)

    def extra_repr(self) -> str:
        """Return the variant."""
        return f"variant={self.variant!r}"
