"""What a convolution on the emulated chip needs besides its tensors: transforms, tiles, numbers of frames."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pyfdsr import _chip
from pyfdsr._convolution import Convolution

from ..geometry import is_double
from .chip_constants import gain_of
from .chip_converters import amplitude, encoded, leaked, precise
from .chip_noise import noise_key
from .chip_settings import FrameSettings, RunFrames
from .chip_tiles import TileGrid
from .chip_transform import MOST_VALUES, FrameTransform, Noise
from .precision import COMPLEX_OF

__all__ = ["FREE", "ChipPlan"]

FREE = (_chip.FRAME_MAXIMUM, _chip.FRAME_MAXIMUM)
"""Full scales that are the largest value of each frame."""
_WEIGHT_SAMPLE = -1
"""The sample number of kernels: all bits set."""
_NUMBERS = 2**64


class ChipPlan:
    """One convolution on one chip.

    Parameters
    ----------
    config, gain, geometry, draw, noise_scale
        As :func:`pyfdsr.backends.core.chip_conv2d` takes them.
    like : Tensor
        Of the precision and device in question.
    run_frames : RunFrames
        Who computes the frames.

    Raises
    ------
    ValueError
        For what the core refuses.
    """

    def __init__(
        self,
        config: Any,
        gain: bytes,
        geometry: tuple[Any, ...],
        draw: Any,
        noise_scale: float,
        like: Tensor,
        run_frames: RunFrames,
    ) -> None:
        inputs, outputs, kernel, size, stride, padding, dilation, groups = geometry
        # The core's plan is cheap and kept; making it applies the core's rules to the arguments.
        core = _chip.conv2d_plan(config, gain, geometry, is_double(like))
        self.convolution = Convolution(kernel, stride, tuple(padding), dilation, groups)
        self.groups, self.ins, self.outs = groups, inputs // groups, outputs // groups
        self.settings = FrameSettings.of(config, gain, noise_scale)
        self.transform = FrameTransform(self.settings, core.passes, run_frames)
        self.grid = TileGrid(self.convolution, tuple(size), self.transform.size)
        self.optical_product, self.optical_weights = (
            config.product == "optical",
            config.weight_transform == "optical",
        )
        self.pack = core.pack
        self.draw, self.device = draw, like.device

    @property
    def pairs(self) -> int:
        """Pairs of channels."""
        return self.groups * self.outs * self.ins

    @property
    def inner(self) -> FrameTransform:
        """The transform whose zero frequency is written like all else, or is not there."""
        return replace(self.transform, settings=self.settings.without_dc())

    @property
    def ideal(self) -> FrameTransform:
        """The transform without errors."""
        return replace(self.transform, settings=self.settings.ideal())

    def items_at_once(self, channels: int) -> int:
        """Tiles whose spectra of so many channels are held at once."""
        return max(1, MOST_VALUES // (2 * self.transform.elements * channels))

    def noise(self, items: Tensor, channels: Tensor, backward_layers: int = 0) -> Noise:
        """Return that of transforms of tiles, item by item, `channels` being the numbers within a tile."""
        per_tile = self.groups * (self.ins + self.outs * (self.ins if self.optical_product else 1))
        tile, image = items % self.grid.tiles, torch.div(items, self.grid.tiles, rounding_mode="floor")
        numbers = (tile * per_tile)[:, None] + channels
        samples = (image + self.draw.sample)[:, None].expand_as(numbers)
        return Noise(
            self._key(backward_layers), (numbers * self.transform.frames).flatten(), samples.flatten()
        )

    def weight_noise(self, backward_layers: int = 0) -> Noise:
        """Return that of transforms of all pairs of channels."""
        numbers = torch.arange(self.pairs, device=self.device) * self.transform.frames
        return Noise(self._key(backward_layers), numbers, torch.full_like(numbers, _WEIGHT_SAMPLE))

    def _key(self, backward_layers: int) -> tuple[int, int]:
        draw = self.draw
        return noise_key(draw.seed, (draw.layer + backward_layers) % _NUMBERS, draw.step)

    # -------------------------------------------------------------------------------------------- kernels
    def spectra(self, weight: Tensor, with_: FrameTransform) -> Tensor:
        """Conjugated spectra of the kernels, sum over d of w[d] exp(+2 pi i f d / N): [pairs, y, x, 2]."""
        (dy, dx), (ey, ex) = self.convolution.dilation, self.convolution.extent
        field = weight.new_zeros(self.pairs, *with_.size, 1)
        field[:, :ey:dy, :ex:dx, 0] = weight.reshape(self.pairs, *weight.shape[2:])
        ranges = [FREE] * with_.passes
        found, _ = with_.run(field, self.weight_noise(), ranges, inverse=True)
        return found * with_.elements**0.5

    def written(self, spectra: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra as a second bank of the device's modulators writes them, and their full scales, [pairs].

        Full scales are the largest quadrature of each spectrum, or amplitude in polar encoding. In several
        passes the first one multiplies: its frames take every step-th element. Full scales are double
        precision as in the core, where the device has it.
        """
        s = self.settings
        wide = spectra.to(precise(spectra))
        sizes = amplitude(wide) if s.encoding == "polar" else wide.abs()
        scale = sizes.amax((1, 2, 3))
        frames = self.transform.frames_of(wide)
        most = scale.repeat_interleave(len(frames) // max(len(scale), 1))[:, None, None, None]
        frames = encoded(frames, s.dac_bits, s.encoding, s.linearise, most)
        if s.gain:
            gain = gain_of(s.gain, s.frame, 1, COMPLEX_OF[frames.dtype], self.device)
            frames = torch.view_as_real(torch.view_as_complex(frames.contiguous()) * gain)
        if s.crosstalk:
            frames = leaked(frames, s.crosstalk)
        return self.transform.field_of(frames).to(spectra.dtype), scale

    def product(self, spectra: Tensor, kernels: Tensor) -> Tensor:
        """Sum products over the input channels: [I, C, y, x, 2] and [pairs, ...] to [I · Co, y, x, 2]."""
        x = torch.view_as_complex(spectra.contiguous()).reshape(len(spectra), self.groups, self.ins, -1)
        w = torch.view_as_complex(kernels.contiguous()).reshape(self.groups, self.outs, self.ins, -1)
        # One matrix product a frequency and group.
        found = x.permute(1, 3, 0, 2) @ w.permute(0, 3, 2, 1)  # [groups, elements, I, outs]
        found = torch.view_as_real(found.permute(2, 0, 3, 1).contiguous())
        return found.reshape(-1, *spectra.shape[2:])

    # ------------------------------------------------------------------------------------------ accounting
    def tally(self, frames: int, products: int = 0) -> dict[str, int]:
        """Frames and conversions."""
        return self.settings.tally(frames, products)

    def tally_forward(self, batch: int) -> dict[str, int]:
        """Return those of a forward call."""
        per, tiles = self.transform.frames, batch * self.grid.tiles
        back = self.pairs if self.optical_product else self.groups * self.outs
        frames = tiles * (self.groups * self.ins + back) * per + (
            self.pairs * per if self.optical_weights else 0
        )
        products = tiles * self.pairs * (per // self.transform.passes) if self.optical_product else 0
        return self.tally(frames, products)
