"""Figures about a training run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .style import COLOURS, INTENSITY_COLOURMAP, house_style, new_figure

__all__ = ["loss_curve", "sample_rows"]


def loss_curve(records: Sequence[dict[str, Any]], input_psnr: float | None = None) -> Any:
    """Plot the training loss and the PSNR, or a classifier's accuracy, over the epochs.

    Parameters
    ----------
    records : sequence of dict
        The lines of metrics.jsonl.
    input_psnr : float or None
        PSNR of the low-resolution test images in dB, drawn as a dashed line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    epochs = [record["epoch"] for record in records]
    marker = {"marker": "o", "markersize": 3} if len(epochs) < 60 else {}
    name, label, scale = ("psnr", "PSNR (dB)", 1)
    if "accuracy" in records[0]:
        name, label, scale = ("accuracy", "accuracy (%)", 100)
    with house_style():
        figure = new_figure(7.5, 2.8)
        left, right = figure.subplots(1, 2)
        left.plot(epochs, [record["loss"] for record in records], color=COLOURS["blue"], **marker)
        left.set(xlabel="epoch", ylabel="training loss")
        merits = [scale * record[name] for record in records]
        right.plot(epochs, merits, color=COLOURS["blue"], label="training", **marker)
        tested = [record for record in records if f"test_{name}" in record]
        if tested:
            right.plot(
                [record["epoch"] for record in tested],
                [scale * record[f"test_{name}"] for record in tested],
                color=COLOURS["orange"],
                marker="s",
                markersize=4,
                label="test",
            )
        if input_psnr is not None:
            right.axhline(
                input_psnr, color=COLOURS["black"], linestyle="--", linewidth=1, label="low-resolution input"
            )
        right.set(xlabel="epoch", ylabel=label)
        right.legend(loc="lower right")
        for axes in (left, right):
            axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def sample_rows(
    objects: np.ndarray,
    low_resolution: np.ndarray,
    outputs: np.ndarray,
    input_psnr: Sequence[float],
    output_psnr: Sequence[float],
    peak: float = 1.0,
) -> Any:
    """Show objects, low-resolution inputs and network outputs in three rows, with the PSNR of every image.

    Parameters
    ----------
    objects, low_resolution, outputs : float array [n, S, S]
        Intensities; each output is shown scaled to its maximum, as it is scored.
    input_psnr, output_psnr : sequence of n floats
        dB.
    peak : float
        Intensity shown as white in the first two rows.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = len(objects)
    maxima = outputs.max(axis=(1, 2), keepdims=True)
    normalised = np.divide(outputs, maxima, out=np.zeros_like(outputs), where=maxima > 0) * peak
    rows = (
        ("object", objects, None),
        ("low-resolution\ninput", low_resolution, input_psnr),
        ("network\noutput", normalised, output_psnr),
    )
    with house_style():
        # Placed by hand: working out margins automatically takes two dozen panels a second.
        panel, left, right, bottom, top = 1.05, 0.5, 0.75, 0.1, 0.12
        width, height = left + panel * columns + right, bottom + 3.6 + top
        figure = new_figure(width, height, layout="none")
        margins = {
            "left": left / width,
            "right": 1 - right / width,
            "bottom": bottom / height,
            "top": 1 - top / height,
            "wspace": 0.06,
            "hspace": 0.18,
        }
        grid = figure.subplots(3, columns, squeeze=False, gridspec_kw=margins)
        for (name, images, decibels), row in zip(rows, grid, strict=True):
            for index, axes in enumerate(row):
                shown = axes.imshow(images[index], cmap=INTENSITY_COLOURMAP, vmin=0, vmax=peak)
                axes.grid(False)
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
                if decibels is not None:
                    axes.set_title(f"{decibels[index]:.1f} dB", pad=3)
            row[0].set_ylabel(name)
        beside = figure.add_axes(
            (1 - (right - 0.08) / width, margins["bottom"], 0.1 / width, margins["top"] - margins["bottom"])
        )
        bar = figure.colorbar(shown, cax=beside)
        bar.set_label("intensity (output: scaled to its maximum)")
        bar.outline.set_visible(False)
    return figure
