"""Files of super-resolution networks: safetensors with the architecture in the header."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch

from pyfdsr._files import write_bytes_atomically
from pyfdsr.chip.config import ChipConfig

from .super_resolution_cnn import SuperResolutionCNN, SuperResolutionNetwork
from .super_resolution_unet import SuperResolutionUNet

__all__ = ["load_pretrained", "load_super_resolution", "pretrained_names", "save_super_resolution"]

_FORMAT = "pyfdsr-super-resolution-1"
_KINDS = {kind.__name__: kind for kind in (SuperResolutionCNN, SuperResolutionUNet)}
_PRETRAINED = Path(__file__).with_name("pretrained")


def save_super_resolution(
    model: SuperResolutionNetwork, path: str | os.PathLike[str], notes: dict[str, Any] | None = None
) -> None:
    """Write a network, its architecture and its weights, to one file.

    The weights are those of the digital network: a chip, its ranges and errors are no part of the file.

    Parameters
    ----------
    model : SuperResolutionCNN or SuperResolutionUNet
    path : path
        Written under a temporary name and renamed.
    notes : dict, optional
        JSON about the weights (training, licence) for :func:`load_super_resolution` to hang on the model.

    Raises
    ------
    TypeError
        If `model` is another network.
    OSError
        If the file cannot be written; there is then no half of it.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from pyfdsr.models import SuperResolutionCNN, load_super_resolution, save_super_resolution
    >>> path = pathlib.Path(tempfile.mkdtemp(), "small.safetensors")
    >>> save_super_resolution(SuperResolutionCNN(depths=(4,), lengths=(1,)), path)
    >>> load_super_resolution(path).scale
    2
    """
    safetensors = _safetensors()
    if type(model) not in _KINDS.values():
        raise TypeError(f"model is a {type(model).__name__}: must be one of {', '.join(_KINDS)}")
    description = {"kind": type(model).__name__, "arguments": model.architecture()}
    metadata = {
        "format": _FORMAT,
        "architecture": json.dumps(description),
        "notes": json.dumps(notes or {}),
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.named_parameters()}
    write_bytes_atomically(Path(path), safetensors.save(tensors, metadata=metadata))


def load_super_resolution(
    path: str | os.PathLike[str],
    optical: bool = False,
    chip: ChipConfig | None = None,
    gradient: str = "perfect",
) -> SuperResolutionNetwork:
    """Read a network that :func:`save_super_resolution` wrote.

    Parameters
    ----------
    path : path
    optical, chip, gradient
        As in :class:`pyfdsr.models.SuperResolutionCNN`: where the convolutions are to run.

    Returns
    -------
    SuperResolutionCNN or SuperResolutionUNet
        In training mode, as a new one is; `notes` is the dict that was saved with it.

    Raises
    ------
    FileNotFoundError, OSError
        If the file cannot be read.
    ValueError
        If it is no such file, is damaged, or describes what this version cannot build; the message names it.
    """
    safetensors = _safetensors()
    if optical and chip is None:
        raise ValueError("optical=True: needs chip=ChipConfig(...), the chip to emulate")
    content = Path(path).read_bytes()
    try:
        tensors = safetensors.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__", {})
    except Exception as error:  # safetensors raises its own types for every kind of damage
        raise ValueError(f"{path}: is no safetensors file, or damaged ({error})") from error
    if header.get("format") != _FORMAT:
        raise ValueError(
            f"{path}: is no super-resolution network of pyfdsr, whose metadata has format={_FORMAT}, not "
            f"{header.get('format')!r}"
        )
    try:
        description = json.loads(header["architecture"])
        kind = _KINDS[description["kind"]]
        arguments = description["arguments"]
        notes = json.loads(header.get("notes", "{}"))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: its architecture cannot be understood ({error!r})") from error
    try:
        with torch.random.fork_rng(devices=[]):
            model = kind(optical, chip, gradient=gradient, **arguments)
        model.load_state_dict(tensors)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path}: holds no {kind.__name__} that can be built ({error})") from error
    model.notes = notes
    return model


def pretrained_names() -> list[str]:
    """Return the names of the networks that come with the package, for :func:`load_pretrained`."""
    return sorted(file.stem for file in _PRETRAINED.glob("*.safetensors"))


def load_pretrained(
    name: str = "srcnn_mse_x8",
    optical: bool = False,
    chip: ChipConfig | None = None,
    gradient: str = "perfect",
) -> SuperResolutionNetwork:
    """Return a trained network that comes with the package; the recipe and licence lie beside its file.

    Parameters
    ----------
    name : str
        One of :func:`pretrained_names`.
    optical, chip, gradient
        As in :func:`load_super_resolution`.

    Returns
    -------
    SuperResolutionCNN or SuperResolutionUNet

    Raises
    ------
    ValueError
        If there is no network of that name.
    """
    names = pretrained_names()
    if name not in names:
        known = f"must be one of {', '.join(names)}" if names else "this installation has none"
        raise ValueError(f"name={name!r}: is no pretrained network; {known} (folder {_PRETRAINED})")
    return load_super_resolution(_PRETRAINED / f"{name}.safetensors", optical, chip, gradient)


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ModuleNotFoundError as error:
        raise ImportError(
            'the package safetensors is needed for files of networks: pip install "pyfdsr[train]"'
        ) from error
    return safetensors.torch
