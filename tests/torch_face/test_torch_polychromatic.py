"""models.PolychromaticSR, functional.cross_kerr and the optics in front of it."""

import pytest
import torch

from pyfdsr import functional, nn
from pyfdsr.models import AOSRNN, PolychromaticSR
from pyfdsr.nonlinearity import Kerr, SaturableAbsorber, SaturableKerr
from pyfdsr.optics import ImagingOptics, PolychromaticImaging, energy_ledger
from pyfdsr.reference import network_twins, torch_twin
from tolerances import assert_close

SMALL = {"num_layers": 3, "support": 12, "band": 14, "grid": 36}


def random(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def objects(*shape):
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def test_cross_kerr_is_its_formula():
    fields = random(3, 2, 5, 5)
    factors = (1.5, 1.0, 0.5)
    total = fields.abs().square().sum(dim=0)
    out = torch.stack(functional.cross_kerr(list(fields), 0.7, factors))
    expected = fields * torch.exp(0.7j * torch.tensor(factors).double().reshape(3, 1, 1, 1) * total)
    assert_close("pointwise", out, expected)
    (alone,) = functional.cross_kerr([fields[0]], 0.7)
    assert_close("fast_pointwise", alone, functional.kerr(fields[0], 0.7))


def test_cross_kerr_gradients():
    fields = [field.requires_grad_() for field in random(2, 3, 2)]
    strength = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def run(strength, *fields):
        return functional.cross_kerr(fields, strength, (1.3, 0.6))

    assert torch.autograd.gradcheck(run, (strength, *fields))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([], 1.0, None), ValueError, "fields: at least one"),
        (([torch.ones(2), torch.ones(3)], 1.0, None), ValueError, r"fields\[1\] has shape \(3,\)"),
        (
            ([torch.ones(2)], 1.0, [1.0, 2.0]),
            ValueError,
            "factors has 2 entries: must have one for each of 1",
        ),
        (([torch.ones(2, dtype=torch.int64)], 1.0, None), TypeError, r"fields\[0\] has dtype torch.int64"),
        (
            ([torch.ones(2)], torch.ones(2), None),
            ValueError,
            r"strength has shape \(2,\): must hold one element",
        ),
    ],
)
def test_cross_kerr_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        functional.cross_kerr(*arguments)


def test_agrees_with_its_twin():
    model = PolychromaticSR(**SMALL).double()
    fields = random(2, 3, 12, 12)
    out = model(fields, per_wavelength=True)
    expected = network_twins.polychromatic(fields, model.phases, 36, model.ratios, 4.0).abs().square()
    assert_close("float64_network", out, expected)
    assert_close("float64_network", model(fields), expected.sum(dim=1))
    assert torch.equal(model(fields[0]), model(fields)[0])
    ours, twins = (torch.autograd.grad(result.square().sum(), model.phases)[0] for result in (out, expected))
    assert_close("float64_network", ours, twins)


def test_gradcheck():
    model = PolychromaticSR(num_layers=2, support=4, band=4, grid=12).double()
    fields = random(1, 3, 4, 4).requires_grad_()

    def run(fields, phases):
        return torch.func.functional_call(model, {"phases": phases}, (fields,))

    assert torch.autograd.gradcheck(run, (fields, model.phases))


def test_image_filters_every_wavelength_at_the_same_angle():
    model = PolychromaticSR(**SMALL, imaging=ImagingOptics(36, 4.5)).double()
    intensity = objects(2, 12, 12)
    fields = (intensity / 3).sqrt()[:, None].expand(-1, 3, -1, -1)
    aperture = torch.from_numpy(ImagingOptics(36, 4.5).transfer(14)).double()
    expected = network_twins.polychromatic(fields, model.phases, 36, model.ratios, 4.0, aperture)
    assert_close("float64_network", model.image(intensity), expected.abs().square().sum(dim=1))
    assert torch.equal(model.image(intensity[:, None]), model.image(intensity)[:, None])
    low = sum(
        torch_twin.windowed_idft(
            torch.from_numpy(ImagingOptics(36, 4.5).transfer(9))
            * torch_twin.windowed_dft((intensity / 3).sqrt(), 36 / ratio, 9),
            36 / ratio,
            12,
        )
        .abs()
        .square()
        for ratio in model.ratios
    )
    assert_close("transform", model.imaging.window_intensity(intensity), low)


