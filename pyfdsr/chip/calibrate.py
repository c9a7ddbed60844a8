"""Full scales of a model's converters from what they meet on sample data."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from pyfdsr._chip import quantile_of

from .convert import optical_layers

__all__ = ["calibrate_ranges"]


def _inputs(batch: Any) -> Any:
    return batch[0] if isinstance(batch, (list, tuple)) else batch


def calibrate_ranges(
    model: nn.Module,
    loader: Iterable[Any],
    method: str = "quantile",
    quantile: float = 0.9995,
) -> nn.Module:
    """Set every range that the configuration of a model's optical layers calls ``"calibrated"``.

    The model runs over the data with ideal converters, which gives the DACs' full scales, and then, where
    ADCs are to be calibrated, with its DACs as they are, which gives those of the ADCs.

    Parameters
    ----------
    model : torch.nn.Module
        Its optical layers are set in place; its mode is restored.
    loader : iterable
        Batches; of a tuple or list the first entry is the input.
    method : {"quantile", "abs_max"}
        The full scale is this quantile of the magnitudes met (to within a bin of 1.6 %), or the largest of
        them.
    quantile : float
        Above 0, at most 1.

    Returns
    -------
    torch.nn.Module
        `model`.

    Raises
    ------
    TypeError, ValueError
        For a model that is no module, an unknown method, a quantile out of range, a loader without data,
        or data that are zero everywhere; the ranges are then as they were.

    Warns
    -----
    UserWarning
        If a layer met no data and keeps the ranges it has, or if layers share a `layer_id` and with it their
        noise.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import chip, nn
    >>> layer = nn.OpticalConv2d(1, 4, 3, chip=chip.ChipConfig.assumed_4bit())
    >>> _ = chip.calibrate_ranges(layer, [torch.rand(8, 1, 20, 20)])
    >>> bool(layer.chip_ranges.isfinite()[:, 1].all())
    True
    """
    if method not in ("quantile", "abs_max"):
        raise ValueError(f"method={method!r}: must be 'quantile' or 'abs_max'")
    if isinstance(quantile, bool) or not isinstance(quantile, (int, float)) or not 0 < quantile <= 1:
        raise ValueError(f"quantile={quantile!r}: must be above 0 and at most 1")
    layers = {name: layer for name, layer in optical_layers(model) if not layer.chip.is_perfect}
    _check_numbers(layers)
    level = 1.0 if method == "abs_max" else float(quantile)
    kinds = [kind for kind in ("dac", "adc") if any(_wanted(layer, kind) for layer in layers.values())]
    batches = list(loader) if len(kinds) > 1 and iter(loader) is loader else loader
    before = {layer: layer.chip_ranges.clone() for layer in layers.values()}
    unmet: set[str] = set()
    try:
        for kind in kinds:
            _observe(model, list(layers.values()), batches, kind)
            unmet |= _set_ranges(layers, kind, level)
    except BaseException:
        for layer, ranges in before.items():
            layer.chip_ranges.copy_(ranges)
            layer.calls.clear()
        raise
    if unmet:
        names = ", ".join(repr(name) for name in layers if name in unmet)
        warnings.warn(f"no batch reached {names}: these layers keep the ranges they have", stacklevel=2)
    return model


def _check_numbers(layers: dict[str, Any]) -> None:
    first: dict[int, str] = {}
    for name, layer in layers.items():
        other = first.setdefault(layer.layer_id, name)
        if other != name and layer.chip.noise.temporal:
            warnings.warn(
                f"layers {other!r} and {name!r} share layer_id={layer.layer_id} and draw the same noise: "
                "give each its own",
                stacklevel=3,
            )


def _wanted(layer: Any, kind: str) -> list[tuple[int, int]]:
    """Places (stage, column) of `chip_ranges` that are to be calibrated."""
    chip, stages = layer.chip, range(layer.chip_ranges.shape[0])
    if kind == "adc":
        return [(stage, 1) for stage in stages if chip.adc.range == "calibrated"]
    bounds = (chip.dac.inner_bound if stage else chip.dac.bound for stage in stages)
    return [(stage, 0) for stage, bound in enumerate(bounds) if bound == "calibrated"]


def _observe(model: nn.Module, layers: list[Any], batches: Iterable[Any], kind: str) -> None:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    for layer in layers:
        layer.observing, layer.histograms = kind, None
    try:
        with torch.no_grad():
            for batch in batches:
                model(_inputs(batch))
    finally:
        for layer in layers:
            layer.observing = None
        for module, training in modes.items():
            module.training = training


def _set_ranges(layers: dict[str, Any], kind: str, level: float) -> set[str]:
    """Set the ranges of one kind of converter; return the names of layers that met nothing."""
    seen = {name: layer.histograms for name, layer in layers.items()}
    for layer in layers.values():
        layer.histograms = None
    if all(histograms is None for histograms in seen.values()):
        raise ValueError("loader: no batch reached an optical layer; it must give at least one")
    scales, unmet = [], set()
    for name, layer in layers.items():
        wanted, histograms = _wanted(layer, kind), seen[name]
        if wanted and histograms is None:
            unmet.add(name)
            continue
        for stage, column in wanted:
            scale = quantile_of(histograms[column, stage], level)
            if not 0 < scale < float("inf"):
                raise ValueError(
                    f"loader: the {kind.upper()} of stage {stage} of layer {name!r} met no finite values "
                    "other than 0"
                )
            scales.append((layer, stage, column, scale))
    for layer, stage, column, scale in scales:
        layer.chip_ranges[stage, column] = scale
        layer.calls.clear()  # they had other full scales
    return unmet
