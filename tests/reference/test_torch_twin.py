"""The torch twins against the direct sums, gradients against finite differences, and the plain network."""

import math

import numpy as np
import pytest

from cases import CASES, pair
from tolerances import assert_close

torch = pytest.importorskip("torch")

from pyfdsr import reference  # noqa: E402
from pyfdsr.nonlinearity import (  # noqa: E402
    Custom,
    Kerr,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
)
from pyfdsr.reference import direct_sums, torch_twin  # noqa: E402

SPECS = (
    None,
    Kerr(-2.5),
    SaturableKerr(3.0, 0.7),
    SaturableAbsorber(1.5, 0.4),
    TwoPhotonAbsorption(2.0),
    OptoelectronicGate(0.1, 0.9, 0.5, 2.5),
    Custom(lambda i: 1 / (1 - 2j * i), lambda i: 2j / (1 - 2j * i) ** 2),
)


def kind(spec):
    return "linear" if spec is None else spec.kind


def complex_normal(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_transforms_are_the_direct_sums(case):
    rng = np.random.default_rng(1)
    x, spectrum = complex_normal(rng, 2, *pair(case.window)), complex_normal(rng, 2, *pair(case.band))
    transfer = complex_normal(rng, *pair(case.band))
    assert_close(
        "transform",
        torch_twin.windowed_dft(torch.from_numpy(x), case.grid, case.band),
        direct_sums.windowed_dft(x, case.grid, case.band),
    )
    assert_close(
        "transform",
        torch_twin.windowed_idft(torch.from_numpy(spectrum), case.grid, case.support),
        direct_sums.windowed_idft(spectrum, case.grid, case.support),
    )
    assert_close(
        "layer",
        torch_twin.four_f(torch.from_numpy(x), None, case.grid, case.support, torch.from_numpy(transfer)),
        direct_sums.four_f(x, transfer, case.grid, case.support),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_real_fields_and_single_precision(dtype):
    x = torch.rand(3, 6, 8, dtype=dtype)
    assert_close(
        "transform",
        torch_twin.windowed_dft(x, 20, 9),
        direct_sums.windowed_dft(x.numpy(), 20, 9),
        x.numpy().dtype,
    )


@pytest.mark.parametrize("spec", SPECS, ids=kind)
def test_nonlinearities_are_the_numpy_formulas(spec):
    field = complex_normal(np.random.default_rng(2), 3, 5)
    actual = torch_twin.nonlinearity(torch.from_numpy(field), spec)
    assert_close("pointwise", actual, direct_sums.nonlinearity(field, spec))


@pytest.mark.parametrize("spec", SPECS[1:], ids=kind)
def test_gradient_of_the_nonlinearity_is_the_hand_written_adjoint(spec):
    rng = np.random.default_rng(3)
    field, v = complex_normal(rng, 7), complex_normal(rng, 7)
    x = torch.from_numpy(field).requires_grad_()
    torch_twin.nonlinearity(x, spec).backward(torch.from_numpy(v))
    assert_close("gradient", x.grad, direct_sums.nonlinearity_adjoint(v, field, spec))


@pytest.mark.parametrize("spec", SPECS, ids=kind)
def test_stack_is_the_direct_stack_with_every_field(spec):
    rng = np.random.default_rng(4)
    field, phases, aperture = complex_normal(rng, 2, 7, 8), rng.normal(size=(3, 5, 6)), rng.random((1, 5, 6))
    out, fields = torch_twin.four_f_stack(
        torch.from_numpy(field), torch.from_numpy(phases), (18, 21), spec, 6, True, torch.from_numpy(aperture)
    )
    expected = direct_sums.four_f_stack(field, phases, (18, 21), spec, 6, aperture)
    assert_close("layer", fields, np.stack(expected))
    assert torch.equal(out, fields[-1])


def test_stack_gradients_reach_field_phases_and_parameters():
    rng = np.random.default_rng(5)
    field = torch.from_numpy(complex_normal(rng, 2, 4, 4)).requires_grad_()
    phases = torch.from_numpy(rng.normal(size=(5, 4, 4))).requires_grad_()
    values = torch.tensor([1.5, 0.5, 0.3, 0.2, 0.8, 2.5], dtype=torch.float64)
    numbers = [value.clone().requires_grad_() for value in values]

    def stack(field, phases, a, b, c, low, high, power):
        specs = [Kerr(a), SaturableKerr(a, b), SaturableAbsorber(a, b), TwoPhotonAbsorption(c)]
        return torch_twin.four_f_stack(field, phases, 12, [*specs, OptoelectronicGate(low, high, b, power)])

    assert torch.autograd.gradcheck(stack, (field, phases, *numbers), fast_mode=True)


def test_plain_network_is_the_stack():
    torch.manual_seed(0)
    network = reference.PlainAOSRNN(num_layers=3, support=10, band=8, grid=30, strength=2.0).double()
    field = torch.from_numpy(complex_normal(np.random.default_rng(6), 2, 10, 10))
    expected = torch_twin.four_f_stack(field, network.phases, 30, Kerr(2.0))
    assert_close("layer", network.field(field), expected)
    assert_close("layer", network(field), expected.abs() ** 2)


def test_plain_network_takes_the_whole_grid_and_cuts_the_window():
    network = reference.PlainAOSRNN(num_layers=1, support=8, band=8, grid=24).double()
    whole = torch.from_numpy(complex_normal(np.random.default_rng(7), 24, 24))
    expected = torch_twin.four_f_stack(whole, network.phases, 24, Kerr(4.0), support=8)
    assert network(whole).shape == (8, 8)
    assert_close("layer", network.field(whole), expected)
    assert torch.count_nonzero(network.model(whole)) == 64, "the field outside the window must be blocked"


def test_plain_network_starts_from_the_standard_normal_and_names_its_phases_as_checkpoints_do():
    torch.manual_seed(0)
    network = reference.PlainAOSRNN()
    assert list(network.state_dict()) == [f"model.{layer}.phase_filter" for layer in range(10)]
    assert network.phases.shape == (10, 112, 112)
    # 125 440 draws: the mean strays by 0.0028, the deviation by 0.002 (one sigma).
    assert abs(network.phases.mean()) < 0.014
    assert abs(network.phases.std() - 1) < 0.01


def test_image_is_the_low_passed_field_on_the_whole_grid():
    objects = np.random.default_rng(8).random((2, 8, 8))
    k = np.arange(24) - 12
    passed = (k[:, None] ** 2 + k**2) < 3.6**2
    spectrum = direct_sums.windowed_dft(np.sqrt(objects), 24, 24) * passed
    expected = direct_sums.windowed_idft(spectrum, 24, 24)
    assert_close("layer", torch_twin.image(torch.from_numpy(objects), 24, 3.6), expected)


# Free space.

PITCH, WAVELENGTH = 2e-6, 500e-9


def gaussian(waist, distance, samples):
    """Paraxial Gaussian beam at `distance` from its waist, samples about the centre S//2."""
    y = (torch.arange(samples, dtype=torch.float64) - samples // 2) * PITCH
    squared = y[:, None] ** 2 + y[None, :] ** 2
    rayleigh = math.pi * waist**2 / WAVELENGTH
    curvature = waist**2 * (1 + 1j * distance / rayleigh)
    return torch.exp(-squared / curvature) / (1 + 1j * distance / rayleigh)


@pytest.mark.parametrize("band_limit", [False, True])
def test_propagation_spreads_a_gaussian_beam_as_theory_says(band_limit):
    waist, distance = 20e-6, 3e-3
    field = torch_twin.propagate(gaussian(waist, 0, 128), distance, PITCH, WAVELENGTH, 2, band_limit)
    expected = gaussian(waist, distance, 128) * np.exp(2j * np.pi * distance / WAVELENGTH)
    # Beyond paraxial theory the phase at frequency f is off by π·z·λ³·f⁴/4: 1e-4 at f = 2/(π·waist).
    assert (field - expected).abs().max() < 1e-3
    flipped = gaussian(waist, -distance, 128) * np.exp(2j * np.pi * distance / WAVELENGTH)
    assert (field - flipped).abs().max() > 0.1, "the wavefront must diverge, not converge"


def test_propagation_backwards_undoes_propagation():
    field = gaussian(20e-6, 0, 128)
    there = torch_twin.propagate(field, 1e-3, PITCH, WAVELENGTH, 2, False)
    back = torch_twin.propagate(there, -1e-3, PITCH, WAVELENGTH, 2, False)
    # Only the light that left the window is missing.
    assert (back - field).abs().max() < 1e-9


@pytest.mark.parametrize("distance", [1e-6, -1e-6])
def test_evanescent_waves_decay_in_both_directions(distance):
    transfer = torch_twin.angular_spectrum_transfer((16, 18), distance, 100e-9, WAVELENGTH, band_limit=False)
    fy, fx = (np.fft.fftshift(np.fft.fftfreq(n, 100e-9)) for n in (16, 18))
    evanescent = fy[:, None] ** 2 + fx**2 > 1 / WAVELENGTH**2
    magnitude = transfer.abs().numpy()
    assert evanescent.any()
    assert (~evanescent).any()
    assert (magnitude[evanescent] < 1).all()
    assert_close("pointwise", magnitude[~evanescent], np.ones((~evanescent).sum()))


def test_band_limit_cuts_where_the_phase_is_sampled_too_coarsely():
    distance, samples = 2e-3, 64
    transfer = torch_twin.angular_spectrum_transfer((samples, samples), distance, PITCH, WAVELENGTH)
    row = transfer[samples // 2]
    passed = row.abs().numpy() > 0
    f = (np.arange(samples) - samples // 2) / (samples * PITCH)
    axial = np.sqrt(1 / WAVELENGTH**2 - f**2)
    # The phase 2π·z·sqrt(1/λ² - f²) must turn by at most half a turn from bin to bin.
    turns_per_bin = distance * np.abs(f) / axial / (samples * PITCH)
    assert np.array_equal(passed, turns_per_bin <= 0.5)
    assert 1 < passed.sum() < samples
