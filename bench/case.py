"""The network every implementation computes, and the inputs it gets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def quick() -> bool:
    """Tell whether ``PYFDSR_BENCH_QUICK`` asks for sizes that finish at once, as the tests do."""
    return os.environ.get("PYFDSR_BENCH_QUICK", "") not in ("", "0")


@dataclass(frozen=True)
class Case:
    """One problem: ``layers`` 4f units with a Kerr nonlinearity after each.

    The input and output windows have one size, as in the paper's network.

    Parameters
    ----------
    window, band, grid
        Samples per axis of the field window S, the frequency band M and the padded grid N.
    layers, batch
        Number of units and of images.
    double
        complex128 and float64 instead of complex64 and float32.
    strength
        Kerr phase in radians per unit intensity.
    threads
        Threads every implementation may use.

    Examples
    --------
    >>> Case(window=8, band=8, grid=24, layers=2, batch=3).offset
    8
    """

    window: int = 112
    band: int = 112
    grid: int = 336
    layers: int = 10
    batch: int = 10
    double: bool = False
    strength: float = 4.0
    threads: int = 2

    def __post_init__(self) -> None:
        for name in ("window", "band"):
            size = getattr(self, name)
            if not 1 <= size <= self.grid:
                raise ValueError(f"{name}={size} must lie between 1 and grid={self.grid}")
        for name in ("layers", "batch", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")

    @property
    def offset(self) -> int:
        """First row and column of the window on the padded grid."""
        return self.grid // 2 - self.window // 2

    @property
    def band_offset(self) -> int:
        """First row and column of the band on the centred frequency grid."""
        return self.grid // 2 - self.band // 2

    @property
    def lowest_frequency(self) -> int:
        """Frequency number of the band's first row and column."""
        return -(self.band // 2)


@dataclass(frozen=True)
class Inputs:
    """Tensors of one case, equal for every implementation.

    Attributes
    ----------
    field
        complex [B, S, S].
    phases
        float [L, M, M], standard normal as in the paper.
    weights
        float [B, S, S]; the loss is ``(weights · intensity).sum()``.
    """

    field: torch.Tensor
    phases: torch.Tensor
    weights: torch.Tensor


def make_inputs(case: Case, seed: int = 0) -> Inputs:
    """Draw the inputs of ``case`` reproducibly, in float64 first so that both precisions share their values.

    Parameters
    ----------
    case
        The problem.
    seed
        Seed of the generator.

    Returns
    -------
    Inputs
        Field, phases and loss weights.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    options = {"generator": generator, "dtype": torch.float64}
    amplitude = torch.rand(case.batch, case.window, case.window, **options)
    angle = torch.rand(case.batch, case.window, case.window, **options)
    phases = torch.randn(case.layers, case.band, case.band, **options)
    weights = torch.rand(case.batch, case.window, case.window, **options)
    field = torch.polar(amplitude, angle)
    if case.double:
        return Inputs(field, phases, weights)
    return Inputs(field.to(torch.complex64), phases.float(), weights.float())
