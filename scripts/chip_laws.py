"""Figures of the laws that an emulated chip obeys: ``python scripts/chip_laws.py`` (half a minute).

Writes ``docs/figures/chip_law_{3,4,6,7}.png``, and the measured points beside their predictions in
``chip_laws.csv``. The tests hold the same laws with derived tolerances (``tests/chip/test_chip_laws.py``).
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np

from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters
from pyfdsr.chip.precision import (
    effective_bits,
    full_scale_sine,
    random_fields,
    size_series,
    transform_sinad,
    with_frames,
)
from pyfdsr.ops import chip_dft2
from pyfdsr.report import save_figure
from pyfdsr.report.style import house_style, new_figure

FIGURES = Path(__file__).resolve().parents[1] / "docs" / "figures"
Rows = list[dict[str, Any]]


def chip(dac_bits: int = 0, adc_bits: int = 0, adc_range: Any = "abs_max", **rest: Any) -> ChipConfig:
    """Return a chip that is ideal where nothing is said."""
    return ChipConfig(
        dac=DACParameters(dac_bits, 1.0), adc=ADCParameters(adc_bits, adc_range), dc="optical", **rest
    )


def sine_law() -> Rows:
    """Law 3: signal to error of a full-scale sine against bits."""
    rows = []
    sine = np.sin(2 * np.pi * (np.arange(200_000) + 0.5) / 200_000)
    for bits in range(2, 13):
        measured = transform_sinad(chip(bits), full_scale_sine(chip()))
        row = {"law": 3, "series": "6.02 b + 1.76", "x": bits, "measured": measured}
        rows.append({**row, "predicted": 6.02 * bits + 1.76})
        if bits <= 6:  # the time average of the coarse quantiser itself
            most = 2 ** (bits - 1) - 1
            error = np.mean((np.rint(sine * most) / most - sine) ** 2)
            exact = 10 * math.log10(np.mean(sine**2) / error)
            rows.append({**row, "series": "exact average", "predicted": exact})
    return sorted(rows, key=lambda row: row["series"])


def size_law() -> Rows:
    """Law 4: signal to error against the side of the transform, for both ranges."""
    rows = []
    for rule in ("worst_case", "calibrated"):
        series = size_series(chip(0, 8, rule), (4, 8, 11, 16, 32, 64), 2000)
        side, start = series[1]
        for n, level in series:
            fall = 20 * math.log10(n / side) if rule == "worst_case" else 0.0
            rows.append({"law": 4, "series": rule, "x": n, "measured": level, "predicted": start - fall})
    return rows


def slice_law() -> Rows:
    """Law 6: noise of sliced values in units of one frame's noise, per unit of a slice's last place."""
    rows, x = [], random_fields(ChipConfig(), batch=300)
    noise = NoiseParameters(out_noise=0.01)
    for slicing, bits in (("binary", (3, 6, 9, 12)), ("thermometer", (3, 4, 5, 6))):
        for slice_bits in bits:
            config = with_frames(chip(4, 0, 3.0, noise=noise), slice_bits, slicing=slicing)
            clean = config.replace(noise=NoiseParameters())
            difference = chip_dft2(x, config) - chip_dft2(x, clean)
            sigma = np.std([difference.real, difference.imag]) / 0.03
            radix, slices = 8, config.slices
            if slicing == "binary":
                unit = (radix**slices - 1) / (radix - 1)
                predicted = math.sqrt((radix ** (2 * slices) - 1) / (radix**2 - 1))
            else:
                unit, predicted = slices, math.sqrt(slices)
            rows.append(
                {
                    "law": 6,
                    "series": slicing,
                    "x": slices,
                    "measured": sigma * unit,
                    "predicted": predicted,
                }
            )
    return rows


def shot_law() -> Rows:
    """Law 7: effective bits gained by averaging, with noise and without."""
    rows, x = [], random_fields(ChipConfig(), batch=200)
    for steps in (0.0, 0.5, 1.0):
        noise = NoiseParameters(out_noise=steps / 31)
        config = chip(0, 6, 2.0, noise=noise)
        one = effective_bits(transform_sinad(config, x))
        for shots in (1, 4, 16, 64):
            gain = effective_bits(transform_sinad(with_frames(config, 0, shots), x)) - one
            predicted = 0.5 * math.log2(shots) if steps else 0.0
            rows.append(
                {
                    "law": 7,
                    "series": f"{steps:g} {'step' if steps == 1 else 'steps'} of noise",
                    "x": shots,
                    "measured": gain,
                    "predicted": predicted,
                }
            )
    return rows


LABELS = {
    3: ("bits of the converter", "signal to error, full-scale sine (dB)"),
    4: ("side of the transform", "signal to error, 8-bit ADC (dB)"),
    6: ("frames a value", "noise, in units of a frame's"),
    7: ("shots", "effective bits gained"),
}


def draw(rows: Rows) -> Any:
    """Return the figure of one law: points measured, lines predicted."""
    law = rows[0]["law"]
    with house_style():
        figure = new_figure(3.6, 2.7)
        axes = figure.subplots()
        # Open marks of different shapes and sizes: series may lie on each other.
        for name, mark, size in zip(
            dict.fromkeys(row["series"] for row in rows), "os^", (4, 8, 12), strict=False
        ):
            own = [row for row in rows if row["series"] == name]
            x = [row["x"] for row in own]
            (line,) = axes.plot(x, [row["predicted"] for row in own], linewidth=1)
            axes.plot(
                x,
                [row["measured"] for row in own],
                mark,
                color=line.get_color(),
                markersize=size,
                fillstyle="none",
                label=name,
            )
        axes.set_xlabel(LABELS[law][0])
        axes.set_ylabel(LABELS[law][1])
        if law in (4, 7):
            axes.set_xscale("log", base=2)
            sides = sorted({row["x"] for row in rows})
            axes.set_xticks(sides, [str(side) for side in sides])
        if law == 6:
            axes.set_yscale("log")
        axes.legend()
    return figure


def main() -> None:
    """Measure, write, draw."""
    everything: Rows = []
    for law in (sine_law, size_law, slice_law, shot_law):
        rows = law()
        save_figure(draw(rows), FIGURES / f"chip_law_{rows[0]['law']}.png")
        everything += rows
    with (FIGURES / "chip_laws.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(everything[0]), lineterminator="\n")
        writer.writeheader()
        for row in everything:
            writer.writerow({k: f"{v:.4f}" if k in ("measured", "predicted") else v for k, v in row.items()})


if __name__ == "__main__":
    main()
