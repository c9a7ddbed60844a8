"""A drop-in convolution on an emulated Fourier chip."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyfdsr import _chip
from pyfdsr.chip.config import ADCParameters, ChipConfig, NoiseParameters
from pyfdsr.functional.optical_conv2d import check_gradient, optical_conv2d

from .fourier_conv2d import FourierConv2d, parametrised_as
from .optical_calls import GIVEN_NUMBERS, Call, CallLog, number_of_weight, pass_number

__all__ = ["OpticalConv2d"]

_CALL_STRIDE = 2**32
"""What a call's number adds to the layer's; noise depends on the sum."""
_BUFFERS = ("chip_ranges", "chip_gain", "chip_step")
_ATTRIBUTES = (
    *("chip", "gradient", "layer_id", "noise_scale", "range_learning", "observing", "counts", "histograms"),
    *("_gone_back", "algorithm", "weight_version", "_learned", "calls"),
)


class OpticalConv2d(FourierConv2d):
    """:class:`torch.nn.Conv2d` on an emulated Fourier chip: same arguments, parameters and initial values.

    Parameters
    ----------
    *args, **kwargs
        Those of :class:`torch.nn.Conv2d`, every ``padding_mode`` included.
    chip : ChipConfig
        The chip. With ``is_perfect=True`` the layer is a :class:`FourierConv2d`, to the bit.
    gradient : {"perfect", "chip", "ste"}
        As in :func:`pyfdsr.functional.optical_conv2d`. `perfect_gradient` (bool) is another word for the
        first two.
    layer_id : int, optional
        Layers of different numbers draw different noise. None: a number of the layer's own, 2**31 or more,
        from the bits of its first weight: the same for the same torch seed, saved and loaded with the state,
        kept in copies. :func:`pyfdsr.chip.number_layers` and :func:`pyfdsr.chip.convert_to_optical` give
        numbers in the order of a model instead, and need no random weight.
    algorithm : {"auto", "direct", "spatial", "tiled", "fourier"}
        Of the perfect chip.

    Attributes
    ----------
    chip_ranges : Tensor, [stages, 2]
        Calibrated full scales (DAC, ADC) of each stage of conversion; NaN where there are none.
    chip_gain : Tensor, [*frame, 2], [2, *frame, 2] or [0]
        The chip's static complex factors; those of a second bank of modulators with ``product="optical"``.
    chip_step : Tensor, scalar integer
        What the noise depends on; goes up by 1 in training with the first call after a backward pass, or
        after a call that has none to wait for, because neither input, weight nor bias requires a gradient.
        Calls of one step draw different noise. In evaluation the step stays, and a call that is
        repeated draws the same; calls of one layer within a pass of a model that
        :func:`pyfdsr.chip.number_layers` knows draw different noise there, too.
    noise_scale : float
        Factor of the errors that change from frame to frame.
    range_learning : (float, float) or None
        Rate and target: in training, calibrated full scales move by up to the rate a step, until this
        fraction of the values is clipped. They move after each call.

    Raises
    ------
    ValueError, TypeError
        For a chip, gradient or kernel against their rules.
    RuntimeError
        At the first use, if a range is to be calibrated and is not.

    Notes
    -----
    The state of a :class:`torch.nn.Conv2d` loads as it is. A state saved with another chip loads its weights,
    ranges and static errors with a warning, and never replaces the configuration or a number that was given.

    A checkpointed segment that is computed again draws the noise of the original call and has its full
    scales; calls are told by their input. Those of a step that have the very same input may change places.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import nn
    >>> from pyfdsr.chip import ADCParameters, ChipConfig
    >>> config = ChipConfig(adc=ADCParameters(bits=8, range="worst_case"))
    >>> layer = nn.OpticalConv2d(4, 8, 3, padding=1, chip=config)
    >>> layer(torch.rand(2, 4, 20, 20)).shape
    torch.Size([2, 8, 20, 20])
    """

    def __init__(
        self,
        *args: Any,
        chip: ChipConfig,
        gradient: str = "perfect",
        perfect_gradient: bool | None = None,
        layer_id: int | None = None,
        algorithm: str = "auto",
        **kwargs: Any,
    ) -> None:
        gradient = _gradient(gradient, perfect_gradient)
        _check(chip, layer_id)
        super().__init__(*args, algorithm=algorithm, **kwargs)
        self._set_chip(chip, gradient, layer_id)

    def _set_chip(self, chip: ChipConfig, gradient: str, layer_id: int | None) -> None:
        extent = tuple(d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation, strict=True))
        self.chip, self.gradient = chip, gradient
        self.layer_id = number_of_weight(self.weight) if layer_id is None else int(layer_id)
        self.calls = CallLog()
        self.noise_scale = 1.0
        self.range_learning: tuple[float, float] | None = None
        self.observing: str | None = None
        self.counts: dict[str, Any] = {}
        self.histograms: np.ndarray | None = None
        self._gone_back = False
        stages = 2 * _chip.passes_for(chip, extent)
        gain = _chip.static_gain(chip)
        factors = torch.empty(0, dtype=torch.float64)
        if gain is not None:
            factors = torch.view_as_real(torch.from_numpy(gain)).clone()
        self.register_buffer("chip_ranges", torch.full((stages, 2), math.nan, dtype=torch.float64))
        self.register_buffer("chip_gain", factors)
        self.register_buffer("chip_step", torch.zeros((), dtype=torch.int64))

    @classmethod
    def from_conv2d(
        cls,
        module: nn.Conv2d,
        chip: ChipConfig,
        gradient: str = "perfect",
        layer_id: int | None = None,
        algorithm: str = "auto",
    ) -> OpticalConv2d:
        """Return a layer that shares the parameters of a :class:`torch.nn.Conv2d`."""
        gradient = check_gradient(gradient)
        _check(chip, layer_id)
        layer = super().from_conv2d(module, algorithm)
        layer._set_chip(chip, gradient, layer_id)
        return layer

    def to_conv2d(self) -> nn.Conv2d:
        """Return a :class:`torch.nn.Conv2d` that shares the parameters; hooks and mode are kept."""
        layer = nn.Conv2d.__new__(parametrised_as(self, nn.Conv2d))
        nn.Module.__init__(layer)
        for name, value in self.__dict__.items():
            if name not in _ATTRIBUTES:
                layer.__dict__[name] = value.copy() if isinstance(value, (dict, set)) else value
        for name in _BUFFERS:
            del layer._buffers[name]
        return layer

    def _apply(self, fn: Any, recurse: bool = True) -> OpticalConv2d:
        """Move to a device or change the parameters' dtype; the device's own data stay double precision."""
        before = {name: self._buffers[name] for name in ("chip_ranges", "chip_gain")}
        super()._apply(fn, recurse)
        for name, buffer in before.items():
            if self._buffers[name].dtype != buffer.dtype:
                self._buffers[name] = buffer.to(self._buffers[name].device)
        return self

    @property
    def is_noisy(self) -> bool:
        """Whether errors that change from frame to frame are on in the present mode."""
        switched = self.chip.noise_in_train if self.training else self.chip.noise_in_eval
        return switched and self.noise_scale > 0 and self.chip.noise.temporal and self.observing is None

    def _observed(self) -> ChipConfig:
        """Return the chip without what calibration must not see."""
        if self.observing is None:
            return self.chip
        if self.observing == "dac":
            return self.chip.ideal()
        noise = self.chip.noise
        static = NoiseParameters(
            gain_std=noise.gain_std, phase_std=noise.phase_std, crosstalk=noise.crosstalk
        )
        return self.chip.replace(adc=ADCParameters(0, "abs_max"), noise=static)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.chip.is_perfect:
            return super()._conv_forward(input, weight, bias)
        if torch.compiler.is_compiling():
            return torch.compiler.disable(self._emulated)(input, weight, bias)
        return self._emulated(input, weight, bias)

    def _emulated(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Run on the chip. Traced graphs break here: what a call draws depends on its step and samples."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        # Inside a backward pass a checkpointed segment is computed again: as before, and counted once.
        again = torch._C._current_graph_task_id() != -1
        if self.training and self._gone_back and not again:
            self.chip_step += 1
            self.calls.count = 0  # the calls stay: segments without a backward pass may still be repeated
            self._gone_back = False
        call = self._repeated(input) if again else self._called(input)
        if self.training and not again:
            tensors = (t for t in (input, weight, bias) if t is not None)
            self._gone_back = not any(t.requires_grad for t in tensors)
        gain = None
        if self.chip_gain.numel():
            gain = torch.view_as_complex(self.chip_gain.cpu().double()).numpy()
        return optical_conv2d(
            input,
            weight,
            bias,
            self.stride,
            padding,
            self.dilation,
            self.groups,
            chip=self._observed(),
            gradient=self.gradient,
            ranges=call.ranges,
            gain=gain if self.observing != "dac" else np.empty(0),
            noise_scale=self.noise_scale if self.is_noisy else 0.0,
            layer=self.layer_id + call.number * _CALL_STRIDE,
            step=call.step,
            observe=self.observing is not None,
            told=None if again else self._told,
            gone_back=self._went_back,
        )

    def set_step(self, step: int) -> None:
        """Set the step on which noise depends; its calls are counted from 0."""
        with torch.no_grad():
            self.chip_step.fill_(step)
        self.calls.clear()
        self._gone_back = False

    def _called(self, input: Tensor) -> Call:
        number = 0
        if self.is_noisy:
            number = self.calls.count if self.training else pass_number(self)
        self.calls.count += self.training
        call = Call(int(self.chip_step), number, self.chip_ranges.tolist())
        moving = self.is_noisy or self.range_learning is not None
        if moving and (self.training or number):
            self.calls.add(input, call)
        return call

    def _repeated(self, input: Tensor) -> Call:
        """Return the call that is computed again; a first one if it is none."""
        return self.calls.find(input) or Call(int(self.chip_step), 0, self.chip_ranges.tolist())

    def _went_back(self, counts: dict[str, int]) -> None:
        self._gone_back = True
        for name, value in counts.items():
            name = f"backward_{name}"
            self.counts[name] = self.counts.get(name, 0) + value

    def _told(self, counts: dict[str, Any], seen: np.ndarray | None) -> None:
        if seen is not None:
            self.histograms = seen if self.histograms is None else self.histograms + seen
            return
        for name, value in counts.items():
            before = self.counts.get(name)
            if isinstance(value, (list, tuple)):
                value = [a + b for a, b in zip(value, before or [0] * len(value), strict=True)]
            else:
                value = value + (before or 0)
            self.counts[name] = value
        if self.training and self.range_learning is not None:
            self._learn_ranges(counts)

    def _learn_ranges(self, counts: dict[str, Any]) -> None:
        """Move each calibrated full scale towards the one that clips the target fraction (Robbins, Monro)."""
        rate, target = self.range_learning
        half = self.chip_ranges.shape[0] // 2
        for column, kind in enumerate(("dac", "adc")):
            for transform in range(2):
                values, clipped = counts[f"{kind}_values"][transform], counts[f"{kind}_clipped"][transform]
                excess = (clipped / max(values, 1) - target) / target
                step = rate * max(-1.0, min(1.0, excess))
                # NaN, which is not calibrated, stays NaN.
                self.chip_ranges[transform * half : (transform + 1) * half, column] *= math.exp(step)

    def get_extra_state(self) -> dict[str, Any]:
        """Return what is saved beside the parameters: configuration, number, whether the step is over."""
        return {"chip": self.chip.to_toml(), "layer_id": self.layer_id, "step_over": self._gone_back}

    def set_extra_state(self, state: Any) -> None:
        """Compare a saved configuration with this layer's, which stays, as does a number that was given."""
        state = state if isinstance(state, dict) else {}
        saved = state.get("chip")
        if self.layer_id >= GIVEN_NUMBERS:
            self.layer_id = state.get("layer_id", self.layer_id)
        self.calls.clear()
        self._gone_back = bool(state.get("step_over", False))
        if saved != self.chip.to_toml():
            warnings.warn(
                "the state was saved with another chip configuration; this layer keeps its own "
                "(weights, calibrated ranges and static errors are those of the state)",
                stacklevel=2,
            )

    def _load_from_state_dict(
        self, state: Any, prefix: str, metadata: Any, strict: bool, missing: list[str], *rest: Any
    ) -> None:
        before = len(missing)
        super()._load_from_state_dict(state, prefix, metadata, strict, missing, *rest)
        # A digital layer's state says nothing of a chip.
        own = {prefix + name for name in (*_BUFFERS, "_extra_state")}
        missing[before:] = [name for name in missing[before:] if name not in own]

    def extra_repr(self) -> str:
        """Return the arguments, the chip's among them."""
        c = self.chip
        shown = "perfect" if c.is_perfect else f"{c.dac.bits}-bit DAC, {c.adc.bits}-bit ADC, {c.frame} frames"
        return f"{super().extra_repr()}, gradient={self.gradient!r}, chip: {shown}, layer_id={self.layer_id}"


def _gradient(gradient: Any, perfect_gradient: bool | None) -> str:
    if perfect_gradient is not None:
        if not isinstance(perfect_gradient, bool):
            raise TypeError(f"perfect_gradient={perfect_gradient!r}: must be True, False or None")
        return check_gradient(perfect_gradient)
    return check_gradient(gradient)


def _check(chip: Any, layer_id: Any) -> None:
    if not isinstance(chip, ChipConfig):
        raise TypeError(f"chip={chip!r}: must be a ChipConfig")
    if layer_id is None:
        return
    if isinstance(layer_id, bool) or not isinstance(layer_id, int) or not 0 <= layer_id < GIVEN_NUMBERS:
        raise ValueError(f"layer_id={layer_id!r}: must be None or an integer from 0 to 2**31 - 1")
