"""Distances, Kerr strengths and rates for models.DiffractiveSR: short trainings, one line each.

    python scripts/diffractive_search.py --dataset mnist --threads 1

The paper's main text gives no distances for its diffractive network. With pitch p, wavelength λ and a window
of S samples, light of a single sample spreads over the window after S·p²/λ (3.3 mm for the defaults): much
below, planes do not mix samples; far above, most light leaves the window. Every trial takes 180 steps of 20
images and shows means over the last 12 steps; docs/experiments.md has the outcome.
"""

import argparse
import math
import time

import numpy as np
import torch

from pyfdsr import data
from pyfdsr.losses import super_resolution_loss
from pyfdsr.models import DiffractiveSR
from pyfdsr.nonlinearity import Kerr
from pyfdsr.optics import ImagingOptics
from pyfdsr.training.batches import ImageBatches, low_resolution
from pyfdsr.training.threads import apply_threads

BATCH, SHOWN = 20, 12

# distance (m), spread of the first phases (rad), learning rate, planes, Kerr strength
TRIALS = (
    (0.3e-3, 0.0, 0.01, 5, 0.3),
    (1e-3, 0.0, 0.02, 5, 0.1),
    (0.1e-3, 0.0, 0.01, 5, 1.0),
    (2e-3, 0.0, 0.02, 5, -0.3),
    (4e-3, 1.0, 0.1, 10, 4.0),
    (4e-3, 0.0, 0.03, 10, 1.0),
    (4e-3, 0.0, 0.05, 5, 0.3),
    (4e-3, 0.0, 0.05, 5, -0.5),
    (4e-3, 0.0, 0.05, 10, 1.0),
    (4e-3, 0.0, 0.1, 10, 0.3),
    (3e-3, 0.0, 0.05, 10, 0.3),
    (4e-3, 0.0, 0.05, 10, 0.3),
)


def trial(batches: ImageBatches, steps: int, distance, spread, rate, layers, strength) -> tuple[float, ...]:
    """Return loss and PSNR (dB) of the last steps, and the share of the energy kept in the very last."""
    torch.manual_seed(0)
    model = DiffractiveSR(layers, distance=distance, imaging=ImagingOptics(), nonlinearity=Kerr(strength))
    torch.nn.init.normal_(model.phases, std=spread)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    figures = []
    for step in range(steps):
        start = BATCH * step % len(batches)
        target = batches.intensity(np.arange(start, start + BATCH))
        output = model.image(target)
        terms = super_resolution_loss(output, target, micro_batch=BATCH)
        optimizer.zero_grad()
        terms.loss.backward()
        optimizer.step()
        mean_square = float(terms.squared_error.sum()) / target.numel()
        figures.append((float(terms.loss.detach()), -10 * math.log10(mean_square)))
    kept = float(output.detach().sum() / low_resolution(model, target).sum())
    return (*np.mean(figures[-SHOWN:], axis=0), kept)


def main() -> None:
    """Print one line a trial."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--images", type=int, default=400, help=f"a multiple of {BATCH}")
    parser.add_argument("--steps", type=int, default=180)
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    apply_threads(options.threads)
    batches = ImageBatches(data.load(options.dataset, "train", limit=options.images).images, 112)
    print("distance (mm)  spread (rad)  rate  planes  Kerr  loss    PSNR (dB)  energy (%)  s", flush=True)
    for distance, *others in TRIALS:
        begun = time.perf_counter()
        loss, decibels, kept = trial(batches, options.steps, distance, *others)
        spread, rate, layers, strength = others
        print(
            f"{1e3 * distance:13.1f}  {spread:12.1f}  {rate:4.2f}  {layers:6}  {strength:4.1f}  {loss:.4f}  "
            f"{decibels:9.2f}  {100 * kept:10.1f}  {time.perf_counter() - begun:.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
