"""4f layers, nonlinear layers, stacks and propagation on arrays, with their adjoints."""

import numpy as np
import pytest

import pyfdsr
from cases import CASES, LOW_RANK_CASES
from pyfdsr import ops
from pyfdsr.nonlinearity import (
    Custom,
    Kerr,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
)
from pyfdsr.reference import direct_sums
from tolerances import assert_close, epsilon

SPECS = (
    Kerr(4.0),
    SaturableKerr(3.0, 0.7),
    SaturableAbsorber(1.5, 0.4),
    TwoPhotonAbsorption(2.0),
    OptoelectronicGate(0.1, 0.9, 0.5, 2.5),
)


def draw(shape, dtype=np.complex128, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)


def sizes(case, name):
    value = getattr(case, name)
    return value if isinstance(value, tuple) else (value, value)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_four_f_and_its_adjoint_equal_the_direct_sums(case):
    x, t = draw((2, *sizes(case, "window"))), draw(sizes(case, "band"), seed=1)
    v = draw((2, *sizes(case, "support")), seed=2)
    y = ops.four_f(x, t, case.grid, case.support)
    assert_close("low_rank", y, direct_sums.four_f(x, t, case.grid, case.support))
    v_x, v_t = ops.four_f_adjoint(v, x, t, case.grid)
    expected_x, expected_t = direct_sums.four_f_adjoint(v, x, t, case.grid)
    assert_close("gradient", v_x, expected_x)
    assert_close("gradient", v_t, expected_t)
    # Linear in the field and in the transfer: one inner product bounds each.
    scale = np.linalg.norm(v) * np.linalg.norm(y)
    assert abs(np.vdot(v, y) - np.vdot(v_x, x)) <= 64 * epsilon(np.complex128) * scale
    assert abs(np.vdot(v, y) - np.vdot(v_t, t)) <= 64 * epsilon(np.complex128) * scale


@pytest.mark.parametrize(
    ("x_lead", "t_lead"), [((), (3,)), ((3,), ()), ((2, 1), (3,)), ((1,), (4,)), ((0,), ())]
)
def test_four_f_broadcasts_and_sums(x_lead, t_lead):
    x, t = draw((*x_lead, 6, 6)), draw((*t_lead, 5, 5), seed=1)
    y = ops.four_f(x, t, 18)
    assert_close("transform", y, direct_sums.four_f(x, t, 18))
    v = draw(y.shape, seed=2)
    v_x, v_t = ops.four_f_adjoint(v, x, t, 18)
    expected_x, expected_t = direct_sums.four_f_adjoint(v, x, t, 18)
    assert_close("gradient", v_x, expected_x)
    assert_close("gradient", v_t, expected_t)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_four_f_adjoint_of_a_real_field_is_real(dtype):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 1, 6, 7)).astype(dtype)
    transfer, v = draw((3, 5, 4), np.result_type(dtype, 1j), seed=1), draw((2, 3, 6, 7), seed=2)
    v_x, v_transfer = ops.four_f_adjoint(v.astype(transfer.dtype), x, transfer, 18)
    expected_x, expected_transfer = direct_sums.four_f_adjoint(v, x, transfer, 18)
    assert v_x.dtype == dtype and v_transfer.dtype == transfer.dtype
    assert_close("gradient", v_x, expected_x.real)
    assert_close("gradient", v_transfer, expected_transfer)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("spec", [*SPECS, None], ids=lambda spec: getattr(spec, "kind", "none"))
def test_nonlinear_layers_equal_their_formulas(spec, dtype):
    x, v = draw((3, 101), dtype), draw((3, 101), dtype, seed=1)
    assert_close("fast_pointwise", ops.nonlinear(x, spec), direct_sums.nonlinearity(x, spec))
    v_x, _ = ops.nonlinear_adjoint(v, x, spec)
    assert_close("gradient", v_x, direct_sums.nonlinearity_adjoint(v, x, spec))


@pytest.mark.parametrize("angle", [0.0, 1e-30, 3.0, 1e3, 7e4, 1e6, 1e12, -2e5])
def test_sine_and_cosine_hold_for_any_angle(angle):
    for dtype in (np.complex64, np.complex128):
        strength = dtype(angle).real
        result = ops.nonlinear(np.ones(9, dtype), Kerr(float(strength)))
        # The angle itself is exact here: only sine and cosine are tested.
        expected = np.exp(1j * np.longdouble(strength))
        assert np.abs(result - expected).max() <= 4 * epsilon(dtype)


def test_nan_gives_nan_and_touches_no_neighbour():
    x = draw((64,), np.complex64)
    for spec in SPECS:
        healthy = ops.nonlinear(x, spec)
        for bad in (np.nan, 1e30):
            broken = x.copy()
            broken[5] = bad
            y = ops.nonlinear(broken, spec)
            assert np.array_equal(np.delete(y, 5), np.delete(healthy, 5))
            assert np.isnan(bad) == np.isnan(y[5]) or spec.kind in ("kerr", "saturable_kerr")


