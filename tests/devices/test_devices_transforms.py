"""The windowed DFT by torch's operations."""

import pytest
import torch

from both_backends import assert_adjoint, both, random
from cases import CASES, LOW_RANK_CASES, PAPER, pair
from pyfdsr import _plans, backends
from pyfdsr.backends.by_torch.folded import FoldedTransform
from pyfdsr.backends.by_torch.pruned_fft import PrunedFft
from pyfdsr.backends.by_torch.windowed_dft import transform_of
from pyfdsr.functional import propagate, windowed_dft, windowed_idft
from tolerances import assert_close

KINDS = ("forward", "adjoint", "inverse", "inverse_adjoint")
ADJOINTS = {"forward": "adjoint", "inverse": "inverse_adjoint"}
CPU = torch.device("cpu")


def geometry_of(case):
    return backends.Geometry(pair(case.window), pair(case.band), pair(case.grid), case.centred)


def given(kind, geometry, *leading, dtype=torch.complex128, seed=0):
    to_band = kind in ("forward", "inverse_adjoint")
    return random(*leading, *(geometry.window if to_band else geometry.band), dtype=dtype, seed=seed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES + LOW_RANK_CASES + (PAPER,), ids=str)
def test_all_kinds_agree_with_the_core(other, case, kind):
    geometry = geometry_of(case)
    for dtype in (torch.complex64, torch.complex128):
        x = given(kind, geometry, 3, dtype=dtype)
        found = other.windowed_dft(x, kind, geometry)
        assert found.dtype == dtype and found.is_contiguous()
        # Dense on both sides: what the core's skeletons leave out is tested elsewhere.
        plan = _plans.windowed_dft_plan(*geometry, dtype == torch.complex128, "folded")
        assert_close("transform", found, getattr(plan, kind)(x.numpy(), 1))


@pytest.mark.parametrize("kind", ADJOINTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_adjointness(other, case, kind):
    geometry = geometry_of(case)
    x, v = given(kind, geometry), given(ADJOINTS[kind], geometry, seed=1)
    there, back = other.windowed_dft(x, kind, geometry), other.windowed_dft(v, ADJOINTS[kind], geometry)
    assert_adjoint((v, there), (back, x))


@pytest.mark.parametrize("case", [case for case in CASES if not case.centred], ids=str)
def test_ffts_of_rows_and_columns_agree_with_matrices(case):
    geometry = geometry_of(case)
    fft, matrices = PrunedFft(geometry), FoldedTransform(geometry, torch.float64, CPU)
    x = given("forward", geometry, 2)
    expected = matrices.to_frequency(matrices.space.of(x) * matrices.ramp) * matrices.counter_ramp
    expected = matrices.frequency.natural(expected)
    assert_close("transform", fft.to_frequency(x), expected)
    v = given("adjoint", geometry, 2)
    back = matrices.to_space(matrices.frequency.of(v) * matrices.counter_ramp.conj())
    assert_close("transform", fft.to_space(v), matrices.space.natural(back * matrices.ramp.conj()))


def test_large_whole_grids_take_ffts():
    large = backends.Geometry((700, 700), (700, 700), (2100.0, 2100.0), False)
    assert isinstance(transform_of(large, False, CPU), PrunedFft)
    assert isinstance(transform_of(large._replace(centred=True, window=(9, 9)), False, CPU), FoldedTransform)
    assert isinstance(transform_of(geometry_of(PAPER), False, CPU), FoldedTransform)


@pytest.mark.parametrize("shape", [(0, 6, 7), (6, 7), (2, 1, 3, 6, 7)], ids=str)
def test_leading_axes(other, shape):
    found, expected = both(lambda x: windowed_dft(x, (18, 20), (5, 4)), random(*shape).requires_grad_())
    for ours, theirs in zip(found, expected, strict=True):
        assert_close("transform", ours, theirs)


def test_other_layouts_and_real_input():
    for x in (random(7, 6, 2).permute(2, 1, 0), random(2, 12, 14)[:, ::2, ::2], random(2, 6, 7).conj()):
        (ours,), (theirs,) = both(lambda x: windowed_idft(x, (18, 20), (5, 4)), x)
        assert_close("transform", ours, theirs)
    (ours,), (theirs,) = both(lambda x: windowed_dft(x, 18, 5), random(2, 6, 7, dtype=torch.float32))
    assert ours.dtype == theirs.dtype == torch.complex64
    assert_close("transform", ours, theirs)


def test_free_space():
    x = random(2, 12, 13).requires_grad_()
    found, expected = both(lambda x: propagate(x, 1e-4, 4e-6, 550e-9), x)
    for ours, theirs in zip(found, expected, strict=True):
        assert_close("layer", ours, theirs)


def test_gradients_of_any_order():
    x = random(2, 4, 5).requires_grad_()
    with backends.forced("torch"):
        assert torch.autograd.gradcheck(lambda x: windowed_dft(x, 12, (3, 4)), x)
        assert torch.autograd.gradgradcheck(lambda x: windowed_idft(x, 12, (3, 4)), x)


def test_autocast_leaves_the_precision_alone():
    x = random(2, 6, 7, dtype=torch.complex64)
    with torch.autocast("cpu"):
        (ours,), (theirs,) = both(lambda x: windowed_dft(x, 18, 5), x)
    assert_close("transform", ours, theirs)
