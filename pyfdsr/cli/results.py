"""What a command makes of a trained network: the table, the figures, the page, the numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pyfdsr._files import write_bytes_atomically
from pyfdsr.report import figure_png, loss_curve, report_page, sample_rows

from .display import CLASSIFICATION_COLUMNS, RESULT_COLUMNS, classification_rows, result_rows
from .info import environment

__all__ = ["sample_images", "scores", "write_results"]


_NOTE = (
    "PSNR: outputs are scaled to their maximum, the mean square error is taken over batches of 100 images. "
    "Resolution: 1/f_c of the linear low-pass imager with the same PSNR. Energy: intensity in the window "
    "relative to the low-resolution input."
)
_CLASSIFIER_NOTE = "Energies are relative to that of the low-resolution input in the window."


def scores(model: Any, images: Any, config: Any, peak: float = 1.0) -> Any:
    """Return the scores of a network on test images, by the kind of model that the configuration names."""
    from pyfdsr.training import evaluate, evaluate_classifier

    if config.model == "classifier":
        return evaluate_classifier(model, images.images, images.labels, peak)
    return evaluate(model, images.images, peak, keep_pictures=100, pitch=config.pitch)


def _varied(labels: np.ndarray | None, count: int, available: int) -> list[int]:
    """Return `count` image numbers, from different classes as far as there are any."""
    if labels is None:
        return list(range(min(count, available)))
    _, first = np.unique(labels[:available], return_index=True)
    chosen = sorted(int(index) for index in first)[:count]
    others = (index for index in range(available) if index not in chosen)
    while len(chosen) < min(count, available):
        chosen.append(next(others))
    return chosen


def sample_images(evaluation: Any, labels: np.ndarray | None, count: int = 8) -> Any:
    """Return the figure with the rows object, low-resolution input and network output.

    Parameters
    ----------
    evaluation : pyfdsr.training.Evaluation
        Its ``pictures`` were kept.
    labels : int array [n] or None
        Used to show different classes.
    """
    pictures = evaluation.pictures
    rows = _varied(labels, count, len(pictures.objects))
    return sample_rows(
        pictures.objects[rows],
        pictures.low_resolution[rows],
        pictures.outputs[rows],
        pictures.input_psnr[rows],
        pictures.output_psnr[rows],
        evaluation.peak,
    )


def write_results(
    folder: Path,
    title: str,
    lead: str,
    config: Any,
    records: Sequence[dict[str, Any]],
    evaluation: Any,
    images: Any,
) -> list[Path]:
    """Write the figures, evaluation.json and report.html of a trained network.

    Parameters
    ----------
    folder : Path
    title, lead : str
        Heading of the page and the sentence under it.
    config : pyfdsr.training.TrainingConfig
    records : sequence of dict
        Lines of metrics.jsonl.
    evaluation : pyfdsr.training.Evaluation or ClassificationScores
    images : pyfdsr.data.ImageSet
        The test images.

    Returns
    -------
    list of Path
    """
    facts = environment()
    scored = f"{evaluation.count} test images of {images.name}, peak intensity {evaluation.peak:g}"
    pictures = {}
    if hasattr(evaluation, "confusion"):
        columns, rows, note = CLASSIFICATION_COLUMNS, classification_rows(evaluation), _CLASSIFIER_NOTE
        pictures["loss.png"] = ("Training loss and accuracy, epoch by epoch.", loss_curve(records))
    else:
        columns, rows, note = RESULT_COLUMNS, result_rows(evaluation), _NOTE
        caption = f"Object, low-resolution input and network output; PSNR of each image. {scored}."
        pictures["samples.png"] = (caption, sample_images(evaluation, images.labels))
        curve = loss_curve(records, evaluation.input_psnr)
        pictures["loss.png"] = ("Training loss and PSNR, epoch by epoch.", curve)
    pictures = {name: (caption, figure_png(figure)) for name, (caption, figure) in pictures.items()}
    page = report_page(
        title,
        lead,
        columns,
        rows,
        list(pictures.values()),
        {
            "Configuration": asdict(config),
            "Environment": facts,
            "Data": {"name": images.name, "source": images.source, "licence": images.licence},
        },
        notes=(f"Means over {scored}. {note}",),
    )
    numbers = json.dumps({**evaluation.as_dict(), "environment": facts}, indent=2, default=str) + "\n"
    files = {
        **{folder / "figures" / name: png for name, (_, png) in pictures.items()},
        folder / "evaluation.json": numbers.encode(),
        folder / "report.html": page.encode(),
    }
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        write_bytes_atomically(path, content)
    return list(files)