def test_the_tape_keeps_what_the_forward_call_saw():
    x, phases = draw((8, 8)), np.random.default_rng(0).standard_normal((2, 8, 8))
    y, tape = ops.four_f_stack(x, phases, 24, Kerr(1.0), save=True)
    expected = ops.four_f_stack_adjoint(y, tape)[1]
    phases[:] = 0
    assert np.array_equal(ops.four_f_stack_adjoint(y, tape)[1], expected)


@pytest.mark.parametrize("case", LOW_RANK_CASES, ids=str)
def test_stacks_through_skeletons_equal_dense_ones(case):
    phases = np.random.default_rng(0).standard_normal((2, *sizes(case, "band")))
    x, spec = draw(sizes(case, "window")) * 0.3, [Kerr(1.0), SaturableAbsorber(0.8, 0.6)]
    v = np.random.default_rng(1).standard_normal(sizes(case, "support"))
    results, ranks = [], []
    for algorithm in ("skeleton", "folded"):
        y, tape = ops.four_f_stack(
            x, phases, case.grid, spec, case.support, intensity=True, save=True, algorithm=algorithm
        )
        results.append((y, *ops.four_f_stack_adjoint(v, tape)[:2]))
        ranks.append(min(tape.plan.rank))
    assert ranks[1] == 0 and (ranks[0] > 0 or case.name == "low-rank-whole-grid-in")
    for ours, expected in zip(*results, strict=True):
        assert_close("gradient", ours, expected)


def test_parameter_gradients_equal_differences():
    x, v = draw((40,)), draw((40,), seed=1)
    for spec in SPECS:
        _, gradients = ops.nonlinear_adjoint(v, x, spec)
        values = spec.parameters()
        assert len(gradients) == len(values)
        for i, gradient in enumerate(gradients):
            ends = []
            for step in (1e-6, -1e-6):
                moved = type(spec)(*(value + step * (i == j) for j, value in enumerate(values)))
                ends.append(np.vdot(v, ops.nonlinear(x, moved)).real)
            # Central differences of step 1e-6: rounding eps/step dominates, about 1e-9 of the loss.
            assert gradient == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)


def kerr_like(intensity):
    return complex(np.cos(2.0 * intensity), np.sin(2.0 * intensity))


def kerr_like_derivative(intensity):
    return complex(-2.0 * np.sin(2.0 * intensity), 2.0 * np.cos(2.0 * intensity))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_custom_response_runs_inside_the_stack(dtype):
    pytest.importorskip("numba")
    custom = Custom(kerr_like, kerr_like_derivative)
    phases = np.random.default_rng(0).standard_normal((3, 9, 8)).astype(dtype)
    x = draw((2, 8, 9), np.complex64 if dtype == np.float32 else np.complex128)
    results = []
    for spec in (custom, Kerr(2.0)):
        y, tape = ops.four_f_stack(x, phases, 27, spec, save=True)
        results.append((y, *ops.four_f_stack_adjoint(np.ones_like(y), tape)[:2]))
    for ours, expected in zip(*results, strict=True):
        assert_close("gradient", ours, expected)


@pytest.mark.parametrize("spec", [*SPECS, None], ids=lambda spec: getattr(spec, "kind", "none"))
@pytest.mark.parametrize("support", [8, 7])
def test_stack_equals_its_pieces(spec, support):
    phases = np.random.default_rng(0).standard_normal((3, 6, 7))
    aperture = np.random.default_rng(1).uniform(size=(2, 6, 7))
    x = draw((2, 8, 8))
    y = ops.four_f_stack(x, phases, 24, spec, support, aperture=aperture)
    expected = x
    for layer, phase in enumerate(phases):
        transfer = np.exp(1j * phase) * (aperture[layer] if layer < 2 else 1)
        expected = ops.nonlinear(ops.four_f(expected, transfer, 24, support), spec)
    assert_close("layer", y, expected)
    intensity = ops.four_f_stack(x, phases, 24, spec, support, aperture=aperture, intensity=True)
    assert_close("layer", intensity, np.abs(expected) ** 2)


@pytest.mark.parametrize("algorithm", ["folded", "fftw"])
@pytest.mark.parametrize("intensity", [False, True])
@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize(("window", "support", "band"), [(8, 8, 8), (8, 9, 7), (9, 9, 9), (7, 10, 5)])
def test_stack_adjoint_equals_differences(window, support, band, real, intensity, algorithm):
    rng = np.random.default_rng(3)
    phases = rng.standard_normal((2, band, band))
    x = rng.standard_normal((3, window, window)) if real else draw((3, window, window))
    spec = [Kerr(1.3), SaturableAbsorber(0.8, 0.6)]

    def run(x, phases, save=False):
        return ops.four_f_stack(
            x, phases, 24, spec, support, intensity=intensity, save=save, algorithm=algorithm
        )

    y, tape = run(x, phases, save=True)
    v = rng.standard_normal(y.shape) if intensity else draw(y.shape, seed=4)
    v_x, v_phases, _ = ops.four_f_stack_adjoint(v, tape)
    assert v_x.dtype == x.dtype
    dx = rng.standard_normal(x.shape) if real else draw(x.shape, seed=5)
    dphases = rng.standard_normal(phases.shape)
    step = 1e-6
    ends = [np.vdot(v, run(x + s * dx, phases + s * dphases)).real for s in (step, -step)]
    difference = (ends[0] - ends[1]) / (2 * step)
    predicted = np.vdot(v_x, dx).real + np.vdot(v_phases, dphases)
    # Rounding eps/step of the loss dominates the difference.
    assert predicted == pytest.approx(difference, abs=1e-8 * (1 + abs(ends[0])) * 10)


