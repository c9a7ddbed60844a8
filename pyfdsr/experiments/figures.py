"""Figures of the experiments, in the house style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pyfdsr.report.figures import sample_rows
from pyfdsr.report.style import COLOURS, house_style, new_figure

__all__ = [
    "accuracy", "bars", "depth", "gains", "intensity", "ledger", "samples", "spectra", "stability",
    "tradeoff", "transfer", "two_bars",
]  # fmt: skip

_WIDTH = 7.5  # inches: the page's
_MARKERS = ("o", "s", "^", "D", "v", "P")
_LINES = ("-", "--", "-.", ":")


def _styles() -> list[dict[str, Any]]:
    """Return styles that differ in colour, line and marker."""
    colours = [colour for name, colour in COLOURS.items() if name != "black"]
    return [
        {"color": colour, "marker": marker, "linestyle": _LINES[index % len(_LINES)], "markersize": 4}
        for index, (colour, marker) in enumerate(zip(colours, _MARKERS, strict=True))
    ]


def _input_line(axes: Any, level: float | None) -> None:
    if level is not None:
        axes.axhline(level, color=COLOURS["black"], linestyle="--", linewidth=1, label="low-resolution input")


def _broken(name: str) -> str:
    """Return the name of a data set on several lines."""
    return name.replace(" for ", "\nfor\n").replace("FashionMNIST", "Fashion-\nMNIST").replace(", ", ",\n")


def samples(pictures: Any) -> Any:
    """Show objects, inputs and outputs in rows."""
    return sample_rows(
        pictures.objects,
        pictures.low_resolution,
        pictures.outputs,
        pictures.input_psnr,
        pictures.output_psnr,
    )


def bars(found: Mapping[str, Mapping[str, Any]]) -> Any:
    """PSNR, SSIM and resolution of inputs (hatched) and outputs by data set: Figure 2's three panels."""
    panels = (("psnr", "PSNR (dB)", 1.0), ("ssim", "SSIM", 1.0), ("resolution", "resolution (µm)", 1e6))
    places = np.arange(len(found))
    with house_style():
        figure = new_figure(_WIDTH, 2.9)
        for axes, (name, label, scale) in zip(figure.subplots(1, 3), panels, strict=True):
            for side, (kind, colour, hatch) in enumerate((("input", "sky", "///"), ("output", "blue", None))):
                heights = [scale * scores[f"{kind}_{name}"] for scores in found.values()]
                drawn = axes.bar(
                    places + 0.4 * (side - 0.5),
                    heights,
                    0.36,
                    color=COLOURS[colour],
                    hatch=hatch,
                    edgecolor="white",
                    label=f"low-resolution {kind}" if kind == "input" else "network output",
                )
                axes.bar_label(drawn, fmt="%.2f" if name == "ssim" else "%.1f", fontsize=7, padding=1)
            axes.set_xticks(places, [_broken(key) for key in found], fontsize=7.5)
            axes.set(ylabel=label)
            axes.margins(y=0.1)
            axes.grid(False, axis="x")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def gains(points: Mapping[float, float], paper: Mapping[float, float]) -> Any:
    """Gain in resolution over the input's resolution, ours and the paper's."""
    ours, theirs = _styles()[:2]
    with house_style():
        figure = new_figure(_WIDTH * 0.6, 2.8)
        axes = figure.subplots()
        axes.plot(list(points), list(points.values()), label="ours, mean of the data sets", **ours)
        axes.plot(list(paper), list(paper.values()), label="paper", **theirs)
        axes.set(xlabel="resolution of the input (µm)", ylabel="gain in resolution (×)", ylim=(0, None))
        axes.legend(loc="lower right")
    return figure


def depth(points: Sequence[tuple[int, float, float]], level: float | None) -> Any:
    """PSNR and energy over the number of units."""
    style = _styles()[0]
    units, decibels, energies = (list(column) for column in zip(*points, strict=True))
    with house_style():
        figure = new_figure(_WIDTH, 2.7)
        left, right = figure.subplots(1, 2)
        left.plot(units, decibels, **style)
        _input_line(left, level)
        left.set(xlabel="number of units", ylabel="PSNR (dB)")
        right.plot(units, [100 * energy for energy in energies], **style)
        right.set(xlabel="number of units", ylabel="energy kept (%)", ylim=(0, None))
        for axes in (left, right):
            axes.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(loc="outside lower center")
    return figure


