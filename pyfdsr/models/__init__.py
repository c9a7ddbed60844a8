"""Networks of the literature, built from the library's layers."""

from .aosrnn import AOSRNN
from .classifier import AOClassifier, detector_regions
from .diffractive import DiffractiveSR
from .polychromatic import PolychromaticSR
from .super_resolution_cnn import SuperResolutionCNN, SuperResolutionNetwork
from .super_resolution_files import (
    load_pretrained,
    load_super_resolution,
    pretrained_names,
    save_super_resolution,
)
from .super_resolution_unet import SuperResolutionUNet

__all__ = [
    "AOClassifier",
    "AOSRNN",
    "DiffractiveSR",
    "PolychromaticSR",
    "SuperResolutionCNN",
    "SuperResolutionNetwork",
    "SuperResolutionUNet",
    "detector_regions",
    "load_pretrained",
    "load_super_resolution",
    "pretrained_names",
    "save_super_resolution",
]
