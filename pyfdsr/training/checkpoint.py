"""Checkpoints: one safetensors file each, written atomically, checked by a digest when read.

A file holds the model's state (``model.<name>``), the optimiser's (``optimizer.<name>.<key>``) and, in its
metadata, the training state as JSON and the SHA-256 of all tensor bytes. safetensors holds no code, so that a
checkpoint from elsewhere cannot run any.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from pyfdsr._files import write_bytes_atomically

from .optional import require

__all__ = ["CheckpointError", "read_checkpoint", "write_checkpoint"]

_FORMAT = "pyfdsr-checkpoint-1"


class CheckpointError(RuntimeError):
    """A checkpoint could not be written or read; the message names the file."""


def _digest(tensors: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}{tuple(array.shape)}{array.dtype}".encode())
        digest.update(array.reshape(-1).numpy().tobytes())
    return digest.hexdigest()


def write_checkpoint(path: Path, tensors: dict[str, Any], state: dict[str, Any]) -> None:
    """Write one checkpoint atomically.

    Parameters
    ----------
    path : Path
    tensors : dict of str to torch.Tensor
    state : dict
        JSON-compatible training state.

    Raises
    ------
    CheckpointError
        When the file cannot be written, a full disk included; no file of that name is left half-written.
    """
    safetensors = require("safetensors.torch", "checkpoints")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"format": _FORMAT, "state": json.dumps(state), "sha256": _digest(tensors)}
    try:
        write_bytes_atomically(path, safetensors.save(tensors, metadata=metadata))
    except OSError as error:
        raise CheckpointError(f"could not write {path}: {error.strerror or error}") from error


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file: 8 bytes of length, then JSON."""
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length].decode()).get("__metadata__", {})


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read and check one checkpoint.

    Returns
    -------
    tensors : dict of str to torch.Tensor
    state : dict

    Raises
    ------
    CheckpointError
        Naming the file, when it is missing, cut short, altered or of another kind.
    """
    safetensors = require("safetensors.torch", "checkpoints")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise CheckpointError(f"could not read {path}: {error.strerror or error}") from error
    try:
        tensors = safetensors.load(content)
        metadata = _metadata(content)
        if metadata.get("format") != _FORMAT:
            raise CheckpointError(
                f"{path} is not a checkpoint of pyfdsr: its metadata lacks format={_FORMAT}"
            )
        state = json.loads(metadata["state"])
        whole = _digest(tensors) == metadata.get("sha256")
    except CheckpointError:
        raise
    except Exception as error:  # safetensors raises its own types for every kind of damage
        raise CheckpointError(f"{path} is damaged ({len(content)} bytes): {error}") from error
    if not whole:
        raise CheckpointError(f"{path} is damaged: its contents do not match the digest stored with them")
    return tensors, state
