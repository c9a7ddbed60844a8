"""How well the network does: data sets, imaging optics, depth, size of the layers, nonlinearity."""

from __future__ import annotations

from typing import Any

from pyfdsr.training import TrainingConfig

from . import figures
from .experiment import Outcome, Row, experiment
from .laboratory import NotTrained
from .settings import Settings

__all__ = ["AMPLITUDE", "DEPTH", "FIG2", "NA", "WIDE"]

_BOUND = {"within": "", "coarser": "> ", "finer": "< "}
_CUTOFFS = {84.0: 8.5742, 134.4: 5.8182, 168.0: 4.5252}  # µm to bins of the paper's grid
_PAPER_GAINS = {51.7: 1.8, 84.0: 2.0, 134.4: 2.6, 168.0: 3.0}
_DEPTHS = (1, 2, 4, 6, 8, 10, 12)
_GATE = "optoelectronic_gate:t_min=0.1,t_max=1,threshold=0.5,exponent=2"


def psnr_text(scores: dict[str, Any]) -> str:
    """Return "input → output dB"."""
    return f"{scores['input_psnr']:.2f} → {scores['output_psnr']:.2f} dB"


def _micrometres(length: float) -> float:
    return 1e6 * length


def _resolution(scores: dict[str, Any]) -> str:
    bound = _BOUND[scores["resolution_status"]]
    return (
        f"{_micrometres(scores['input_resolution']):.1f} → {bound}"
        f"{_micrometres(scores['output_resolution']):.1f} µm"
    )


def _gain(scores: dict[str, Any]) -> float:
    return scores["input_resolution"] / scores["output_resolution"]


def trained_scores(laboratory: Any, configs: dict[Any, TrainingConfig]) -> dict[Any, dict[str, Any]]:
    """Return the scores of those networks that have been trained, by their labels."""
    found = {}
    for label, config in configs.items():
        try:
            found[label] = laboratory.scores(config)
        except NotTrained:
            continue
    return found


def by_set(settings: Settings) -> dict[str, TrainingConfig]:
    """Return the paper's network on each data set."""
    return {name: settings.config(dataset) for name, dataset in settings.sets.items()}


def _fig2(settings: Settings) -> dict[str, TrainingConfig]:
    return by_set(settings) | {next(iter(settings.sets)): settings.headline}


@experiment("fig2", "Figure 2: how far the network restores its inputs", _fig2, weight=4)
def FIG2(laboratory: Any) -> Outcome:
    found = trained_scores(laboratory, _fig2(laboratory.settings))
    paper = {
        "MNIST": {"PSNR": "16.1 → 19.8 dB", "energy": "about 6 %"},
        "FashionMNIST": {"PSNR": "a bar without number"},
        "Quick, Draw!": {"PSNR": "a bar without number"},
    }
    rows = []
    for name, scores in found.items():
        ours = {
            "PSNR": psnr_text(scores),
            "SSIM": f"{scores['input_ssim']:.3f} → {scores['output_ssim']:.3f}",
            "resolution": _resolution(scores),
            "energy": f"{100 * scores['energy_fraction']:.1f} %",
        }
        papers = paper[name.rpartition(" for ")[2]]
        rows += [Row(f"{name}: {what}", value, papers.get(what, "–")) for what, value in ours.items()]
    if found:
        gains = [_gain(scores) for scores in found.values()]
        rows.append(Row("mean gain in resolution", f"{sum(gains) / len(gains):.2f}×", "1.8× of at most 4.3×"))
    drawn = (
        [("fig2", "Low-resolution inputs and outputs of three networks.", figures.bars(found))]
        if found
        else []
    )
    for name, config in _fig2(laboratory.settings).items():
        if name in found:
            picture = figures.samples(laboratory.pictures(config, 8))
            label = "".join(filter(str.isalnum, name)).lower()
            drawn.append((f"fig2-{label}", f"{name}: objects, inputs and outputs.", picture))
    return Outcome(rows, drawn)


def _na(settings: Settings) -> dict[Any, TrainingConfig]:
    return {
        f"{resolution:g} µm, {name}": settings.config(dataset, cutoff_bins=bins)
        for resolution, bins in _CUTOFFS.items()
        for name, dataset in settings.sets.items()
    }


