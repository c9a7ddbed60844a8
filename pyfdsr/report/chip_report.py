"""How precise, fast and costly a configured chip is, measured by running its emulation."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from pyfdsr.chip.config import ChipConfig
from pyfdsr.chip.precision import (
    budget,
    dac_bound,
    effective_bits,
    random_fields,
    size_series,
    synthetic_ranges,
    transform_sinad,
    with_frames,
)

from .style import house_style, new_figure

__all__ = ["ChipReport", "chip_chart", "chip_report", "model_statistics"]

_FRAMES = 200
_SIDES = (4, 8, 11, 16, 32)
_SLICE_BITS = 12


@dataclass(frozen=True)
class ChipReport:
    """What was measured on random fields, uniform in [-1, 1] times the DAC's bound.

    Attributes
    ----------
    passes : list of (side, frames, SINAD)
        The configured transform in one and two passes; signal to error in dB.
    sides : list of (side, SINAD)
        Frames of other sizes with the same converters.
    budget : dict of str to float
        Signal to error, dB, of each source alone, of their sum of powers, and of all together.
    frames : list of (name, frames a value, SINAD)
        Values split over slices and frames repeated.
    """

    passes: list[tuple[int, int, float]]
    sides: list[tuple[int, float]]
    budget: dict[str, float]
    frames: list[tuple[str, int, float]]

    def as_dict(self) -> dict[str, Any]:
        """Return a plain dictionary; infinite ratios become None."""

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: plain(entry) for key, entry in value.items()}
            if isinstance(value, (list, tuple)):
                return [plain(entry) for entry in value]
            return None if isinstance(value, float) and not math.isfinite(value) else value

        return plain(asdict(self))


def chip_report(config: ChipConfig, seed: int = 0) -> ChipReport:
    """Measure a chip.

    Parameters
    ----------
    config : ChipConfig
        Ranges to be calibrated are calibrated on the fields themselves.
    seed : int
        Of the random fields.

    Returns
    -------
    ChipReport

    Raises
    ------
    ValueError
        If the chip is perfect, which leaves nothing to measure.

    Examples
    --------
    >>> report = chip_report(ChipConfig.assumed_4bit())
    >>> [side for side, _, _ in report.passes], report.budget["all"] < report.budget["DAC"]
    ([11, 121], True)
    """
    if config.is_perfect:
        raise ValueError("is_perfect=True: the chip has no errors, there is nothing to report")
    x = dac_bound(config) * random_fields(config, 1, _FRAMES, seed=seed)
    large = dac_bound(config) * random_fields(config, 2, 4, seed=seed)
    area = config.frame[0] * config.frame[1]
    repeats = config.slices * config.precision.shots
    passes = [
        (config.frame[1], repeats, transform_sinad(config, x)),
        (config.frame[1] ** 2, 2 * area * repeats, transform_sinad(config, large)),
    ]
    return ChipReport(
        passes=passes,
        sides=size_series(config, _SIDES, _FRAMES, "uniform", seed),
        budget=budget(config, x),
        frames=_frame_series(config, x),
    )


def _frame_series(config: ChipConfig, x: Any) -> list[tuple[str, int, float]]:
    """Signal to error with more and more frames a value."""
    found = []
    for shots in (1, 4, 16):
        chip = with_frames(config, 0, shots)
        found.append((f"{shots} shots" if shots > 1 else "one frame", shots, transform_sinad(chip, x)))
    if config.dac.bits and config.dac.encoding == "cartesian":
        for slices in range(2, 1 + max(2, _SLICE_BITS // (config.dac.bits - 1))):
            chip = with_frames(config, slices * (config.dac.bits - 1))
            # Slices fill the converters otherwise than whole values: calibrated anew.
            level = transform_sinad(chip, x, synthetic_ranges(chip, x))
            found.append((f"{slices} slices", slices, level))
    return found


def model_statistics(
    config: ChipConfig, model: Any, channels: int, size: tuple[int, int], batch: int = 4
) -> dict[str, Any]:
    """Run random images through a model on the chip; statistics of each optical layer by name.

    Parameters
    ----------
    config : ChipConfig
    model : torch.nn.Module
        Changed in place: its convolutions are converted, and calibrated on the images.
    channels : int
    size : (int, int)
        Of the images, which are uniform in [0, 1].
    batch : int

    Raises
    ------
    ValueError
        If the model has no convolution that fits.
    """
    import torch

    from pyfdsr import chip

    optical = chip.convert_to_optical(model, config).eval()
    if not list(chip.optical_layers(optical)):
        raise ValueError("model: has no convolution that could run on the chip")
    images = torch.rand(batch, channels, *size, generator=torch.Generator().manual_seed(0))
    chip.calibrate_ranges(optical, [images])
    with torch.no_grad():
        optical(images)
    return chip.chip_stats(optical)


def chip_chart(report: ChipReport) -> Any:
    """Return the figure of a report: sizes, sources, frames."""
    with house_style():
        figure = new_figure(9.6, 2.9)
        sizes, sources, frames = figure.subplots(1, 3)
        bits = [effective_bits(level) for _, level in report.sides]
        sizes.plot([side for side, _ in report.sides], bits, "o-", label="one pass")
        sizes.plot(
            [side for side, _, _ in report.passes],
            [effective_bits(level) for _, _, level in report.passes],
            "s",
            label="this frame, one and two passes",
        )
        sizes.set_xscale("log", base=2)
        sizes.set_xlabel("side of the transform")
        sizes.set_ylabel("effective bits")
        sizes.legend()
        shown = {name: level for name, level in report.budget.items() if math.isfinite(level)}
        sources.barh(list(shown)[::-1], list(shown.values())[::-1])
        sources.set_xlabel("signal to error (dB)")
        for kind, marker in (("shots", "o-"), ("slices", "s-")):
            own = [row for row in report.frames if row[0].endswith(kind) or row[0] == "one frame"]
            frames.plot(
                [n for _, n, _ in own], [effective_bits(level) for *_, level in own], marker, label=kind
            )
        frames.set_xscale("log", base=2)
        frames.set_xlabel("frames a value")
        frames.set_ylabel("effective bits")
        frames.legend()
    return figure
