"""From a configuration to a reproducible initial model, and from a run folder to its trained model."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from .checkpoint import CheckpointError, read_checkpoint
from .config import TrainingConfig, parse_nonlinearity
from .run_folder import RunFolder, RunFolderError

__all__ = ["build_model", "load_model", "torch_dtype"]


def torch_dtype(config: TrainingConfig) -> torch.dtype:
    """Return the real dtype of the configuration."""
    return {"float32": torch.float32, "float64": torch.float64}[config.dtype]


def build_model(config: TrainingConfig) -> torch.nn.Module:
    """Build the network of `config`, its phases drawn from the configuration's seed.

    Parameters
    ----------
    config : TrainingConfig

    Returns
    -------
    torch.nn.Module
        One of :mod:`pyfdsr.models`, in training mode. The global random state of torch is left as it was.
    """
    from pyfdsr.optics import ImagingOptics

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = _BUILDERS[config.model](
            config,
            num_layers=config.num_layers,
            support=config.support,
            grid=config.grid,
            nonlinearity=parse_nonlinearity(config.nonlinearity),
            imaging=ImagingOptics(grid=config.grid, cutoff_bins=config.cutoff_bins),
        )
    return model.to(torch_dtype(config))


def _aosrnn(config: TrainingConfig, **common: Any) -> torch.nn.Module:
    from pyfdsr.models import AOSRNN

    return AOSRNN(band=config.band, **common)


def _diffractive(config: TrainingConfig, **common: Any) -> torch.nn.Module:
    from pyfdsr.models import DiffractiveSR

    return DiffractiveSR(distance=config.distance, pitch=config.pitch, wavelength=config.wavelength, **common)


def _classifier(config: TrainingConfig, **common: Any) -> torch.nn.Module:
    from pyfdsr.models import AOClassifier

    return AOClassifier(_aosrnn(config, **common), sharpness=config.sharpness)


def _polychromatic(config: TrainingConfig, **common: Any) -> torch.nn.Module:
    from pyfdsr.models import PolychromaticSR

    return PolychromaticSR(
        band=config.band,
        wavelengths=config.wavelengths,
        design_wavelength=config.wavelength,
        drive=config.drive,
        **common,
    )


_BUILDERS = {
    "aosrnn": _aosrnn,
    "diffractive": _diffractive,
    "classifier": _classifier,
    "polychromatic": _polychromatic,
}


def load_model(run: RunFolder) -> torch.nn.Module:
    """Return the trained model of a run: its model.safetensors, else its latest checkpoint.

    Parameters
    ----------
    run : RunFolder

    Returns
    -------
    torch.nn.Module
        One of :mod:`pyfdsr.models`, in evaluation mode.

    Raises
    ------
    CheckpointError, RunFolderError
        When there is nothing to load or it does not fit the configuration.
    """
    model = build_model(run.config())
    source, tensors = run.model_file, None
    if source.exists():
        try:
            tensors, _ = read_checkpoint(source)
        except CheckpointError as error:
            if not run.checkpoints():
                raise
            warnings.warn(f"{error}; using the latest checkpoint", stacklevel=2)
    if tensors is None:
        source, tensors, _ = run.load_checkpoint()
    weights = {name[len("model.") :]: value for name, value in tensors.items() if name.startswith("model.")}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise RunFolderError(f"{source} does not fit {run.config_file}: {error}") from error
    return model.eval()
