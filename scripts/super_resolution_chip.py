"""The super-resolution CNN on emulated chips: PSNR against the bits of their converters, with fine-tuning.

    python -m scripts.super_resolution_chip runs/mse --out docs/figures

The same weights run on chips with DACs and ADCs of 2 to 10 bits and with 4-bit DACs and 8-bit ADCs, 1 % of
noise a frame at the input and the output (an assumption, see docs/chip.md); then some steps of training on
the chip follow. Writes super_resolution_chip.json and super_resolution_chip.png.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pyfdsr import set_num_threads
from pyfdsr._files import write_bytes_atomically
from pyfdsr.chip import ChipConfig
from pyfdsr.chip.parameters import ADCParameters, DACParameters, NoiseParameters
from pyfdsr.data import downsample_nearest, load_photos
from pyfdsr.report.style import COLOURS, house_style, new_figure, save_figure
from pyfdsr.training import (
    HardwareAwareTraining,
    PhotoTrainingConfig,
    RunFolder,
    calibrated,
    load_cnn,
    score_photos,
)
from pyfdsr.training.photo_scores import bicubic
from pyfdsr.training.photo_trainer import as_tensor

_BATCH, _CALIBRATION = 4, 64


def chip_of(dac: int, adc: int, noise: float) -> ChipConfig:
    """Return a chip of such converters, their full scales calibrated."""
    return ChipConfig(
        dac=DACParameters(bits=dac, bound="calibrated"),
        adc=ADCParameters(bits=adc, range="calibrated"),
        noise=NoiseParameters(inp_noise=noise, out_noise=noise),
    )


class _Batches:
    """Pairs of small and large images, quarters of squares, the same ones each time it is gone through."""

    def __init__(self, photos: Any, steps: int, seed: int) -> None:
        self.photos, self.seed = photos, seed
        self.rows = np.random.default_rng(seed).permutation(len(photos))[: steps * _BATCH]

    def __len__(self) -> int:
        return -(-len(self.rows) // _BATCH)

    def __iter__(self):
        side = self.photos.size // 2
        for start in range(0, len(self.rows), _BATCH):
            y, x = 8 * np.random.default_rng((self.seed, start)).integers(side // 8 + 1, size=2)
            squares = self.photos.take(self.rows[start : start + _BATCH])[:, :, y : y + side, x : x + side]
            yield as_tensor(downsample_nearest(squares, 8)), as_tensor(squares)


def on_chip(source: Path, chip: ChipConfig, train: Any, gradient: str = "perfect") -> Any:
    """Return a network on a chip, calibrated on training squares."""
    model = load_cnn(source, True, chip, gradient=gradient)
    some = train.take(slice(None, None, max(1, len(train) // _CALIBRATION)))
    return calibrated(model, as_tensor(downsample_nearest(some, 8)))


def figure(results: dict[str, Any]) -> Any:
    """Plot PSNR against bits."""
    with house_style():
        plot = new_figure(5.6, 3.4)
        axes = plot.subplots()
        same = [r for r in results["chips"] if r["dac"] == r["adc"]]
        axes.plot([r["dac"] for r in same], [r["psnr"] for r in same], "o-", color=COLOURS["blue"],
                  label=f"on the chip, {results['noise']:.0%} of noise")  # fmt: skip
        axes.plot([r["dac"] for r in same], [r["quiet_psnr"] for r in same], "^-", color=COLOURS["sky"],
                  label="the same without noise")  # fmt: skip
        tuned = [r for r in same if "tuned_psnr" in r]
        axes.plot([r["dac"] for r in tuned], [r["tuned_psnr"] for r in tuned], "s--", color=COLOURS["orange"],
                  label=f"after {results['steps']} steps on the chip")  # fmt: skip
        for r in results["chips"]:
            if r["dac"] != r["adc"]:
                name = f"DAC {r['dac']}, ADC {r['adc']}"
                axes.plot(r["dac"], r["psnr"], "D", color=COLOURS["green"], label=name)
                if "tuned_psnr" in r:
                    axes.plot(r["dac"], r["tuned_psnr"], "D", color=COLOURS["purple"], label=f"{name}, tuned")
        for name, style in (("electronic", "-"), ("bicubic", ":")):
            axes.axhline(results[name], color=COLOURS["black"], linestyle=style, linewidth=1, label=name)
        axes.set(xlabel="bits of DAC and ADC", ylabel="PSNR on held-out photographs (dB)")
        axes.legend(loc="lower right")
    return plot


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    parser.add_argument("--bits", type=int, nargs="+", default=list(range(2, 11)))
    parser.add_argument("--tune", type=int, nargs="*", default=[3, 4, 5, 6], help="bits to fine-tune at")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--limit", type=int, default=24, help="test photographs at most")
    parser.add_argument("--gradient", default="perfect")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    set_num_threads(1)
    config = RunFolder.open(arguments.run).config(PhotoTrainingConfig)
    common = {"share": config.share, "seed": config.seed}
    train = load_photos(config.photos, "train", tiles=config.tiles, **common)
    test = load_photos(config.photos, "test", **common)

    def score(way: Any) -> float:
        return score_photos(way, test, limit=arguments.limit).means()["psnr"]

    results: dict[str, Any] = {
        "test_photos": arguments.limit,
        "noise": arguments.noise,
        "steps": arguments.steps,
        "learning_rate": arguments.learning_rate,
        "gradient": arguments.gradient,
        "bicubic": score(bicubic),
        "electronic": score(load_cnn(arguments.run)),
        "chips": [],
    }
    print(f"electronic {results['electronic']:.2f} dB, bicubic {results['bicubic']:.2f} dB", flush=True)
    pairs = [(bits, bits) for bits in arguments.bits] + [(4, 8)]
    for dac, adc in pairs:
        chip = chip_of(dac, adc, arguments.noise)
        found: dict[str, Any] = {"dac": dac, "adc": adc, "psnr": score(on_chip(arguments.run, chip, train))}
        quiet = chip_of(dac, adc, 0.0)
        found["quiet_psnr"] = score(on_chip(arguments.run, quiet, train))
        if dac in arguments.tune:
            model = on_chip(arguments.run, chip, train, arguments.gradient)
            optimizer = torch.optim.Adam(model.parameters(), lr=arguments.learning_rate)
            HardwareAwareTraining().fit(
                model,
                _Batches(train, arguments.steps, config.seed),
                torch.nn.functional.mse_loss,
                optimizer,
                1,
            )
            found["tuned_psnr"] = score(model)
        results["chips"].append(found)
        print(found, flush=True)
        arguments.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(results, indent=1) + "\n"
        write_bytes_atomically(arguments.out / "super_resolution_chip.json", text.encode())
    save_figure(figure(results), arguments.out / "super_resolution_chip.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
