"""The number of the first sample of a batch, on which the noise of an emulated chip depends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Integral

__all__ = ["current_sample_offset", "sample_offset"]

_OFFSET: ContextVar[int] = ContextVar("pyfdsr_sample_offset", default=0)


@contextmanager
def sample_offset(first: int) -> Iterator[None]:
    """Number the samples of the batches inside the ``with`` block from `first` on.

    A batch that is split in parts draws the noise of the whole one if each part begins at its own number.

    Parameters
    ----------
    first : int
        0 to 2**61 - 1.

    Raises
    ------
    ValueError
        If `first` is anything else.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import chip, nn
    >>> config = chip.ChipConfig(adc=chip.ADCParameters(8, 4.0), noise=chip.NoiseParameters(out_noise=0.1))
    >>> layer, x = nn.OpticalConv2d(1, 1, 3, chip=config).eval(), torch.randn(4, 1, 9, 9)
    >>> with chip.sample_offset(2):
    ...     second_half = layer(x[2:])
    >>> torch.equal(second_half, layer(x)[2:])
    True
    """
    if isinstance(first, bool) or not isinstance(first, Integral) or not 0 <= first < 2**61:
        raise ValueError(f"first={first!r}: must be an integer from 0 to 2**61 - 1")
    token = _OFFSET.set(int(first))
    try:
        yield
    finally:
        _OFFSET.reset(token)


def current_sample_offset() -> int:
    """Return the number of the first sample of a batch now."""
    return _OFFSET.get()
