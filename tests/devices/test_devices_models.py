"""Networks by torch's operations, and on a device without values, where nothing can be read."""

import pytest
import torch

from both_backends import both
from pyfdsr import backends, functional, losses, metrics, models, nn
from pyfdsr.optics import ImagingOptics
from tolerances import assert_close

IMAGING = ImagingOptics(48, 5.5)
OBJECTS = {"support": 16, "grid": 48, "imaging": IMAGING}


def learnable():
    return [nn.Kerr(1.0, learnable=True), nn.OptoelectronicGate(0.1, 0.9, 0.5, 2.0, learnable=True)]


NETWORKS = {
    "aosrnn": lambda: models.AOSRNN(2, band=12, **OBJECTS),
    "learnable": lambda: models.AOSRNN(2, band=12, nonlinearity=learnable(), **OBJECTS),
    "linear": lambda: models.AOSRNN(2, band=13, nonlinearity="linear", **OBJECTS),
    "diffractive": lambda: models.DiffractiveSR(2, **OBJECTS),
    "classifier": lambda: models.AOClassifier(models.AOSRNN(2, 28, 28, 84, imaging=ImagingOptics(84, 5.5))),
    "polychromatic": lambda: models.PolychromaticSR(
        2, band=12, nonlinearity=nn.Kerr(1.0, learnable=True), **OBJECTS
    ),
    "own drive": lambda: models.PolychromaticSR(2, band=12, drive="own", **OBJECTS),
}
CONVOLUTIONAL = {
    "cnn": lambda: models.SuperResolutionCNN(),
    "late": lambda: models.SuperResolutionCNN.late(),
    "unet": lambda: models.SuperResolutionUNet(),
    "long kernels": lambda: nn.FourierConv2d(3, 3, 17, padding=8),
    "tiled": lambda: nn.FourierConv2d(
        3, 3, 5, stride=2, padding=2, padding_mode="circular", algorithm="tiled"
    ),
    "transposed": lambda: nn.FourierConvTranspose2d(3, 3, 5, stride=2, algorithm="fourier"),
}


def size_of(name):
    return 28 if name == "classifier" else 16


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_of_training_is_the_same(name):
    torch.manual_seed(0)
    model = NETWORKS[name]().double()
    objects = torch.rand(3, size_of(name), size_of(name), dtype=torch.float64)
    parameters = list(model.parameters())
    found, expected = both(lambda *_: model.image(objects).square().mean(), *parameters)
    for ours, theirs in zip(found, expected, strict=True):
        assert_close("float64_free_space" if name == "diffractive" else "gradient", ours, theirs)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_light_need_no_values(name):
    model = NETWORKS[name]().to("meta")
    assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"meta"}
    repr(model)
    out = model.image(torch.empty(3, size_of(name), size_of(name), device="meta"))
    out.sum().backward()
    assert out.is_meta and all(parameter.grad.is_meta for parameter in model.parameters())


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_convolutional_networks_need_no_values(name):
    model = CONVOLUTIONAL[name]().to("meta")
    out = model(torch.empty(1, 3, 32, 32, device="meta"))
    out.sum().backward()
    assert out.is_meta and all(parameter.grad.is_meta for parameter in model.parameters())


def test_functions_need_no_values():
    x = torch.empty(2, 16, 16, device="meta")
    for out in (
        functional.windowed_dft(x, 24.5, 7),
        functional.propagate(x, 1e-3, 4e-6, 550e-9),
        functional.four_f(x, torch.empty(9, 9, device="meta"), 48, aperture=IMAGING.transfer(9)),
        functional.kerr(x, 2.0),
        functional.cross_kerr([x, x], 2.0, [1.0, 0.5])[1],
        nn.Propagate(1e-3, 4e-6, 550e-9)(x),
        IMAGING.intensity(x),
        metrics.psnr(x, x),
        metrics.ssim(x, x),
        metrics.energy_fraction(x, x),
        losses.super_resolution_loss(x, x).loss,
    ):
        assert out.is_meta


def test_nothing_of_the_core_is_called(monkeypatch):
    for name in ("windowed_dft", "nonlinearity", "stack_forward", "fourier_conv2d"):
        monkeypatch.setattr(backends.core, name, None)
    with backends.forced("torch"):
        NETWORKS["diffractive"]().image(torch.rand(1, 16, 16)).sum().backward()
        CONVOLUTIONAL["tiled"]()(torch.rand(1, 3, 20, 20)).sum().backward()
