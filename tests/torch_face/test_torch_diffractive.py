"""models.DiffractiveSR."""

import pytest
import torch

from pyfdsr.models import DiffractiveSR
from pyfdsr.nonlinearity import Kerr, SaturableAbsorber
from pyfdsr.optics import ImagingOptics, energy_ledger
from pyfdsr.reference import network_twins, torch_twin
from tolerances import allowed, assert_close

SMALL = {"num_layers": 3, "support": 16, "grid": 48, "distance": (0.2e-3, 0.3e-3, 0.4e-3, 0.5e-3)}


def random(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def small(**changes):
    model = DiffractiveSR(**(SMALL | changes))
    with torch.no_grad():
        model.phases.copy_(random(*model.phases.shape, dtype=torch.float64, seed=1))
    return model.double()


def twin(model, field):
    return network_twins.diffractive(
        field,
        model.phases,
        model.nonlinearity,
        model.distances,
        model.pitch,
        model.wavelength,
        model.pad_factor,
    )


@pytest.mark.parametrize("spec", [None, "linear", SaturableAbsorber(1.0, 0.5)], ids=["kerr", "linear", "sa"])
def test_agrees_with_its_twin(spec):
    model = small(nonlinearity=spec)
    field = random(2, 16, 16)
    out, expected = model(field, return_field=True), twin(model, field)
    assert_close("float64_free_space", out, expected)
    assert_close("float64_free_space", model(field), expected.abs().square())
    ours, twins = (
        torch.autograd.grad(result.abs().square().square().sum(), model.phases)[0]
        for result in (out, expected)
    )
    assert_close("float64_free_space", ours, twins)


def test_gradcheck():
    model = small(num_layers=2, support=4, grid=12, distance=50e-6, pad_factor=1.5)
    field = random(1, 4, 4).requires_grad_()

    def run(field, phases):
        return torch.func.functional_call(model, {"phases": phases}, (field,))

    assert torch.autograd.gradcheck(run, (field, model.phases))


def test_the_window_of_a_whole_field_enters():
    model = small()
    field = random(2, 48, 48)
    assert torch.equal(model(field), model(field[:, 16:32, 16:32]))
    assert torch.equal(model(field[:, None]), model(field)[:, None])
    assert torch.equal(model(field)[0], model(field[0]))


def test_image_is_the_low_resolution_window_sent_through():
    model = small(imaging=ImagingOptics(48, 5.5))
    intensity = random(2, 16, 16, dtype=torch.float64).square()
    low = torch_twin.image(intensity, 48, 5.5)
    assert_close("float64_free_space", model.image(intensity), model(low))
    assert torch.equal(model.image(intensity[:, None]), model.image(intensity)[:, None])


def test_free_space_alone():
    """Masks of no phase and no nonlinearity are one way through the total distance, but for the windows."""
    model = DiffractiveSR(num_layers=1, support=64, grid=64, distance=0.1e-3, nonlinearity="linear").double()
    y, x = torch.meshgrid(*[torch.arange(64) - 31.5] * 2, indexing="ij")
    spot = torch.exp(-(x**2 + y**2) / 50).double()
    expected = torch_twin.propagate(spot, 0.2e-3, model.pitch, model.wavelength)
    assert torch.allclose(model(spot, return_field=True), expected, atol=1e-6)


def test_trains():
    torch.manual_seed(0)
    model = DiffractiveSR(num_layers=2, support=16, grid=48, distance=1e-4, imaging=ImagingOptics(48, 3.5))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    intensity = torch.rand(4, 16, 16)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = (model.image(intensity) - intensity).abs().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("spec", [Kerr(4.0), SaturableAbsorber(1.0, 0.5)], ids=["kerr", "absorber"])
def test_the_energy_account_closes_and_ends_with_the_output(spec):
    model = small(nonlinearity=spec)
    field = random(2, 16, 16)
    with pytest.warns(UserWarning, match="Nyquist"):  # white noise reaches up to there
        ledger = energy_ledger(model, field)
    assert len(ledger.layers) == 4 and ledger.residual < allowed("ledger_rounding", "float64")
    assert ledger.output == pytest.approx(float(model(field).detach().sum()), rel=1e-7)
    assert ledger.layers[0].lost_image_aperture > 0
    assert (ledger.layers[0].absorbed > 1) == (spec.kind == "saturable_absorber")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"distance": (1e-3, 1e-3)}, ValueError, "distance has 2 entries: must have 4, one before"),
        ({"distance": "far"}, TypeError, "distance='far': must be a real number"),
        ({"pitch": 0.0}, ValueError, "pitch=0.0: must be greater than 0"),
        ({"wavelength": -1.0}, ValueError, "wavelength=-1.0: must be greater than 0"),
        ({"support": 49}, ValueError, r"support=\(49, 49\): must not be larger than grid"),
        ({"imaging": ImagingOptics(47, 5.5)}, ValueError, "imaging.grid=47: must be the network's grid"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        DiffractiveSR(**(SMALL | arguments))


def test_bad_fields():
    model = DiffractiveSR(**SMALL)
    with pytest.raises(ValueError, match=r"field has shape \(2, 17, 16\): must be \[B, 16, 16\]"):
        model(random(2, 17, 16))
    with pytest.raises(ValueError, match="imaging=None"):
        model.image(torch.rand(2, 16, 16))
