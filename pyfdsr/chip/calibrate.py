"""Full scales of a model's converters from what they meet on sample data."""

from __future__ import annotations

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
        or data that are zero everywhere.

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
    layers = [layer for _, layer in optical_layers(model) if not layer.chip.is_perfect]
    level = 1.0 if method == "abs_max" else float(quantile)
    passes = []
    if any("calibrated" in (layer.chip.dac.bound, layer.chip.dac.inner_bound) for layer in layers):
        passes.append("dac")
    if any(layer.chip.adc.range == "calibrated" for layer in layers):
        passes.append("adc")
    batches = list(loader) if len(passes) > 1 and iter(loader) is loader else loader
    for kind in passes:
        _observe(model, layers, batches, kind)
        for layer in layers:
            _set_ranges(layer, kind, level)
    return model


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


def _set_ranges(layer: Any, kind: str, level: float) -> None:
    seen, layer.histograms = layer.histograms, None
    if seen is None:
        raise ValueError("loader: no batch reached an optical layer; it must give at least one")
    dac = layer.chip.dac
    for stage in range(layer.chip_ranges.shape[0]):
        if kind == "adc":
            wanted, column = layer.chip.adc.range, 1
        else:
            wanted, column = dac.bound if stage == 0 else dac.inner_bound, 0
        if wanted != "calibrated":
            continue
        scale = quantile_of(seen[column, stage], level)
        if not 0 < scale < float("inf"):
            raise ValueError(f"loader: the {kind.upper()} of stage {stage} met no finite values other than 0")
        layer.chip_ranges[stage, column] = scale
