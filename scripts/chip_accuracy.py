"""Accuracy of a small FashionMNIST classifier on the emulated chip, against the bits of its converters.

A digital network is trained, converted and calibrated; then, for each number of bits, trained on for an epoch
with the chip in the loop. Writes ``docs/figures/chip_accuracy.csv`` and ``.png``::

    python scripts/chip_accuracy.py --data-root FOLDER      # FashionMNIST's four files; some ten minutes
    python scripts/chip_accuracy.py --images embedded       # the embedded subset; a minute
"""

from __future__ import annotations

import argparse
import copy
import csv
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyfdsr import chip, data
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters
from pyfdsr.training.hardware_aware import HardwareAwareTraining

FIGURES = Path(__file__).resolve().parents[1] / "docs" / "figures"
BITS = range(2, 11)
FIXED_BITS = 8
"""Bits of the converter that is not varied."""
NOISE = NoiseParameters(inp_noise=0.01, out_noise=0.01)

Batches = list[tuple[Tensor, Tensor]]


def network() -> nn.Module:
    """Return a classifier with two convolutions of 3×3."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 10),
    )


def batches_of(images: Any, limit: int, size: int) -> Batches:
    """Return images in [0, 1] and labels, in batches."""
    x = torch.from_numpy(images.images[:limit].copy()).float()[:, None] / 255
    y = torch.from_numpy(images.labels[:limit].copy()).long()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    return list(zip(x[order].split(size), y[order].split(size), strict=True))


def accuracy(model: nn.Module, test: Batches) -> float:
    """Return the fraction of the test images that are told right."""
    model.eval()
    with torch.no_grad():
        right = sum(int((model(x).argmax(1) == y).sum()) for x, y in test)
    return right / sum(len(y) for _, y in test)


def on_chip(model: nn.Module, dac_bits: int, adc_bits: int, calibration: Batches) -> nn.Module:
    """Return a converted, calibrated copy of a digital model."""
    config = ChipConfig(
        dac=DACParameters(dac_bits, "calibrated"), adc=ADCParameters(adc_bits, "calibrated"), noise=NOISE
    )
    converted = chip.convert_to_optical(copy.deepcopy(model), config, gradient="ste")
    return chip.calibrate_ranges(converted, calibration)


def measure(model: nn.Module, train: Batches, test: Batches, rows: list[dict[str, Any]]) -> None:
    """Append the accuracies of every number of bits."""
    for name in ("DAC", "ADC"):
        for bits in BITS:
            pair = (bits, FIXED_BITS) if name == "DAC" else (FIXED_BITS, bits)
            converted = on_chip(model, *pair, train[:8])
            before = accuracy(converted, test)
            optimizer = torch.optim.Adam(converted.parameters(), 3e-4)
            HardwareAwareTraining(anneal=0.3).fit(converted, train, F.cross_entropy, optimizer, 1)
            chip.chip_stats(converted, reset=True)
            after = accuracy(converted, test)
            stats = chip.chip_stats(converted)
            row = {
                "converter": name,
                "bits": bits,
                "converted": before,
                "trained_on_chip": after,
                "enob_of_first_layer": next(iter(stats.values())).enob,
            }
            rows.append(row)
            print(row, flush=True)


def draw(rows: list[dict[str, Any]], digital: float) -> Any:
    """Return the figure: one panel a converter."""
    from pyfdsr.report.style import house_style, new_figure

    with house_style():
        figure = new_figure(6.4, 2.8)
        for axes, name in zip(figure.subplots(1, 2, sharey=True), ("DAC", "ADC"), strict=True):
            own = [row for row in rows if row["converter"] == name]
            bits = [row["bits"] for row in own]
            axes.plot(bits, [100 * row["converted"] for row in own], "o-", label="converted")
            axes.plot(
                bits, [100 * row["trained_on_chip"] for row in own], "s-", label="an epoch with the chip"
            )
            axes.axhline(100 * digital, color="black", linewidth=1, linestyle=":", label="digital")
            other = "ADC" if name == "DAC" else "DAC"
            axes.set_xlabel(f"{name} bits ({other}: {FIXED_BITS})")
            axes.set_xticks(list(BITS))
        figure.axes[0].set_ylabel("accuracy (%)")
        figure.axes[1].legend(loc="lower right")
    return figure


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", default="fashion-mnist", help="name of a data set of pyfdsr.data")
    parser.add_argument("--data-root", default=None, help="folder of the data set's files")
    parser.add_argument("--train", type=int, default=10_000, help="training images on the chip")
    parser.add_argument("--test", type=int, default=5_000, help="test images")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of the digital network")
    arguments = parser.parse_args()
    sets = [
        data.load(arguments.images, split, root=arguments.data_root, per_class=None)
        for split in ("train", "test")
    ]
    train, test = batches_of(sets[0], arguments.train, 100), batches_of(sets[1], arguments.test, 500)
    model = network()
    everything = batches_of(sets[0], len(sets[0].images), 100)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    HardwareAwareTraining().fit(model, everything, F.cross_entropy, optimizer, arguments.epochs, print)
    digital = accuracy(model, test)
    print(f"digital: {digital:.4f}", flush=True)
    rows: list[dict[str, Any]] = []
    measure(model, train, test, rows)
    FIGURES.mkdir(parents=True, exist_ok=True)
    with (FIGURES / "chip_accuracy.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "digital"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "digital": digital} for row in rows)
    from pyfdsr.report import save_figure

    save_figure(draw(rows, digital), FIGURES / "chip_accuracy.png")


if __name__ == "__main__":
    main()