def two_bars(found: Mapping[str, Mapping[str, Any]]) -> Any:
    """PSNR (with the input's) and energy of several networks, as lying bars."""
    places = np.arange(len(found))[::-1]
    names = [name.replace(" of ", "\nof ") for name in found]
    with house_style():
        figure = new_figure(_WIDTH, 0.9 + 0.4 * len(found))
        left, right = figure.subplots(1, 2, sharey=True)
        for offset, kind, colour, hatch in ((0.2, "input", "sky", "///"), (-0.2, "output", "blue", None)):
            drawn = left.barh(
                places + offset,
                [scores[f"{kind}_psnr"] for scores in found.values()],
                0.36,
                color=COLOURS[colour],
                hatch=hatch,
                edgecolor="white",
                label=kind,
            )
            left.bar_label(drawn, fmt="%.1f", padding=2, fontsize=7.5)
        left.set_yticks(places, names)
        left.set(xlabel="PSNR (dB)")
        left.margins(x=0.12)
        energies = [100 * scores["energy_fraction"] for scores in found.values()]
        drawn = right.barh(places, energies, 0.5, color=COLOURS["green"])
        right.bar_label(drawn, fmt="%.1f", padding=2, fontsize=7.5)
        right.set(xlabel="energy kept (%)")
        right.margins(x=0.12)
        for axes in (left, right):
            axes.grid(False, axis="y")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def tradeoff(curve: Mapping[str, Mapping[str, Any]], controls: Mapping[str, Mapping[str, Any]]) -> Any:
    """PSNR and resolution against energy: Figure 4."""
    nonlinear, linear = _styles()[0], {**_styles()[3], "linestyle": ""}
    everyone = [*curve.values(), *controls.values()]
    with house_style():
        figure = new_figure(_WIDTH, 3.1)
        panels = (("psnr", "PSNR (dB)", 1.0), ("resolution", "resolution (µm)", 1e6))
        for axes, (name, label, scale) in zip(figure.subplots(1, 2), panels, strict=True):
            for members, style, text in ((curve, nonlinear, "network, over γ"), (controls, linear, "linear")):
                points = sorted(
                    (100 * s["energy_fraction"], scale * s[f"output_{name}"]) for s in members.values()
                )
                if points:
                    axes.plot(*zip(*points, strict=True), label=text, **style)
            axes.plot(
                [100],
                [scale * everyone[0][f"input_{name}"]],
                "s",
                color=COLOURS["black"],
                label="low-resolution input",
            )
            axes.set(xlabel="energy kept (%)", ylabel=label)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def intensity(curves: Mapping[str, Mapping[float, float]], level: float | None) -> Any:
    """PSNR over the objects' peak intensity p: Figure 5b."""
    with house_style():
        figure = new_figure(_WIDTH * 0.8, 3.1)
        axes = figure.subplots()
        for (label, curve), style in zip(curves.items(), _styles(), strict=False):
            axes.plot(list(curve), list(curve.values()), label=label, **style)
        _input_line(axes, level)
        axes.set(xscale="log", xlabel="peak intensity p (white pixel in training: 1)", ylabel="PSNR (dB)")
        ticks = [0.1, 0.25, 0.5, 1, 2, 4, 8]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def stability(points: Mapping[str, tuple[float, float]]) -> Any:
    """Width of the range of intensities over the peak PSNR: Figure 5c."""
    with house_style():
        figure = new_figure(_WIDTH * 0.6, 2.9)
        axes = figure.subplots()
        for (label, (peak, width)), style in zip(points.items(), _styles(), strict=False):
            axes.plot([peak], [width], label=label, **style | {"linestyle": "", "markersize": 7})
        axes.set(xlabel="peak PSNR (dB)", ylabel="width (range of p)")
        axes.margins(0.15)
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def transfer(table: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Any:
    """PSNR by test set (groups) and training set (colours), with the input's as a line: Figure 6c."""
    tests = list(next(iter(table.values())))
    colours = [colour for name, colour in COLOURS.items() if name != "black"]
    width = 0.8 / len(table)
    with house_style():
        figure = new_figure(_WIDTH, 3.1)
        axes = figure.subplots()
        for index, (trained, row) in enumerate(table.items()):
            places = np.arange(len(tests)) + (index - (len(table) - 1) / 2) * width
            heights = [row[test]["output_psnr"] for test in tests]
            drawn = axes.bar(
                places, heights, 0.9 * width, color=colours[index], label=f"trained on {trained}"
            )
            axes.bar_label(drawn, fmt="%.1f", fontsize=7, padding=1)
        inputs = [next(iter(table.values()))[test]["input_psnr"] for test in tests]
        for place, level in enumerate(inputs):
            axes.plot([place - 0.45, place + 0.45], [level, level], "--", color=COLOURS["black"], linewidth=1,
                      label="low-resolution input" if place == 0 else None)  # fmt: skip
        axes.set_xticks(range(len(tests)), [f"tested on\n{test}" for test in tests])
        axes.set(ylabel="PSNR (dB)")
        axes.grid(False, axis="x")
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def accuracy(levels: Mapping[float, float], confusion: Sequence[Sequence[int]]) -> Any:
    """Accuracy over the peak intensity, and the confusion matrix."""
    with house_style():
        figure = new_figure(_WIDTH, 3.2)
        left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
        left.plot(list(levels), list(levels.values()), **_styles()[0])
        left.axhline(
            100 / len(confusion), color=COLOURS["black"], linestyle="--", linewidth=1, label="by chance"
        )
        left.set(xscale="log", xlabel="peak intensity p", ylabel="accuracy (%)", ylim=(0, 102))
        left.set_xticks(list(levels), [f"{level:g}" for level in levels])
        left.minorticks_off()
        left.legend(loc="lower left")
        counts = np.array(confusion, dtype=float)
        shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        shown = right.imshow(shares, cmap="cividis", vmin=0, vmax=100)
        right.grid(False)
        right.set(
            xlabel="named class", ylabel="true class", xticks=range(len(counts)), yticks=range(len(counts))
        )
        figure.colorbar(shown, ax=right).set_label("images of the class (%)")
    return figure


def ledger(account: Any) -> Any:
    """Energy behind every unit as bars, over what the two apertures and absorption took there."""
    scale = 100 / account.reference_energy
    units = np.arange(1, len(account.layers) + 1)
    parts = (
        ("lost at the mask's aperture", "lost_fourier_aperture", "vermilion", "///"),
        ("lost at the window", "lost_image_aperture", "orange", "..."),
        ("absorbed", "absorbed", "purple", "xxx"),
    )
    with house_style():
        figure = new_figure(_WIDTH, 3.1)
        axes = figure.subplots()
        height = np.array([scale * layer.output for layer in account.layers])
        axes.bar(units, height, 0.7, color=COLOURS["blue"], label="behind the unit")
        for label, name, colour, hatch in parts:
            part = np.array([scale * getattr(layer, name) for layer in account.layers])
            if part.max() > 1e-6:
                axes.bar(units, part, 0.7, bottom=height, color=COLOURS[colour], hatch=hatch,
                         edgecolor="white", label=label)  # fmt: skip
                height = height + part
        axes.set(xlabel="unit", ylabel="energy (% of the input's in the window)", xticks=units)
        axes.grid(False, axis="x")
        axes.legend(loc="upper right")
    return figure


def spectra(
    frequencies: np.ndarray, curves: Mapping[str, np.ndarray], imaged: float, collected: float
) -> Any:
    """Energy by spatial frequency, unit by unit, and what lies beyond the masks: Figure 3.

    `imaged` and `collected` are the half-widths of the imaging optics and of the masks, 1/m.
    """
    with house_style():
        figure = new_figure(_WIDTH, 1.2 * len(curves) + 0.8)
        panels = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (label, curve) in zip(panels, curves.items(), strict=True):
            share = 100 * curve / curve.sum()
            beyond = np.abs(frequencies) > collected
            axes.semilogy(frequencies / 1e3, np.maximum(share, 1e-6), color=COLOURS["blue"], linewidth=1)
            for side in (frequencies < -collected, frequencies > collected):
                axes.fill_between(
                    frequencies[side] / 1e3, 1e-6, np.maximum(share[side], 1e-6), color=COLOURS["vermilion"],
                    alpha=0.6, linewidth=0,
                )  # fmt: skip
            for edge in (-1, 1):
                axes.axvline(edge * imaged / 1e3, color=COLOURS["black"], linestyle="--", linewidth=1)
                axes.axvline(edge * collected / 1e3, color=COLOURS["vermilion"], linestyle=":", linewidth=1.2)
            axes.set(ylim=(1e-4, 100))
            axes.set_title(f"{label}: {share[beyond].sum():.1f} % beyond the masks", loc="left", fontsize=8)
        panels[-1].set_xlabel("spatial frequency along x (1/mm)")
        figure.supylabel("energy at a frequency (% of the field's)", fontsize=8)
    return figure
