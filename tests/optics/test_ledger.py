"""The energy account closes, says where the light went, and warns of aliasing."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from pyfdsr.nonlinearity import (
    Custom,
    Kerr,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
)
from pyfdsr.optics import AliasingWarning, circular_aperture, energy_ledger, gaussian_aperture
from pyfdsr.reference import direct_sums
from tolerances import allowed, assert_close

SPECS = (
    None,
    Kerr(1.0),
    SaturableKerr(2.0, 0.5),
    SaturableAbsorber(1.0, 0.5),
    TwoPhotonAbsorption(1.0),
    OptoelectronicGate(0.1, 0.9, 0.3, 2.0),
    [Kerr(0.5), None, TwoPhotonAbsorption(2.0)],
    Custom(lambda i: 1 / (1 + i), lambda i: -1 / (1 + i) ** 2),
)


def make(rng, layers=3, support=16, band=14, grid=48, nonlinearity=None, **more):
    shape = band if isinstance(band, tuple) else (band, band)
    phases = rng.normal(size=(layers, *shape))
    return SimpleNamespace(
        phases=phases, support=support, band=band, grid=grid, nonlinearity=nonlinearity, **more
    )


def smooth_field(shape, batch=2):
    """Bell-shaped complex fields that stay clear of the Nyquist frequency."""
    y, x = (np.linspace(-2.5, 2.5, length) for length in shape)
    bell = np.exp(-(y[:, None] ** 2) - x**2)
    return np.stack([(1 + 0.3 * number) * bell * np.exp(0.5j * x) for number in range(batch)])


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_account_closes_to_rounding(spec):
    rng = np.random.default_rng(1)
    ledger = energy_ledger(make(rng, nonlinearity=spec), smooth_field((48, 48)), aliasing_threshold=0.9)
    assert ledger.residual <= allowed("ledger_rounding", np.float64)
    assert ledger.residual <= 1e-5
    for layer in ledger.layers:
        stages = (layer.input, layer.after_fourier_aperture, layer.after_image_aperture, layer.output)
        lost = (layer.lost_fourier_aperture, layer.lost_image_aperture, layer.absorbed)
        for before, after, loss in zip(stages[:-1], stages[1:], lost, strict=True):
            assert abs(before - after - loss) <= allowed("ledger_rounding", np.float64) * ledger.input_grid
    for earlier, later in zip(ledger.layers[:-1], ledger.layers[1:], strict=True):
        assert_close("reduction", np.array(later.input), np.array(earlier.output))


@pytest.mark.parametrize(
    "geometry",
    [{}, {"support": 15, "band": 13, "grid": 45}, {"support": (12, 17), "band": (9, 14), "grid": (36, 49)}],
)
def test_output_is_that_of_the_direct_stack(geometry):
    model = make(np.random.default_rng(2), nonlinearity=SaturableAbsorber(1.0, 0.5), **geometry)
    support = model.support if isinstance(model.support, tuple) else (model.support,) * 2
    field = smooth_field(support)
    fields = direct_sums.four_f_stack(field, model.phases, model.grid, model.nonlinearity)
    ledger = energy_ledger(model, field, aliasing_threshold=0.9)
    for layer, expected in zip(ledger.layers, fields, strict=True):
        assert_close("reduction", np.array(layer.output), np.sum(np.abs(expected) ** 2))
    assert_close("reduction", np.array(ledger.input_grid), np.array(ledger.input_window))


def test_losses_are_where_the_physics_puts_them():
    rng = np.random.default_rng(3)
    kerr = energy_ledger(make(rng, nonlinearity=Kerr(1.0)), smooth_field((16, 16)), aliasing_threshold=0.9)
    assert abs(kerr.totals()["absorbed"]) <= allowed("ledger_rounding", np.float64) * kerr.input_grid
    assert kerr.totals()["lost_image_aperture"] > 0
    model = make(rng, band=48, nonlinearity=None)
    model.phases[:] = 0
    untouched = energy_ledger(model, smooth_field((16, 16)))
    assert_close("reduction", np.array(untouched.output), np.array(untouched.input_grid))
    assert untouched.totals()["lost_fourier_aperture"] == 0
    model.nonlinearity = SaturableAbsorber(1.0, 1e12)
    absorbing = energy_ledger(model, smooth_field((16, 16)))
    assert absorbing.fractions()["output"] == pytest.approx(np.exp(-3), rel=1e-9)
    assert absorbing.fractions()["absorbed"] == pytest.approx(1 - np.exp(-3), rel=1e-9)


def test_apertures_block_in_the_fourier_plane_of_the_first_layers():
    rng = np.random.default_rng(4)
    model = make(rng)
    opened = energy_ledger(model, smooth_field((16, 16)), aliasing_threshold=0.9)
    model.apertures = np.stack([gaussian_aperture(14, 3.0), circular_aperture(14, 2.5)]).astype(np.float64)
    closed = energy_ledger(model, smooth_field((16, 16)), aliasing_threshold=0.9)
    assert closed.layers[0].lost_fourier_aperture > opened.layers[0].lost_fourier_aperture
    assert closed.residual <= allowed("ledger_rounding", np.float64)
    expected = direct_sums.four_f_stack(
        smooth_field((16, 16)), model.phases, 48, None, aperture=model.apertures
    )
    assert_close("reduction", np.array(closed.output), np.sum(np.abs(expected[-1]) ** 2))


def test_denominator_is_named_and_used():
    model = make(np.random.default_rng(5))
    whole = energy_ledger(model, smooth_field((48, 48)), aliasing_threshold=0.9)
    window = energy_ledger(model, smooth_field((48, 48)), denominator="window", aliasing_threshold=0.9)
    assert whole.input_window < whole.input_grid
    assert (whole.reference_energy, window.reference_energy) == (whole.input_grid, whole.input_window)
    assert whole.fractions()["input"] == 1
    assert window.fractions()["output"] == pytest.approx(window.output / window.input_window)
    assert "whole padded grid" in whole.table()
    assert "energy in % of the input energy in the window" in window.table()


def test_table_has_a_row_for_every_layer_and_the_sums():
    ledger = energy_ledger(make(np.random.default_rng(6)), smooth_field((48, 48)), aliasing_threshold=0.9)
    lines = ledger.table().splitlines()
    numbers = [line.split() for line in lines if line.split()[0] in ("1", "2", "3", "all")]
    assert [row[0] for row in numbers] == ["1", "2", "3", "all"]
    assert len({len(row) for row in numbers}) == 1
    assert float(numbers[-1][1]) == 100
    assert sum(map(float, numbers[-1][2:6])) == pytest.approx(100, abs=0.03)
    assert "unaccounted" in lines[-1]


def test_warns_of_power_near_the_nyquist_frequency():
    rng = np.random.default_rng(7)
    noise = rng.normal(size=(48, 48)) + 0j
    model = make(rng)
    with pytest.warns(
        AliasingWarning, match="field entering layer 1 has .* near the padded grid's Nyquist"
    ) as caught:
        ledger = energy_ledger(model, noise)
    assert caught[0].filename == __file__
    # White noise: the outer tenth of either axis holds 1 - 0.9² of the bins (44 of 48 are inside).
    assert ledger.layers[0].edge_fraction == pytest.approx(1 - (43 / 48) ** 2, abs=0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        energy_ledger(model, noise, aliasing_threshold=0.5)
        energy_ledger(model, smooth_field((48, 48)))


def test_warns_of_aliasing_behind_the_last_layer():
    model = make(np.random.default_rng(8), layers=1, band=48, nonlinearity=Kerr(60.0))
    model.phases[:] = 0
    with pytest.warns(AliasingWarning, match="the output has"):
        energy_ledger(model, smooth_field((16, 16)))


def test_dark_input_and_channel_axis_and_tensors():
    torch = pytest.importorskip("torch")
    model = make(np.random.default_rng(9), nonlinearity=Kerr(torch.tensor(1.0, requires_grad=True)))
    dark = energy_ledger(model, np.zeros((16, 16)))
    assert dark.output == dark.residual == 0
    assert np.isnan(dark.fractions()["output"])
    assert "nan" in dark.table()
    expected = energy_ledger(model, smooth_field((16, 16)), aliasing_threshold=0.9)
    model.phases = torch.nn.Parameter(torch.from_numpy(model.phases))
    tensors = energy_ledger(model, torch.from_numpy(smooth_field((16, 16)))[:, None], aliasing_threshold=0.9)
    assert tensors == expected


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"denominator": "pupil"}, "denominator='pupil': must be 'grid' or 'window'"),
        ({}, {"edge_width": 0}, "edge_width=0: must lie strictly between 0 and 1"),
        ({}, {"aliasing_threshold": 1.5}, "aliasing_threshold=1.5"),
        ({"grid": 48.5}, {}, "model.grid=48.5|grid=48.5: an energy account needs"),
        ({"phases": np.zeros((14, 14))}, {}, r"model.phases has shape \(14, 14\): must be \[layers"),
        ({"band": 12}, {}, "must end in model.band=12"),
        ({"apertures": np.ones((4, 14, 14))}, {}, r"model.apertures has shape \(4, 14, 14\)"),
        ({"nonlinearity": [None]}, {}, "nonlinearity has 1 entries: one for each of 3"),
    ],
)
def test_bad_arguments_are_refused(change, arguments, message):
    model = make(np.random.default_rng(10))
    for name, value in change.items():
        setattr(model, name, value)
    with pytest.raises(ValueError, match=message):
        energy_ledger(model, smooth_field((16, 16)), **arguments)


def test_field_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"field has shape \(2, 20, 20\): must end in the window \(16, 16\)"):
        energy_ledger(make(np.random.default_rng(11)), smooth_field((20, 20)))
