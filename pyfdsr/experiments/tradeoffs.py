"""What the network pays: energy against fidelity, intensity, data it was not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyfdsr.optics import energy_ledger
from pyfdsr.training import TrainingConfig

from . import figures
from .experiment import Outcome, Row, experiment
from .laboratory import NotTrained
from .quality import by_set, psnr_text, trained_scores
from .settings import Settings
from .spectra import spectra_of

__all__ = ["ENERGY", "EVERYTHING", "FIG4", "FIG5", "FIG6"]

_GAMMAS = tuple(float(f"{gamma:.2g}") for gamma in np.logspace(-1, -9, 12))
PEAKS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.5)


def _fig4(settings: Settings) -> dict[str, TrainingConfig]:
    configs = {f"γ = {gamma:g}": settings.config(settings.digits, gamma=gamma) for gamma in _GAMMAS}
    return {
        "γ = 0": settings.config(settings.digits),
        **configs,
        "linear": settings.config(settings.digits, nonlinearity="linear"),
        "linear, γ = 1e-05": settings.config(settings.digits, nonlinearity="linear", gamma=1e-5),
    }


@experiment("fig4", "Figure 4: fidelity against energy", _fig4)
def FIG4(laboratory: Any) -> Outcome:
    found = trained_scores(laboratory, _fig4(laboratory.settings))
    rows = [
        Row(label, f"{psnr_text(scores)}, {100 * scores['energy_fraction']:.1f} %", "a point without number")
        for label, scores in found.items()
    ]
    if not found:
        return Outcome(rows)
    curve = {label: scores for label, scores in found.items() if label.startswith("γ")}
    drawn = figures.tradeoff(curve, {label: s for label, s in found.items() if label.startswith("linear")})
    notes = ["Expected: fidelity falls as energy grows; the largest γ is worse than the input."]
    return Outcome(rows, [("fig4", "Fidelity against the energy kept, over γ.", drawn)], notes)


def _fig5(settings: Settings) -> dict[str, TrainingConfig]:
    robust = {
        f"trained on p up to {maximum}": settings.config(settings.digits, intensity_robust=maximum)
        for maximum in (2, 4, 8)
    }
    longer = {f"trained on p = 1, {settings.headline_epochs} epochs": settings.headline}
    return {"trained on p = 1": settings.config(settings.digits), **longer, **robust}


def _range_above(curve: dict[float, float], level: float) -> tuple[float, float] | None:
    """Peak intensities, interpolated, between which a curve exceeds the input's PSNR around its best."""
    peaks = np.array(sorted(curve))
    above = np.array([curve[peak] for peak in peaks]) - level
    best = int(np.argmax(above))
    if above[best] <= 0:
        return None
    ends = []
    for step in (-1, 1):
        at = best
        while 0 <= at + step < len(peaks) and above[at + step] > 0:
            at += step
        if not 0 <= at + step < len(peaks):
            ends.append(float(peaks[at]))
            continue
        share = above[at] / (above[at] - above[at + step])
        ends.append(float(peaks[at] + share * (peaks[at + step] - peaks[at])))
    return ends[0], ends[1]


def _width(curve: dict[float, float], level: float) -> str:
    ends = _range_above(curve, level)
    if ends is None:
        return "nowhere above the input"
    return f"width {ends[1] - ends[0]:.2f} ({ends[0]:.2f} to {ends[1]:.2f})"


@experiment("fig5", "Figure 5: brighter and dimmer objects", _fig5)
def FIG5(laboratory: Any) -> Outcome:
    curves, level, rows, points = {}, None, [], {}
    for label, config in _fig5(laboratory.settings).items():
        try:
            curves[label] = {peak: laboratory.output_psnr(config, peak) for peak in PEAKS}
            level = laboratory.scores(config)["input_psnr"]
        except NotTrained:
            continue
    if not curves:
        return Outcome([])
    for label, curve in curves.items():
        best = max(curve, key=curve.get)
        alone = "p = 1" in label
        paper = "highest peak, narrowest" if alone else "lower peak, wider"
        ends = _range_above(curve, level)
        points[label] = (curve[best], ends[1] - ends[0] if ends else 0.0)
        rows.append(Row(label, f"peak {curve[best]:.2f} dB at p = {best:g}, {_width(curve, level)}", paper))
        if alone:
            drop = f"{curve[1.0] - curve[2.0]:.2f} dB"
            rows.append(Row(f"{label}: drop at twice the intensity", drop, "about 5 dB"))
    drawn = [
        ("fig5", "PSNR over the objects' peak intensity.", figures.intensity(curves, level)),
        ("fig5-width", "Stability against fidelity.", figures.stability(points)),
    ]
    return Outcome(rows, drawn)


def _all_sets(settings: Settings) -> str:
    return "+".join(dict.fromkeys(settings.sets.values()))


