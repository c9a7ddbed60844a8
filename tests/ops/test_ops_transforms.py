"""The windowed DFT on arrays: direct sums, adjoint identities, algorithms, layouts, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyfdsr
from cases import CASES, INTEGER_CASES, LOW_RANK_CASES, PAPER
from pyfdsr import _plans, ops
from pyfdsr.reference import direct_sums
from tolerances import assert_close, epsilon

ALGORITHMS = ("auto", "folded", "skeleton", "fftw")
DTYPES = (np.complex64, np.complex128)


def draw(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)


def sizes(case, name):
    value = getattr(case, name)
    return value if isinstance(value, tuple) else (value, value)


def tolerance_of(algorithm):
    return "low_rank" if algorithm in ("auto", "skeleton") else "transform"


def algorithms_for(case):
    return [a for a in ALGORITHMS if a != "fftw" or not case.centred]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_verb_equals_the_direct_sum(case, dtype):
    x, v = draw((2, *sizes(case, "window")), dtype), draw((2, *sizes(case, "band")), dtype, seed=1)
    for algorithm in algorithms_for(case):
        name = tolerance_of(algorithm)
        for verb, argument, size in (
            ("windowed_dft", x, case.band),
            ("windowed_idft", v, case.window),
            ("windowed_dft_adjoint", v, case.window),
            ("windowed_idft_adjoint", x, case.band),
        ):
            result = getattr(ops, verb)(argument, case.grid, size, algorithm=algorithm)
            assert result.dtype == dtype
            assert_close(name, result, getattr(direct_sums, verb)(argument, case.grid, size))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", LOW_RANK_CASES, ids=str)
def test_skeletons_equal_the_direct_sum(case, dtype):
    window, band = sizes(case, "support"), sizes(case, "band")
    grid, double = tuple(map(float, sizes(case, "grid"))), dtype == np.complex128
    plan = _plans.windowed_dft_plan(window, band, grid, case.centred, double, "skeleton")
    if case.name != "low-rank-whole-grid-in":
        assert min(plan.rank) > 0
    x, v = draw((1, *window), dtype), draw((1, *band), dtype, seed=1)
    for verb, argument, size in (
        ("windowed_dft", x, band),
        ("windowed_idft", v, window),
        ("windowed_dft_adjoint", v, window),
        ("windowed_idft_adjoint", x, band),
    ):
        result = getattr(ops, verb)(argument, case.grid, size, algorithm="skeleton")
        assert_close("low_rank", result, getattr(direct_sums, verb)(argument, case.grid, size))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_paper_geometry(algorithm):
    x = draw((1, 112, 112), np.complex64)
    expected = direct_sums.windowed_dft(x, PAPER.grid, PAPER.band)
    assert_close(tolerance_of(algorithm), ops.windowed_dft(x, 336, 112, algorithm=algorithm), expected)


def test_the_paper_geometry_uses_a_skeleton():
    plan = _plans.windowed_dft_plan((112, 112), (112, 112), (336.0, 336.0), False, False)
    dense = _plans.windowed_dft_plan((112, 112), (112, 112), (336.0, 336.0), False, False, "folded")
    assert plan.algorithm == "skeleton"
    assert max(plan.rank) <= 32
    assert plan.flops < 0.7 * dense.flops
    assert plan.nbytes < dense.nbytes


def test_large_transforms_use_fftw():
    assert (
        _plans.windowed_dft_plan((700, 700), (700, 700), (1400.0, 1400.0), False, False).algorithm == "fftw"
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_adjoint_identity_holds_for_any_geometry(data):
    def axis():
        grid = data.draw(st.integers(1, 40), label="grid")
        return (grid, *(data.draw(st.integers(1, grid), label=name) for name in ("window", "band")))

    (ny, sy, my), (nx, sx, mx) = axis(), axis()
    algorithm = data.draw(st.sampled_from(ALGORITHMS), label="algorithm")
    x, v = draw((sy, sx), np.complex128), draw((my, mx), np.complex128, seed=1)
    for forward, adjoint, a, b in (
        (ops.windowed_dft, ops.windowed_dft_adjoint, x, v),
        (ops.windowed_idft, ops.windowed_idft_adjoint, v, x),
    ):
        y = forward(a, (ny, nx), b.shape, algorithm=algorithm)
        v_a = adjoint(b, (ny, nx), a.shape, algorithm=algorithm)
        scale = np.linalg.norm(y) * np.linalg.norm(b)
        assert abs(np.vdot(b, y) - np.vdot(v_a, a)) <= 64 * epsilon(np.complex128) * scale + 1e-300


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_threads_change_no_bit(algorithm):
    x = draw((7, 30, 28), np.complex64)
    results = []
    try:
        for threads in (1, 2, 5):
            pyfdsr.set_num_threads(threads)
            results.append(ops.windowed_dft(x, 90, 26, algorithm=algorithm))
    finally:
        pyfdsr.set_num_threads(None)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_any_layout_and_leading_axes():
    x = draw((3, 2, 9, 8), np.complex128)
    expected = direct_sums.windowed_dft(x, 24, 7)
    assert_close("transform", ops.windowed_dft(x, 24, 7), expected)
    strided = np.zeros((3, 2, 18, 16), np.complex128)
    strided[..., ::2, ::2] = x
    frozen = strided[..., ::2, ::2]
    frozen.flags.writeable = False
    before = frozen.copy()
    assert_close("transform", ops.windowed_dft(frozen, 24, 7), expected)
    assert np.array_equal(frozen, before)
    swapped = np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)
    assert_close("transform", ops.windowed_dft(swapped, 24, 7), expected)
    assert ops.windowed_dft(x[:0], 24, 7).shape == (0, 2, 7, 7)
    assert_close(
        "transform", ops.windowed_dft(x[0, 0].real, 24, 7), direct_sums.windowed_dft(x[0, 0].real, 24, 7)
    )
    half = ops.windowed_dft(np.ones((4, 4), np.float16), 12, 4)
    assert half.dtype == np.complex64
    swapped = ops.windowed_dft(x.astype(x.dtype.newbyteorder()), 24, 7)
    assert swapped.dtype == np.complex128
    assert_close("transform", swapped, expected)


def test_nan_stays_in_its_image():
    x = draw((2, 8, 8), np.complex64)
    x[0, 3, 3] = np.nan
    y = ops.windowed_dft(x, 24, 8)
    assert np.isnan(y[0]).all()
    assert np.isfinite(y[1]).all()


def test_measured_plans_agree_with_estimated_ones():
    x = draw((1, 24, 24), np.complex64)
    expected = direct_sums.windowed_dft(x, 72, 24)
    pyfdsr.set_planner("measure")
    try:
        assert_close("low_rank", ops.windowed_dft(x, 72, 24), expected)
        assert_close("transform", ops.windowed_dft(x, 72, 24, algorithm="fftw"), expected)
    finally:
        pyfdsr.set_planner("estimate")


@pytest.mark.parametrize("case", INTEGER_CASES[:4], ids=str)
def test_inverse_undoes_the_transform_of_the_whole_grid(case):
    x = draw(sizes(case, "window"), np.complex128)
    grid = case.grid
    assert_close("transform", ops.windowed_idft(ops.windowed_dft(x, grid, grid), grid, case.window), x)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "x has dtype int64", lambda: ops.windowed_dft(np.ones((4, 4), int), 12, 4)),
        (TypeError, "x has dtype object", lambda: ops.windowed_dft(np.full((4, 4), None), 12, 4)),
        (ValueError, "at least two axes", lambda: ops.windowed_dft(np.ones(4), 12, 4)),
        (ValueError, "must not be empty", lambda: ops.windowed_dft(np.ones((0, 4)), 12, 4)),
        (
            ValueError,
            r"band=\(13, 13\): must not be larger",
            lambda: ops.windowed_dft(np.ones((4, 4)), 12, 13),
        ),
        (ValueError, r"x=\(14, 4\): must not be larger", lambda: ops.windowed_dft(np.ones((14, 4)), 12, 4)),
        (ValueError, "band=0: must be at least 1", lambda: ops.windowed_dft(np.ones((4, 4)), 12, 0)),
        (TypeError, "band=2.5: must be an integer", lambda: ops.windowed_dft(np.ones((4, 4)), 12, 2.5)),
        (ValueError, "grid=-12: must be greater than 0", lambda: ops.windowed_dft(np.ones((4, 4)), -12, 4)),
        (ValueError, "grid=nan: must be finite", lambda: ops.windowed_dft(np.ones((4, 4)), float("nan"), 4)),
        (ValueError, "band=None", lambda: ops.windowed_dft(np.ones((4, 4)), 12, None)),
        (ValueError, "algorithm='fast'", lambda: ops.windowed_dft(np.ones((4, 4)), 12, 4, algorithm="fast")),
        (ValueError, "centred grid", lambda: ops.windowed_dft(np.ones((4, 4)), 12.5, 4, algorithm="fftw")),
        (ValueError, "threads=0", lambda: pyfdsr.set_num_threads(0)),
        (TypeError, "threads=1.5", lambda: pyfdsr.set_num_threads(1.5)),
        (ValueError, "planner='guess'", lambda: pyfdsr.set_planner("guess")),
    ],
)
def test_bad_input_is_named(error, message, call):
    with pytest.raises(error, match=message):
        call()
