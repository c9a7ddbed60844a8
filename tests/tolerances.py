"""Every numerical tolerance of the tests, in units of the machine epsilon of the compared precision.

An error is relative to the largest magnitude of the expected array ("maximum") or a relative L2 norm ("l2").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """How far two results may lie apart: `units` of eps, measured by `norm`, and why."""

    units: float
    reason: str
    norm: str = "maximum"


TOLERANCES = {
    "exact": Tolerance(0, "the same additions in the same order: identical bits"),
    "pointwise": Tolerance(16, "a few correctly rounded operations and one or two library functions"),
    "fast_pointwise": Tolerance(
        64, "polynomial sine and cosine: 2 to 4 eps, plus the rounded argument, |angle| up to 16"
    ),
    "transform": Tolerance(
        32, "a sum of S products errs by sqrt(S)·eps, S up to 112, on two axes; matrices are rounded once"
    ),
    "low_rank": Tolerance(
        64, "the truncated factors are cut where their error falls below the rounding of a dense product"
    ),
    "layer": Tolerance(128, "two transforms and a nonlinearity of slope up to about 4"),
    "gradient": Tolerance(256, "a layer forward and its adjoint, errors of both adding up"),
    "adjointness": Tolerance(
        64, "two inner products, each with sqrt(samples)·eps, relative to the product of the norms"
    ),
    "reduction": Tolerance(64, "a sum over at most 10^5 values in another order: sqrt(10^5)/5 eps"),
    "float32_network_gradient": Tolerance(
        8.4, "phase gradient of ten layers, relative L2 at most 1e-6 in float32 (eps 1.19e-7)", "l2"
    ),
    "float32_network_output": Tolerance(42, "output of ten layers, at most 5e-6 of the maximum in float32"),
    "float64_network": Tolerance(4500, "ten layers, relative L2 at most 1e-12 in float64", "l2"),
    "float64_free_space": Tolerance(
        1e6,
        "free space turns phases by 2πd/λ = 6000 rad, rounded to its eps; three Kerr layers multiply by 30",
        "l2",
    ),
    "convolution": Tolerance(
        84,
        "two transforms and a sum over channels: at most 1e-5 of the output's scale in float32 (eps 1.19e-7)",
    ),
    "chip_ideal_single": Tolerance(8.4, "frames without errors: 1e-6 in float32 (eps 1.19e-7)"),
    "chip_ideal_double": Tolerance(4500, "frames without errors: 1e-12 in float64 (eps 2.2e-16)"),
    "chip_noise": Tolerance(
        64, "normal deviates in single precision, 4 eps each, up to 16 of them summed at the noise's scale"
    ),
    "ledger": Tolerance(4.5e10, "energy balance closes to 1e-5 in float64"),
    "ledger_rounding": Tolerance(
        1e5, "energies summed over 10^5 samples and ten layers, relative to the input: 2e-11 in float64"
    ),
}


def epsilon(dtype: Any) -> float:
    """Machine epsilon of a NumPy or torch, real or complex dtype, or of its name."""
    if str(dtype).startswith("torch."):
        dtype = str(dtype).removeprefix("torch.")
    return float(np.finfo(np.dtype(dtype)).eps)


def allowed(name: str, dtype: Any) -> float:
    """Tolerance `name` as a number for results computed in `dtype`."""
    return TOLERANCES[name].units * epsilon(dtype)


def as_array(values: Any) -> np.ndarray:
    """NumPy array of an array, a tensor (with or without gradient) or a number."""
    return np.asarray(values.detach().cpu().numpy() if hasattr(values, "detach") else values)


def relative_error(actual: Any, expected: Any, norm: str = "maximum") -> float:
    """Error of `actual` relative to `expected`; NaN counts as infinite."""
    actual, expected = as_array(actual), as_array(expected)
    assert actual.shape == expected.shape, f"shape {actual.shape} instead of {expected.shape}"
    if expected.size == 0:
        return 0.0
    size = np.abs if norm == "maximum" else lambda values: np.atleast_1d(np.linalg.norm(values))
    wide = np.complex128 if np.iscomplexobj(expected) or np.iscomplexobj(actual) else np.float64
    difference = size(actual.astype(wide) - expected.astype(wide)).max()
    scale = size(expected).max()
    error = difference / scale if scale else difference
    return float("inf") if np.isnan(error) else float(error)


def assert_close(name: str, actual: Any, expected: Any, dtype: Any = None) -> None:
    """Fail unless `actual` agrees with `expected` within tolerance `name` at its (or the given) precision."""
    tolerance = TOLERANCES[name]
    dtype = as_array(actual).dtype if dtype is None else dtype
    error, limit = relative_error(actual, expected, tolerance.norm), allowed(name, dtype)
    assert error <= limit, (
        f"{name}: {tolerance.norm} error {error:.3g} = {error / epsilon(dtype):.3g} eps, "
        f"allowed {tolerance.units:g} eps ({tolerance.reason})"
    )
