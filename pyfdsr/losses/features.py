"""Distances between images as the first layers of VGG-16 see them: a loss, and a measure of likeness."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .gradient_error import check_images
from .vgg import VGGFeatures

__all__ = ["FeatureDistance", "FeatureLoss"]


class FeatureLoss(nn.Module):
    """Mean squared distance of the features of prediction and target.

    Parameters
    ----------
    weights : path or list of (Tensor, Tensor), optional
        Of VGG-16, see :func:`pyfdsr.losses.vgg.read_vgg`; frozen.
    layer : str
        ``"relu2_2"``, or an earlier one.

    Raises
    ------
    FileNotFoundError
        When the weights are not there; the message says how to get them.
    ValueError
        When they are of another kind.

    References
    ----------
    J. Johnson, A. Alahi and L. Fei-Fei, "Perceptual losses for real-time style transfer and
    super-resolution", ECCV 2016; F. Michel and J. Wilson, "AI super resolution using an optical computer",
    ``vgg_feature_loss``.

    Examples
    --------
    >>> import torch
    >>> weights = [(torch.ones(64, 3, 3, 3), torch.zeros(64))]
    >>> loss = FeatureLoss(weights, layer="relu1_1")
    >>> float(loss(torch.ones(1, 3, 4, 4), torch.ones(1, 3, 4, 4)))
    0.0
    """

    def __init__(self, weights=None, layer: str = "relu2_2") -> None:
        super().__init__()
        self.features = VGGFeatures(weights, (layer,))

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss, a scalar, of images [B, 3, H, W] of 0 to 1; the target gets no gradient."""
        check_images(prediction, target)
        with torch.no_grad():
            (wanted,) = self.features(target)
        (found,) = self.features(prediction)
        return (found - wanted).square().mean()


class FeatureDistance(nn.Module):
    """Distance of the directions of features: a measure of how alike two images look.

    At each point the features of relu1_2 and of relu2_2 are scaled to unit length; the squared distance is
    averaged over the points, and over the two layers. This is LPIPS without its learnt weights and with two
    of its five layers: numbers compare among themselves, and not with published LPIPS.

    Parameters
    ----------
    weights : path or list of (Tensor, Tensor), optional
        Of VGG-16, see :func:`pyfdsr.losses.vgg.read_vgg`.

    Raises
    ------
    FileNotFoundError, ValueError
        As :class:`FeatureLoss` does.

    References
    ----------
    R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.losses.vgg import _SHAPES
    >>> weights = [(torch.ones(shape), torch.zeros(shape[0])) for shape in _SHAPES]
    >>> images = torch.ones(2, 3, 8, 8)
    >>> FeatureDistance(weights)(images, images)
    tensor([0., 0.])
    """

    def __init__(self, weights=None) -> None:
        super().__init__()
        self.features = VGGFeatures(weights, ("relu1_2", "relu2_2"))

    def directions(self, images: Tensor) -> list[Tensor]:
        """Return the features of images [B, 3, H, W] of 0 to 1, scaled to unit length at each point."""
        # Where all features are 0 there is no direction, and 0 is kept.
        return [functional.normalize(features, dim=1, eps=1e-10) for features in self.features(images)]

    def between(self, found: list[Tensor], wanted: list[Tensor]) -> Tensor:
        """Return the distances [B] of directions, for a target that several images are compared with."""
        pairs = zip(found, wanted, strict=True)
        return torch.stack([(f - w).square().sum(1).mean((1, 2)) for f, w in pairs]).mean(0)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the distance of each pair of images [B, 3, H, W] of 0 to 1: a tensor [B]."""
        check_images(prediction, target)
        return self.between(self.directions(prediction), self.directions(target))
