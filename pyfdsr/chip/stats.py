"""What the emulated chip did: frames, conversions, clipped values, precision, time and energy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import nn

from .config import ChipConfig
from .convert import optical_layers
from .precision import effective_bits

__all__ = ["LayerStatistics", "chip_stats"]


@dataclass(frozen=True)
class LayerStatistics:
    """Counts of one layer since they were last reset.

    Parameters
    ----------
    frames, dac_conversions, adc_conversions : int
        Of the device: every element of every frame is written and read; frames that multiply
        (``product="optical"``) write the spectrum and the kernel.
    dac_clipped, adc_clipped : float
        Fractions of the values written and of the values used that exceeded the full scale.
    sinad : float
        Signal to noise and distortion of the layer's result, dB, over `compared` values; NaN before any.
    enob : float
        The same in effective bits.
    compared : int
        Values compared with the ideal result: a sixteenth of the tiles, at least some of every call.
    seconds, joules : float or None
        From the configuration's frame rate and energies, backward passes included; None if it gives none.
    backward_frames, backward_dac_conversions, backward_adc_conversions : int
        Those of backward passes through the chip (``gradient="chip"``), which the others leave out.
    """

    frames: int
    dac_conversions: int
    adc_conversions: int
    dac_clipped: float
    adc_clipped: float
    sinad: float
    enob: float
    compared: int
    seconds: float | None
    joules: float | None
    backward_frames: int = 0
    backward_dac_conversions: int = 0
    backward_adc_conversions: int = 0

    @classmethod
    def of(cls, counts: dict[str, Any], config: ChipConfig) -> LayerStatistics:
        """Derive them from the core's counts."""
        frames = counts.get("frames", 0)
        conversions, backward = (
            [counts.get(f"{way}{kind}_conversions", 0) for kind in ("dac", "adc")]
            for way in ("", "backward_")
        )
        backward_frames = counts.get("backward_frames", 0)
        signal, error = counts.get("signal", 0.0), counts.get("error", 0.0)
        sinad = math.nan
        if counts.get("compared", 0) and signal > 0:
            sinad = 10 * math.log10(signal / error) if error > 0 else math.inf
        cost = config.cost
        energies = cost.dac_energy, cost.adc_energy
        joules = None
        if None not in energies:
            both = (a + b for a, b in zip(conversions, backward, strict=True))
            joules = sum(n * energy for n, energy in zip(both, energies, strict=True))
        return cls(
            frames,
            *conversions,
            _fraction(counts, "dac"),
            _fraction(counts, "adc"),
            sinad,
            effective_bits(sinad),
            counts.get("compared", 0),
            None if cost.frame_rate is None else (frames + backward_frames) / cost.frame_rate,
            joules,
            backward_frames,
            *backward,
        )


def _fraction(counts: dict[str, Any], kind: str) -> float:
    values = sum(counts.get(f"{kind}_values", (0,)))
    return sum(counts.get(f"{kind}_clipped", (0,))) / values if values else 0.0


def chip_stats(model: nn.Module, reset: bool = False) -> dict[str, LayerStatistics]:
    """Return the statistics of each optical layer of a model, gathered while it ran.

    Parameters
    ----------
    model : torch.nn.Module
    reset : bool
        Begin to count anew.

    Returns
    -------
    dict of str to LayerStatistics
        By the layers' names.

    Raises
    ------
    TypeError
        If `model` is no module.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import chip, nn
    >>> config = chip.ChipConfig(adc=chip.ADCParameters(8, 4.0))
    >>> layer = nn.OpticalConv2d(3, 5, 3, padding=1, chip=config)
    >>> _ = layer(torch.rand(1, 3, 32, 32))
    >>> chip.chip_stats(layer)[""].frames
    128
    """
    gathered = {name: LayerStatistics.of(layer.counts, layer.chip) for name, layer in optical_layers(model)}
    if reset:
        for _, layer in optical_layers(model):
            layer.counts = {}
    return gathered
