"""Weights of the all-optical network that other code saved."""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from typing import Any

import torch
from torch import Tensor

__all__ = ["reference_phases"]

_KEY = re.compile(r"^(?:.*\.)?model\.(\d+)\.phase_filter$")


def _loaded(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(
            f"path={os.fspath(path)!r}: cannot be read as a torch checkpoint ({error})"
        ) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise ValueError(
            f"path={os.fspath(path)!r}: holds a {type(content).__name__}, must hold a state dict"
        )
    return content


def reference_phases(path: str | os.PathLike[str]) -> Tensor:
    """Read the phase masks of a state dict with keys ``model.<layer>.phase_filter``.

    Parameters
    ----------
    path : path-like
        File written by ``torch.save``: a state dict, or a dict that holds one as ``state_dict``. It is read
        without running code from it.

    Returns
    -------
    torch.Tensor
        [L, My, Mx], real, radians.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, has no such keys, lacks a layer, or holds masks that do not fit together.
    """
    content = _loaded(path)
    masks = {int(found[1]): value for key, value in content.items() if (found := _KEY.match(str(key)))}
    if not masks:
        raise ValueError(
            f"path={os.fspath(path)!r}: has no key 'model.<layer>.phase_filter', only "
            f"{sorted(map(str, content))[:8]}"
        )
    missing = sorted(set(range(len(masks))) - set(masks))
    if missing:
        raise ValueError(
            f"path={os.fspath(path)!r}: lacks model.{missing[0]}.phase_filter, layers count from 0"
        )
    layers = [masks[layer] for layer in range(len(masks))]
    for layer, mask in enumerate(layers):
        if not isinstance(mask, Tensor) or not mask.is_floating_point():
            raise ValueError(
                f"path={os.fspath(path)!r}: model.{layer}.phase_filter must be a real floating tensor"
            )
        if (
            mask.ndim < 2
            or mask.shape[-2:].numel() != mask.numel()
            or mask.shape[-2:] != layers[0].shape[-2:]
        ):
            raise ValueError(
                f"path={os.fspath(path)!r}: model.{layer}.phase_filter has shape {tuple(mask.shape)}: all "
                "masks must be (My, Mx) of one size"
            )
    return torch.stack([mask.reshape(mask.shape[-2:]) for mask in layers])
