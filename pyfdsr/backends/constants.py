"""Tensors that outlive the call that made them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import _disable_current_modes

__all__ = ["kept_for_later"]


@contextmanager
def kept_for_later() -> Iterator[None]:
    """Let tensors made within be real ones that gradients may pass, whatever mode asks for them first.

    A cache may be filled under ``torch.inference_mode``, whose tensors serve no training, or while
    ``torch.compile`` traces, when tensors are fake.
    """
    with _disable_current_modes(), torch.inference_mode(False):
        yield