def _fig6(settings: Settings) -> dict[str, TrainingConfig]:
    return {**by_set(settings), "all three": settings.config(_all_sets(settings))}


@experiment("fig6", "Figure 6: data the network was not trained on", _fig6)
def FIG6(laboratory: Any) -> Outcome:
    settings, table, rows = laboratory.settings, {}, []
    for trained, config in _fig6(settings).items():
        try:
            table[trained] = {
                name: laboratory.scores(config, dataset) for name, dataset in settings.sets.items()
            }
        except NotTrained:
            continue
    for trained, tests in table.items():
        for name, scores in tests.items():
            worse = "below its input" if scores["output_psnr"] < scores["input_psnr"] else ""
            rows.append(Row(f"{trained} → {name}", psnr_text(scores), "a bar without number", worse))
    if not table:
        return Outcome([])
    notes = [
        "Expected: networks of line drawings fall below the input on FashionMNIST; the joint one is between."
    ]
    drawn = [("fig6", "PSNR by training set (colour) and test set.", figures.transfer(table))]
    return Outcome(rows, drawn, notes)


def _everything(settings: Settings) -> dict[str, TrainingConfig]:
    joint = _all_sets(settings)
    return {
        "all three sets": settings.config(joint),
        "all three sets, p up to 4": settings.config(joint, intensity_robust=4),
    }


@experiment("everything-robust", "One network for all data sets and intensities", _everything)
def EVERYTHING(laboratory: Any) -> Outcome:
    settings, rows, curves, level = laboratory.settings, [], {}, 0.0
    alone = {f"{name} only": config for name, config in by_set(settings).items()}
    for label, config in (alone | _everything(settings)).items():
        try:
            curve = {
                peak: [laboratory.output_psnr(config, peak, dataset) for dataset in settings.sets.values()]
                for peak in PEAKS
            }
            inputs = [laboratory.scores(config, dataset)["input_psnr"] for dataset in settings.sets.values()]
        except NotTrained:
            continue
        curves[label] = {peak: float(np.mean(values)) for peak, values in curve.items()}
        level = float(np.mean(inputs))
        worst = {peak: min(np.subtract(values, inputs)) for peak, values in curve.items()}
        rows.append(
            Row(
                f"trained on {label}",
                f"mean {curves[label][1.0]:.2f} dB, worst set {worst[1.0]:+.2f} dB over its input; at p = 2 "
                f"{curves[label][2.0]:.2f} and {worst[2.0]:+.2f} dB",
                "–",
                _width(curves[label], level),
            )
        )
    if not curves:
        return Outcome([])
    notes = [f"Means over the {len(settings.sets)} data sets' test images, whose inputs have {level:.2f} dB."]
    drawn = figures.intensity(curves, level)
    return Outcome(rows, [("everything", "Mean PSNR over the objects' peak intensity.", drawn)], notes)


def _energy(settings: Settings) -> dict[str, TrainingConfig]:
    return {"MNIST": settings.headline}


@experiment("energy", "Where the energy goes", _energy, weight=4)
def ENERGY(laboratory: Any) -> Outcome:
    (config,) = _energy(laboratory.settings).values()
    try:
        model = laboratory.model(config)
    except NotTrained:
        return Outcome([])
    from pyfdsr.data import to_intensity, upsample_nearest

    images = laboratory.images(config).images[:20]
    objects = upsample_nearest(to_intensity(images), config.support)
    ledger = energy_ledger(model, model.imaging.field(objects), denominator="window")
    fractions = ledger.fractions()
    names = {
        "lost_fourier_aperture": "lost at the masks' apertures",
        "lost_image_aperture": "lost at the windows",
        "absorbed": "absorbed",
        "output": "output",
    }
    rows = [Row(text, f"{100 * fractions[name]:.1f} %") for name, text in names.items()]
    rows[-1] = rows[-1]._replace(paper="about 6 %")
    notes = [
        f"{len(images)} test images; relative to the input energy in the window. What the input holds beside "
        f"the window ({100 * (ledger.input_grid / ledger.input_window - 1):.1f} %) enters the first unit, "
        f"too. The account balances to {ledger.residual:.0e}."
    ]
    pitch = config.pitch
    frequencies, curves = spectra_of(model, objects[:20], pitch)
    count = len(curves) - 1
    kept = ["input", *(f"behind unit {unit}" for unit in dict.fromkeys((1, (count + 1) // 2, count)))]
    step = 1 / (config.grid * pitch)
    drawn = figures.spectra(
        frequencies, {name: curves[name] for name in kept}, config.cutoff_bins * step, config.band / 2 * step
    )
    caption = (
        "Spectra along x. Dashed: limit of the imaging optics; dotted: of the masks; shaded: light that the "
        "next mask cannot collect."
    )
    return Outcome(
        rows,
        [
            ("energy", "Energy behind every unit, and what took it.", figures.ledger(ledger)),
            ("energy-spectra", caption, drawn),
        ],
        notes,
    )
