"""Networks of the literature, built from the library's layers."""

from .aosrnn import AOSRNN
from .super_resolution_cnn import SuperResolutionCNN, SuperResolutionNetwork
from .super_resolution_files import (
    load_pretrained,
    load_super_resolution,
    pretrained_names,
    save_super_resolution,
)
from .super_resolution_unet import SuperResolutionUNet

__all__ = [
    "AOSRNN",
    "SuperResolutionCNN",
    "SuperResolutionNetwork",
    "SuperResolutionUNet",
    "load_pretrained",
    "load_super_resolution",
    "pretrained_names",
    "save_super_resolution",
]
