"""What a backend offers: raw maps, tensors in and tensors out, of which autograd knows nothing.

Arguments are taken as valid: of one device and precision, broadcast, dense. Results are new contiguous
tensors of the arguments' device (channels_last where a convolution's map is).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from .geometry import Geometry

__all__ = ["Backend", "StackPlan"]


class StackPlan(Protocol):
    """What a stack's two directions share; the one that wrote a tape must read it."""

    def tape_size(self, batch: int) -> int:
        """Real numbers that the tape of a batch holds, proportional to it; known without running."""
        ...


class Backend(Protocol):
    """The functions of a backend's module.

    :mod:`pyfdsr.backends.by_torch` describes each of them.
    """

    TAPE_LAYOUT: str

    def windowed_dft(self, x: Tensor, kind: str, geometry: Geometry) -> Tensor:
        """Apply one of the four maps."""
        ...

    def nonlinearity(self, x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]) -> Tensor:
        """Multiply by f(|x|²)."""
        ...

    def nonlinearity_adjoint(
        self, v: Tensor, x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]
    ) -> tuple[Tensor, Tensor]:
        """Return the cotangents of field and parameters."""
        ...

    def cross_kerr(
        self, strength: Tensor, factors: tuple[float, ...], x: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], Tensor, tuple[Tensor, ...]]:
        """Turn fields by their common intensity; return them, the intensity and the factors."""
        ...

    def cross_kerr_adjoint(
        self,
        v: tuple[Tensor, ...],
        strength: Tensor,
        factors: tuple[float, ...],
        total: Tensor,
        turns: tuple[Tensor, ...],
        x: tuple[Tensor, ...],
        need_strength: bool,
    ) -> tuple[Tensor | None, tuple[Tensor, ...]]:
        """Return the cotangents of strength and fields."""
        ...

    def stack_plan(
        self,
        geometry: Geometry,
        support: Sequence[int],
        nonlinearities: str,
        double: bool,
        device: torch.device,
    ) -> StackPlan:
        """Return the cached plan of a stack of 4f layers."""
        ...

    def stack_forward(
        self,
        plan: Any,
        field: Tensor,
        mask: Tensor,
        aperture: Tensor | None,
        parameters: Tensor,
        callbacks: list[int],
        support: Sequence[int],
        save: bool,
        intensity: bool,
        return_fields: bool,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return output, tape and fields, None for what was not asked for."""
        ...

    def stack_adjoint(
        self,
        plan: Any,
        v: Tensor,
        tape: Tensor,
        mask: Tensor,
        aperture: Tensor | None,
        parameters: Tensor,
        callbacks: list[int],
        window: Sequence[int],
        intensity: bool,
        real_input: bool,
        need_input: bool,
        need_mask: bool,
        need_parameters: bool,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Return the cotangents of field, mask and parameters, None for what is not needed."""
        ...

    def fourier_conv2d(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        settings: list[int],
        algorithm: str,
        keep: int,
    ) -> Tensor:
        """Convolve."""
        ...

    def fourier_conv2d_adjoint_input(
        self, v: Tensor, weight: Tensor, settings: list[int], algorithm: str
    ) -> Tensor:
        """Return the cotangent of the input."""
        ...

    def fourier_conv2d_adjoint_weight(
        self, v: Tensor, x: Tensor, settings: list[int], algorithm: str
    ) -> Tensor:
        """Return the cotangent of the weight."""
        ...

    def fourier_conv2d_adjoints(
        self, v: Tensor, x: Tensor, weight: Tensor, settings: list[int], algorithm: str
    ) -> tuple[Tensor, Tensor]:
        """Return the cotangents of input and weight."""
        ...

    def chip_dft2(
        self,
        x: Tensor,
        inverse: bool,
        config: Any,
        gain: bytes,
        passes: int,
        scales: Any,
        draw: Any,
        noise_scale: float,
    ) -> tuple[Tensor, Mapping[str, Any]]:
        """Transform on the emulated chip, as :func:`pyfdsr.backends.core.chip_dft2`."""
        ...

    def chip_conv2d(self, *arguments: Any) -> tuple[Tensor, Mapping[str, Any], Any, Tensor | None]:
        """Convolve on the emulated chip, as :func:`pyfdsr.backends.core.chip_conv2d`."""
        ...

    def chip_conv2d_adjoint_weight(self, *arguments: Any) -> tuple[Tensor, Mapping[str, int]]:
        """Return the cotangent of the kernels, as :func:`pyfdsr.backends.core.chip_conv2d_adjoint_weight`."""
        ...
