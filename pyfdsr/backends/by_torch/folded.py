"""The windowed DFT as real matrix products of half size, on the parity quadrants of a field.

About its centre every axis has the coordinates k', n' = ±½, ±3/2, … (even sizes) or 0, ±1, … (odd ones),
between which exp(-2πi k'n'/N) splits into cosines that act on even parts and sines that act on odd parts.
Quadrants [px, py, Hy, B, 2, Hx] are real, planar and contiguous: the product along y is one batched matrix
product of four matrices by [Hy, B·2·Hx], that along x one of two by [2·Ky·B·2, Hx], and nothing is transposed
between them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..geometry import Geometry
from .precision import COMPLEX_OF

__all__ = ["FoldedTransform", "band_centre", "flops", "unit", "window_centre"]


def window_centre(size: int, grid: float, centred: bool) -> float:
    """Position of a window's centre: that of coordinate n' is this + n'."""
    offset = -(size // 2) if centred else int(grid) // 2 - size // 2
    return offset + 0.5 * (size - 1)


def band_centre(size: int) -> float:
    """Frequency of a band's centre."""
    return 0.5 * (size - 1) - size // 2


def _coordinates(size: int) -> np.ndarray:
    return np.arange(size) - np.longdouble(0.5) * (size - 1)


def unit(slope: float, positions: np.ndarray, grid: float) -> np.ndarray:
    """Return exp(-2πi·slope·positions/grid); whole turns are taken off before anything is rounded."""
    turns = np.fmod(np.longdouble(slope) * positions, np.longdouble(grid)) / np.longdouble(grid)
    angle = 2 * np.arctan2(np.longdouble(0), np.longdouble(-1)) * turns
    return (np.cos(angle) - 1j * np.sin(angle)).astype(np.complex128)


def _folded_matrices(inner: int, outer: int, grid: float) -> np.ndarray:
    """Cosines and sines [2, outer half, inner half]; an odd input's centre is counted once, not twice."""
    half_in, half_out = (np.abs(_coordinates(size)[size // 2 :]) for size in (inner, outer))
    waves = np.stack([unit(float(k), half_in, grid) for k in half_out])
    matrices = np.stack([waves.real, -waves.imag])
    if inner % 2:
        matrices[:, :, 0] *= 0.5
    return matrices


def flops(window: tuple[int, int], band: tuple[int, int]) -> int:
    """Operations that one transform of one image takes."""
    hy, hx = (window[0] + 1) // 2, (window[1] + 1) // 2
    ky, kx = (band[0] + 1) // 2, (band[1] + 1) // 2
    return 16 * ky * hx * (hy + kx)


class _Samples:
    """Samples of an image as mirrored ones [sx, sy, H, B, Hx]: sign of either coordinate, magnitudes."""

    batch_axis = 3

    def __init__(self, size: tuple[int, int], device: torch.device) -> None:
        self.size = size
        (plus_y, back_y), (plus_x, back_x) = (_mirrors(n) for n in size)
        self._y = torch.from_numpy(plus_y[None, :, :, None]).to(device)  # [1, sy, H, 1]
        self._x = torch.from_numpy(plus_x[:, None, None, :]).to(device)  # [sx, 1, 1, Hx]
        back = (
            [torch.from_numpy(a).to(device) for a in back_y[:, :, None]],
            [torch.from_numpy(a).to(device) for a in back_x[:, None, :]],
        )
        (self._sign_y, self._row), (self._sign_x, self._column) = back
        # The mirror of an odd axis's centre is the centre itself: sums over samples leave it out.
        weight = np.ones((2, 2, (size[0] + 1) // 2, 1, (size[1] + 1) // 2), np.float32)
        weight[:, 1, : size[0] % 2] = 0
        weight[1, ..., : size[1] % 2] = 0
        self.weight = None if weight.all() else torch.from_numpy(weight).to(device)

    def of(self, natural: Tensor) -> Tensor:
        """[B, Sy, Sx] to samples."""
        return natural[:, self._y, self._x].permute(1, 2, 3, 0, 4)

    def natural(self, samples: Tensor) -> Tensor:
        """Samples to [B, Sy, Sx]."""
        planes = samples[self._sign_x, self._sign_y, self._row, :, self._column]  # [Sy, Sx, B]
        return planes.permute(2, 0, 1).contiguous()

    def shape(self, batch: int) -> tuple[int, ...]:
        """Shape of the samples of a batch."""
        return (2, 2, (self.size[0] + 1) // 2, batch, (self.size[1] + 1) // 2)


def _mirrors(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Natural indices of mirrored samples [2, half]; sign and magnitude of natural ones [2, size]."""
    half = np.arange((size + 1) // 2)
    there = np.stack([size // 2 + half, (size - 1) // 2 - half])
    offset = np.arange(size) - size // 2
    negative = offset < 0
    return there, np.stack([negative.astype(np.int64), np.where(negative, -offset - 1 + size % 2, offset)])


class FoldedTransform:
    """Both directions between a window and a band, unnormalised, on mirrored samples.

    Samples of the window carry the ramp exp(-2πi·f₀·p/N) and those of the band its counterpart. They cancel
    in what acts on magnitudes alone, and around a mask if the windows before and after it are alike.
    """

    def __init__(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> None:
        window, band, grid, centred = geometry
        self.space, self.frequency = _Samples(window, device), _Samples(band, device)

        def kept(array: np.ndarray) -> Tensor:
            wanted = COMPLEX_OF[dtype] if np.iscomplexobj(array) else dtype
            return torch.from_numpy(np.ascontiguousarray(array)).to(wanted).to(device)

        def pair(inner: tuple[int, int], outer: tuple[int, int]) -> tuple[Tensor, Tensor]:
            left, right = (_folded_matrices(i, o, n) for i, o, n in zip(inner, outer, grid, strict=True))
            return kept(np.concatenate([left, left])), kept(right.transpose(0, 2, 1))

        self._there, self._back = pair(window, band), pair(band, window)
        centres = [window_centre(size, n, centred) for size, n in zip(window, grid, strict=True)]
        ramps, counter_ramps = [], []
        for size, count, centre, n in zip(window, band, centres, grid, strict=True):
            ramps.append(unit(band_centre(count), _coordinates(size) + centre, n))
            counter_ramps.append(unit(centre, _coordinates(count), n))
        self.ramp = self.space.of(kept(np.multiply.outer(*ramps)[None]))
        self.counter_ramp = self.frequency.of(kept(np.multiply.outer(*counter_ramps)[None]))

    def to_frequency(self, samples: Tensor, out: Tensor | None = None) -> Tensor:
        """Σ_n exp(-2πi k'n'/N) of samples of the window."""
        return self._transformed(samples, self._there, self.frequency, False, out)

    def to_space(self, samples: Tensor, out: Tensor | None = None) -> Tensor:
        """Σ_k exp(+2πi k'n'/N) of samples of the band: the adjoint of `to_frequency`."""
        return self._transformed(samples, self._back, self.space, True, out)

    def _transformed(
        self,
        samples: Tensor,
        matrices: tuple[Tensor, Tensor],
        result: _Samples,
        inverse: bool,
        out: Tensor | None,
    ) -> Tensor:
        left, right = matrices
        batch, (ky, hy), (hx, kx) = samples.shape[3], left.shape[1:], right.shape[1:]
        quadrants = _fold(samples).view(4, hy, batch * 2 * hx)
        quadrants = torch.bmm(left, quadrants).view(2, 2 * ky * batch * 2, hx)
        quadrants = torch.bmm(quadrants, right).view(2, 2, ky, batch, 2, kx)
        out = samples.new_empty(result.shape(batch)) if out is None else out
        _unfold(quadrants, inverse, out)
        return out


def _planes(samples: Tensor) -> Tensor:
    """Complex [..., Hx] as real [..., 2, Hx]."""
    return torch.view_as_real(samples).transpose(-1, -2)


def _fold(samples: Tensor) -> Tensor:
    """Sums and differences of mirrored samples [sx, sy, H, B, Hx]: quadrants [px, py, H, B, 2, Hx]."""
    planes = _planes(samples)
    half = planes.new_empty(planes.shape)
    torch.add(planes[:, 0], planes[:, 1], out=half[:, 0])
    torch.sub(planes[:, 0], planes[:, 1], out=half[:, 1])
    quadrants = torch.empty_like(half)
    torch.add(half[0], half[1], out=quadrants[0])
    torch.sub(half[0], half[1], out=quadrants[1])
    return quadrants


def _unfold(quadrants: Tensor, inverse: bool, out: Tensor) -> None:
    """value(sx, sy) = ee + sx·c·eo + sy·c·oe + sx·sy·c²·oo with c = -i (forward) or +i (inverse)."""
    half = torch.empty_like(quadrants)
    _turned_sums(quadrants[0], quadrants[1], inverse, half[0], half[1])
    planes = _planes(out)
    _turned_sums(half[:, 0], half[:, 1], inverse, planes[:, 0], planes[:, 1])


def _turned_sums(even: Tensor, odd: Tensor, inverse: bool, plus: Tensor, minus: Tensor) -> None:
    """plus, minus := even ± c·odd."""
    if inverse:
        plus, minus = minus, plus
    (a_re, a_im), (b_re, b_im) = even.unbind(-2), odd.unbind(-2)
    torch.add(a_re, b_im, out=plus.select(-2, 0))
    torch.sub(a_im, b_re, out=plus.select(-2, 1))
    torch.sub(a_re, b_im, out=minus.select(-2, 0))
    torch.add(a_im, b_re, out=minus.select(-2, 1))
