"""From a configuration to a reproducible initial model, and from a run folder to its trained model."""

from __future__ import annotations

import warnings

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
    pyfdsr.models.AOSRNN
        In training mode. The global random state of torch is left as it was.
    """
    from pyfdsr.models import AOSRNN
    from pyfdsr.optics import ImagingOptics

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = AOSRNN(
            num_layers=config.num_layers,
            support=config.support,
            band=config.band,
            grid=config.grid,
            nonlinearity=parse_nonlinearity(config.nonlinearity),
            imaging=ImagingOptics(grid=config.grid, cutoff_bins=config.cutoff_bins),
        )
    return model.to(torch_dtype(config))


def load_model(run: RunFolder) -> torch.nn.Module:
    """Return the trained model of a run: its model.safetensors, else its latest checkpoint.

    Parameters
    ----------
    run : RunFolder

    Returns
    -------
    pyfdsr.models.AOSRNN
        In evaluation mode.

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