@experiment("na", "Coarser imaging optics", _na)
def NA(laboratory: Any) -> Outcome:
    settings = laboratory.settings
    default = {f"51.7 µm, {name}": config for name, config in by_set(settings).items()}
    found = trained_scores(laboratory, {**default, **_na(settings)})
    rows, points = [], {}
    for resolution, paper in _PAPER_GAINS.items():
        gains = {
            label.partition(", ")[2]: _gain(scores)
            for label, scores in found.items()
            if label.startswith(f"{resolution:g} µm")
        }
        if gains:
            points[resolution] = sum(gains.values()) / len(gains)
            note = ", ".join(f"{name} {gain:.2f}×" for name, gain in gains.items())
            rows.append(
                Row(f"mean gain from {resolution:g} µm", f"{points[resolution]:.2f}×", f"{paper:g}×", note)
            )
    drawn = [("na", "Gain in resolution over that of the input.", figures.gains(points, _PAPER_GAINS))]
    return Outcome(rows, drawn if points else [])


def _depth(settings: Settings) -> dict[Any, TrainingConfig]:
    return {
        f"{depth} unit{'s' if depth > 1 else ''}": settings.config(settings.digits, num_layers=depth)
        for depth in _DEPTHS
    }


@experiment("depth", "Number of units", _depth)
def DEPTH(laboratory: Any) -> Outcome:
    found = trained_scores(laboratory, _depth(laboratory.settings))
    if not found:
        return Outcome([])
    rows = [
        Row(label, f"{psnr_text(scores)}, {100 * scores['energy_fraction']:.1f} %", "supplement, not at hand")
        for label, scores in found.items()
    ]
    points = [
        (int(label.split()[0]), scores["output_psnr"], scores["energy_fraction"])
        for label, scores in found.items()
    ]
    level = next(iter(found.values()))["input_psnr"]
    caption = "PSNR and energy over the number of units."
    return Outcome(rows, [("depth", caption, figures.depth(points, level))])


def _wide(settings: Settings) -> dict[Any, TrainingConfig]:
    size = settings.support
    # The same object on twice as many samples of half the pitch; the optics pass the same periods a window.
    finer = {"support": 2 * size, "band": 2 * size, "grid": 4 * size, "pitch": 2e-6 / settings.scale}
    return {
        "paper's size": settings.config(settings.digits),
        "mask twice as wide": settings.config(settings.digits, band=2 * size),
        "mask and window of twice the samples": settings.config(
            settings.digits, 0.5, cutoff_bins=13.5757 * 2 / 3, **finer
        ),
    }


@experiment("wide", "Wider layers", _wide)
def WIDE(laboratory: Any) -> Outcome:
    found = trained_scores(laboratory, _wide(laboratory.settings))
    rows = [
        Row(
            label,
            f"{psnr_text(scores)}, {100 * scores['energy_fraction']:.1f} %",
            "19.8 dB, 6 %" if label == "paper's size" else "20.3 dB, 10 %",
        )
        for label, scores in found.items()
    ]
    notes = ["The paper does not say which of the two its doubled width and height is."]
    return Outcome(rows, [("wide", "PSNR and energy.", figures.two_bars(found))] if found else [], notes)


def _amplitude(settings: Settings) -> dict[Any, TrainingConfig]:
    return {
        "Kerr": settings.config(settings.digits),
        "optoelectronic gate": settings.config(settings.digits, nonlinearity=_GATE),
        "saturable Kerr": settings.config(
            settings.digits, nonlinearity="saturable_kerr:strength=3.141592653589793,saturation=1"
        ),
        "saturable absorber": settings.config(
            settings.digits, nonlinearity="saturable_absorber:optical_depth=1,saturation=0.5"
        ),
    }


@experiment("amplitude", "Other nonlinearities", _amplitude)
def AMPLITUDE(laboratory: Any) -> Outcome:
    found = trained_scores(laboratory, _amplitude(laboratory.settings))
    paper = {"Kerr": "19.8 dB, 6 %", "optoelectronic gate": "trains, too"}
    rows = [
        Row(label, f"{psnr_text(scores)}, {100 * scores['energy_fraction']:.1f} %", paper.get(label, "–"))
        for label, scores in found.items()
    ]
    notes = ["The gate's parameters are ours: the device's fit was not at hand."]
    return Outcome(rows, [("amplitude", "PSNR and energy.", figures.two_bars(found))] if found else [], notes)
