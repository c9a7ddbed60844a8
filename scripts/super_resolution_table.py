"""Table of super-resolution networks on held-out photographs: PSNR, luma, SSIM, feature distance.

    python -m scripts.super_resolution_table "MSE=runs/mse" "FL + MGE=runs/feature-mge" --out docs/figures

Each network is scored on the photographs that none of them was trained on, beside interpolation of the same
small images; super_resolution.json and super_resolution.md are written.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

from pyfdsr._files import write_bytes_atomically
from pyfdsr.data import downsample_nearest, load_photos
from pyfdsr.losses import FeatureDistance, mge_loss
from pyfdsr.training import PhotoTrainingConfig, RunFolder, load_cnn, score_photos
from pyfdsr.training.photo_scores import bicubic, nearest

_BATCH = 4


def distances(ways: dict[str, Any], photos: Any, limit: int | None = None) -> dict[str, dict[str, float]]:
    """Return the mean feature distance and mean gradient error of each way to enlarge."""
    measure = FeatureDistance()
    count = min(limit or len(photos), len(photos))
    sums = {name: {"feature_distance": 0.0, "mge": 0.0} for name in ways}
    with torch.inference_mode():
        for start in range(0, count, _BATCH):
            squares = photos.take(slice(start, min(start + _BATCH, count)))
            target = torch.from_numpy(squares).float().div_(255)
            small = torch.from_numpy(downsample_nearest(squares, 8).copy()).float().div_(255)
            wanted = measure.directions(target)
            for name, way in ways.items():
                output = way(small).clamp(0, 1)
                between = measure.between(measure.directions(output), wanted)
                sums[name]["feature_distance"] += float(between.sum()) / count
                sums[name]["mge"] += float(mge_loss(output, target)) * len(squares) / count
    return sums


def markdown(scores: dict[str, dict[str, float]]) -> str:
    """Return the scores as a table."""
    lines = [
        "| | PSNR (dB) | luma PSNR (dB) | SSIM | feature distance | edge error (10⁻³) |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in scores.items():
        lines.append(
            f"| {name} | {found['psnr']:.2f} | {found['psnr_y']:.2f} | {found['ssim']:.3f} | "
            f"{found['feature_distance']:.3f} | {1e3 * found['mge']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def recipe(run: RunFolder, config: PhotoTrainingConfig) -> dict[str, Any]:
    """Return what a run was and how long it took."""
    records = run.metrics()
    return {
        "config": json.loads(config.to_json()),
        "epochs_done": len(records),
        "seconds": round(sum(record["seconds"] for record in records), 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="TITLE=RUN")
    parser.add_argument("--photos", help="folder; by default that of the first run")
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    parser.add_argument("--limit", type=int, help="test photographs at most")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    ways: dict[str, Any] = {"nearest": nearest, "bicubic": bicubic}
    recipes, split = {}, None
    for text in arguments.runs:
        title, _, path = text.partition("=")
        run = RunFolder.open(path)
        config = run.config(PhotoTrainingConfig)
        if split not in (None, (config.photos, config.share, config.seed)):
            print(f"{path} was trained on other photographs than the first run", file=sys.stderr)
            return 2
        split = (config.photos, config.share, config.seed)
        ways[title], recipes[title] = load_cnn(path).eval(), recipe(run, config)
    folder, share, seed = split
    photos = load_photos(arguments.photos or folder, "test", share=share, seed=seed)
    found = distances(ways, photos, arguments.limit)
    scores = {
        name: score_photos(way, photos, limit=arguments.limit).means() | found[name]
        for name, way in ways.items()
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    numbers = {
        "test_photos": min(arguments.limit or len(photos), len(photos)),
        "scores": scores,
        "runs": recipes,
    }
    write_bytes_atomically(
        arguments.out / "super_resolution.json", (json.dumps(numbers, indent=1) + "\n").encode()
    )
    table = markdown(scores)
    write_bytes_atomically(arguments.out / "super_resolution.md", table.encode())
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
