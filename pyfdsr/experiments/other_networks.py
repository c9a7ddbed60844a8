"""The same questions to other networks: a classifier, free space in place of lenses, three wavelengths."""

from __future__ import annotations

from typing import Any

from pyfdsr.training import TrainingConfig

from . import figures
from .experiment import Outcome, Row, experiment
from .laboratory import NotTrained
from .quality import psnr_text, trained_scores
from .settings import Settings

__all__ = ["CLASSIFY", "D2NN", "POLYCHROMATIC"]

# Found by scripts/diffractive_search.py; stronger layers break the light up into spots before masks learn.
_WEAK_KERR, _RATE = "kerr:strength=0.3", 0.05
_LEVELS = (0.25, 0.5, 1.0, 1.5, 2.0, 4.0)


def _classify(settings: Settings) -> dict[str, TrainingConfig]:
    return {"MNIST": settings.config(settings.digits, 2, model="classifier")}


@experiment("classify", "Classification", _classify, weight=2)
def CLASSIFY(laboratory: Any) -> Outcome:
    (config,) = _classify(laboratory.settings).values()
    try:
        found = {peak: laboratory.scores(config, peak=peak) for peak in _LEVELS}
    except NotTrained:
        return Outcome([])
    accuracy = {peak: 100 * scores["accuracy"] for peak, scores in found.items()}
    rows = [
        Row("accuracy", f"{accuracy[1.0]:.1f} %", "94.8 %"),
        Row("drop at twice the intensity", f"{accuracy[1.0] - accuracy[2.0]:.1f} points", "33 %"),
        Row("energy on the detectors", f"{100 * found[1.0]['detector_fraction']:.2f} %", "a small part"),
        Row("energy in the window", f"{100 * found[1.0]['energy_fraction']:.2f} %"),
    ]
    drawn = figures.accuracy(accuracy, found[1.0]["confusion"])
    caption = "Accuracy over the peak intensity; images by true and named class."
    return Outcome(rows, [("classify", caption, drawn)])


def _d2nn(settings: Settings) -> dict[str, TrainingConfig]:
    # Light spreads over the window after S·p²/λ.
    distance = TrainingConfig.distance / settings.scale
    weak = {"nonlinearity": _WEAK_KERR, "learning_rate": _RATE}
    config = settings.config(settings.digits, 2, model="diffractive", distance=distance, **weak)
    return {"MNIST": config}


@experiment("d2nn", "Free space in place of lenses", _d2nn)
def D2NN(laboratory: Any) -> Outcome:
    (config,) = _d2nn(laboratory.settings).values()
    try:
        scores = laboratory.scores(config)
    except NotTrained:
        return Outcome([])
    curve = {peak: laboratory.output_psnr(config, peak) for peak in _LEVELS}
    rows = [
        Row("PSNR", psnr_text(scores), "16.1 → 17.4 dB"),
        Row("energy", f"{100 * scores['energy_fraction']:.1f} %", "1 %"),
        Row("at twice the intensity", f"{curve[2.0]:.2f} dB", "16.6 dB"),
        Row("at four times the intensity", f"{curve[4.0]:.2f} dB", "14.2 dB"),
    ]
    notes = ["Distances, pitch and number of planes are ours: the paper's main text gives none."]
    drawn = [
        ("d2nn", "Objects, inputs and outputs.", figures.samples(laboratory.pictures(config, 8))),
        ("d2nn-intensity", "PSNR over the objects' peak intensity.",
         figures.intensity({"diffractive network": curve}, scores["input_psnr"])),
    ]  # fmt: skip
    return Outcome(rows, drawn, notes)


def _polychromatic(settings: Settings) -> dict[str, TrainingConfig]:
    return {
        "total intensity": settings.config(settings.digits, 0.5, model="polychromatic"),
        "own intensity": settings.config(settings.digits, 0.5, model="polychromatic", drive="own"),
    }


@experiment("polychromatic", "Three wavelengths", _polychromatic)
def POLYCHROMATIC(laboratory: Any) -> Outcome:
    found = trained_scores(laboratory, _polychromatic(laboratory.settings))
    rows = [
        Row(
            f"Kerr layers follow the {label}",
            f"{psnr_text(scores)}, {100 * scores['energy_fraction']:.1f} %",
            "improves, with the same trade-off",
        )
        for label, scores in found.items()
    ]
    drawn = [("polychromatic", "PSNR and energy.", figures.two_bars(found))] if found else []
    return Outcome(rows, drawn)