def test_stack_gradients_do_not_depend_on_threads():
    phases = np.random.default_rng(0).standard_normal((2, 20, 20)).astype(np.float32)
    x = draw((70, 20, 20), np.complex64)
    results = []
    try:
        for threads in (1, 2, 3):
            pyfdsr.set_num_threads(threads)
            y, tape = ops.four_f_stack(x, phases, 60, Kerr(4.0), save=True)
            results.append((y, *ops.four_f_stack_adjoint(y, tape)))
    finally:
        pyfdsr.set_num_threads(None)
    for other in results[1:]:
        for a, b in zip(results[0][:3], other[:3], strict=True):
            assert np.array_equal(a, b)
        assert results[0][3] == other[3]


def test_an_empty_batch_has_zero_gradients():
    y, tape = ops.four_f_stack(np.zeros((0, 8, 8)), np.ones((2, 8, 8)), 24, Kerr(1.0), save=True)
    v_x, v_phases, v_parameters = ops.four_f_stack_adjoint(y, tape)
    assert y.shape == v_x.shape == (0, 8, 8)
    assert not v_phases.any()
    assert v_parameters == ((0.0,), (0.0,))


def test_propagation_keeps_energy_and_its_adjoint_is_exact():
    x, v = draw((24, 24)), draw((24, 24), seed=1)
    arguments = {"distance": 2e-4, "pitch": 4e-6, "wavelength": 550e-9}
    y = ops.propagate(x, **arguments)
    v_x = ops.propagate_adjoint(v, **arguments)
    scale = np.linalg.norm(y) * np.linalg.norm(v)
    assert abs(np.vdot(v, y) - np.vdot(v_x, x)) <= 64 * epsilon(np.complex128) * scale
    assert_close("layer", ops.propagate(x, 0.0, 4e-6, 550e-9), x)
    smooth = np.exp(-((np.arange(64) - 31.5) ** 2) / 60)[:, None] * np.exp(
        -((np.arange(64) - 31.5) ** 2) / 60
    )
    there = ops.propagate(smooth, 1e-4, 4e-6, 550e-9)
    assert np.sum(np.abs(there) ** 2) == pytest.approx(np.sum(smooth**2), rel=1e-6)
    # The window cuts the field's tails, about 1e-8 of its maximum, between the two passes.
    assert np.abs(ops.propagate(there, -1e-4, 4e-6, 550e-9) - smooth).max() < 1e-7


ONES = np.ones((4, 4))
LAYER = np.ones((1, 4, 4))


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ValueError, "do not broadcast", lambda: ops.four_f(np.ones((2, 4, 4)), np.ones((3, 4, 4)), 12)),
        (ValueError, "v has leading axes", lambda: ops.four_f_adjoint(ONES, np.ones((2, 4, 4)), ONES, 12)),
        (ValueError, "phases has shape", lambda: ops.four_f_stack(ONES, ONES, 12, None)),
        (TypeError, "phases has dtype complex128", lambda: ops.four_f_stack(ONES, LAYER + 0j, 12, None)),
        (
            ValueError,
            "aperture has shape",
            lambda: ops.four_f_stack(ONES, LAYER, 12, None, aperture=np.ones((2, 4, 4))),
        ),
        (
            TypeError,
            "aperture has dtype bool: must be real floating",
            lambda: ops.four_f_stack(ONES, LAYER, 12, None, aperture=ONES > 0),
        ),
        (
            TypeError,
            "aperture has dtype <U1: must be real floating",
            lambda: ops.four_f_stack(ONES, LAYER, 12, None, aperture="x"),
        ),
        (ValueError, "pad_factor=0.5", lambda: ops.propagate(ONES, 1e-3, 4e-6, 5e-7, pad_factor=0.5)),
        (ValueError, "pitch=-4e-06: must be greater than 0", lambda: ops.propagate(ONES, 1e-3, -4e-6, 5e-7)),
        (ValueError, "wavelength=0: must be greater than 0", lambda: ops.propagate(ONES, 1e-3, 4e-6, 0)),
        (ValueError, "distance=inf: must be finite", lambda: ops.propagate(ONES, float("inf"), 4e-6, 5e-7)),
        (ValueError, "v has shape", lambda: ops.nonlinear_adjoint(np.ones(3), np.ones(4), None)),
    ],
)
def test_bad_input_is_named(error, message, call):
    with pytest.raises(error, match=message):
        call()
