"""What the chip's tests share: full scales in the words of the twin, decibels, random inputs."""

import numpy as np

from pyfdsr import _chip
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters

_NAMES = {0.0: "abs_max", -1.0: "worst_case"}


def twin_scales(config, stages, calibrated=None):
    """Full scales as the twin names them."""
    return [tuple(_NAMES.get(v, v) for v in row) for row in _chip.full_scales(config, stages, calibrated)]


def decibels(signal, error) -> float:
    """Ratio of the powers of a signal and an error, dB."""
    return 10 * np.log10(np.mean(np.abs(signal) ** 2) / np.mean(np.abs(error) ** 2))


def chip(dac_bits=0, bound=1.0, adc_bits=0, adc_range="abs_max", encoding="cartesian", **rest) -> ChipConfig:
    """A chip without a correction of the mean, ideal where nothing is said."""
    rest = {"dc": "optical"} | rest
    inner = rest.pop("inner_bound", "abs_max")
    return ChipConfig(
        dac=DACParameters(dac_bits, bound, encoding, inner_bound=inner),
        adc=ADCParameters(adc_bits, adc_range),
        **rest,
    )