@pytest.mark.parametrize("drive", ["total", "own"])
def test_the_design_wavelength_alone_is_the_monochromatic_network(drive):
    model = PolychromaticSR(
        num_layers=3, support=13, band=13, grid=39, wavelengths=[550e-9], drive=drive
    ).double()
    twin = AOSRNN(num_layers=3, support=13, band=13, grid=39).double()
    twin.load_state_dict(model.state_dict())
    field = random(2, 13, 13)
    assert_close("float64_network", model(field[:, None]), twin(field))


def test_each_wavelength_may_follow_its_own_intensity():
    model = PolychromaticSR(**SMALL, drive="own", nonlinearity=SaturableKerr(3.0, 0.5)).double()
    fields = random(2, 3, 12, 12)
    out = model(fields, per_wavelength=True)
    for index, ratio in enumerate(model.ratios):
        expected = torch_twin.four_f_stack(
            fields[:, index], model.phases * ratio, float(36 / ratio), SaturableKerr(3.0 * ratio, 0.5)
        )
        assert_close("float64_network", out[:, index], expected.abs().square())


def test_trains_with_a_learnable_strength():
    torch.manual_seed(0)
    strength = nn.Kerr(4.0, learnable=True)
    model = PolychromaticSR(**SMALL, nonlinearity=strength, imaging=ImagingOptics(36, 3.5))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    intensity = objects(4, 12, 12).float()
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = (model.image(intensity) - intensity).abs().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    assert strength.strength.item() != 4.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"drive": "none"}, ValueError, "drive='none': must be 'total' or 'own'"),
        (
            {"nonlinearity": SaturableAbsorber(1.0, 1.0)},
            ValueError,
            "must be Kerr or linear with drive='total'",
        ),
        ({"wavelengths": []}, ValueError, r"wavelengths=\(\): at least one"),
        ({"wavelengths": [0.0]}, ValueError, "wavelengths=0.0: must be finite and greater than 0"),
        ({"design_wavelength": "green"}, TypeError, "design_wavelength='green': must be a real number"),
        ({"wavelengths": [100e-9]}, ValueError, r"support=\(12, 12\): must not be larger than grid=\(6.5"),
        ({"imaging": ImagingOptics(48, 3.5)}, ValueError, "imaging.grid=48: must be the network's grid"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        PolychromaticSR(**(SMALL | arguments))


def test_bad_fields_and_energy_account():
    model = PolychromaticSR(**SMALL, nonlinearity=Kerr(4.0))
    with pytest.raises(ValueError, match=r"field has shape \(2, 2, 12, 12\): must be \[B, 3, 12, 12\]"):
        model(random(2, 2, 12, 12))
    with pytest.raises(ValueError, match="imaging=None"):
        model.image(objects(1, 12, 12))
    with pytest.raises(TypeError, match="model=PolychromaticSR: an energy account follows light of one"):
        energy_ledger(model, random(12, 12))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((1.0,), "weights has 1 entries: must have 3"),
        ((0.5, 0.6, 0.1), "must be 0 or greater and add up to 1"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        PolychromaticImaging(36, 3.5, weights=weights)


def test_weights_share_the_light():
    intensity = objects(1, 12, 12)
    optics = PolychromaticImaging(36, 4.5, weights=(0.0, 1.0, 0.0))
    assert_close(
        "transform", optics.window_intensity(intensity), ImagingOptics(36, 4.5).window_intensity(intensity)
    )
