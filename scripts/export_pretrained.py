"""Puts a trained super-resolution CNN into the package, with its recipe and the origin of its data.

python -m scripts.export_pretrained runs/mse srcnn_mse_x8 --photos data/photos
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from pyfdsr._files import write_bytes_atomically
from pyfdsr.data.photos import split_photos
from pyfdsr.models import save_super_resolution
from pyfdsr.training import PhotoTrainingConfig, RunFolder, load_cnn

FOLDER = Path(__file__).resolve().parents[1] / "pyfdsr" / "models" / "pretrained"
LICENCE = "MIT, as pyfdsr; the photographs that the weights were fitted to are not part of pyfdsr"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--photos", type=Path, default=Path("data/photos"))
    arguments = parser.parse_args()
    run = RunFolder.open(arguments.run)
    config = run.config(PhotoTrainingConfig)
    photos = json.loads((arguments.photos / "manifest.json").read_text())["photos"]
    trained = set(split_photos([photo["file"] for photo in photos], "train", config.share, config.seed))
    origin = Counter(
        (f"{photo['registry']} {photo['package']} {photo['version']}", photo["licence"])
        for photo in photos
        if photo["file"] in trained
    )
    recipe = {
        "licence": LICENCE,
        "training": json.loads(config.to_json()),
        "scores": json.loads((arguments.run / "evaluation.json").read_text()),
        "photographs": [
            {"package": package, "licence": licence, "count": count}
            for (package, licence), count in sorted(origin.items())
        ],
    }
    FOLDER.mkdir(exist_ok=True)
    weights = FOLDER / f"{arguments.name}.safetensors"
    model = load_cnn(arguments.run)
    save_super_resolution(model, weights, {"licence": LICENCE, "recipe": f"{arguments.name}.json"})
    text = json.dumps(recipe, indent=1, ensure_ascii=False) + "\n"
    write_bytes_atomically(weights.with_suffix(".json"), text.encode())
    print(f"{weights}: {weights.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
