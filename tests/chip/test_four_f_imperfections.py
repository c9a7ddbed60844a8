"""Imperfect masks and cameras of 4f networks."""

import math

import numpy as np
import pytest
import torch

from pyfdsr import chip, optics
from pyfdsr.chip import ADCParameters, DACParameters, FourFImperfections, ImperfectFourF, NoiseParameters
from pyfdsr.models import AOSRNN
from pyfdsr.nonlinearity import Kerr
from tolerances import assert_close

SIZE, GRID = 12, 36


def network(imaging=True, layers=3):
    torch.manual_seed(0)
    return AOSRNN(
        num_layers=layers,
        support=SIZE,
        band=SIZE,
        grid=GRID,
        nonlinearity=Kerr(1.0),
        imaging=optics.ImagingOptics(GRID, 3.5) if imaging else None,
    )


def objects(batch=4):
    return torch.rand(batch, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def test_a_perfect_device_is_the_network():
    model, x = network(), objects()
    device = ImperfectFourF(model, FourFImperfections())
    assert_close("layer", device(x), model(x))
    assert_close("layer", device.image(x), model.image(x))
    gradients = []
    for run in (device.image, model.image):
        model.zero_grad()
        run(x).square().sum().backward()
        gradients.append(model.phases.grad.clone())
    assert_close("gradient", *gradients)


@pytest.mark.parametrize(
    "change",
    [
        {"mask": DACParameters(3)},
        {"camera": ADCParameters(4, "abs_max")},
        {"noise": NoiseParameters(shot_photons=1e3)},
        {"noise": NoiseParameters(out_noise=0.01)},
        {"noise": NoiseParameters(gain_std=0.1)},
        {"noise": NoiseParameters(phase_std=0.1)},
        {"noise": NoiseParameters(phase_noise=0.1)},
        {"dead_pixels": 0.2},
        {"dead_pixels": 0.2, "dead_state": "stuck"},
        {"shift": 0.3},
        {"rotation": 0.05},
    ],
    ids=str,
)
def test_every_imperfection_changes_the_output_and_keeps_gradients(change):
    model, x = network(), objects()
    device = ImperfectFourF(model, FourFImperfections(**change))
    out = device.image(x)
    assert not torch.allclose(out, model.image(x), rtol=1e-4)
    assert torch.equal(device.image(x), out)
    out.sum().backward()
    assert model.phases.grad.isfinite().all() and model.phases.grad.norm() > 0
    other = ImperfectFourF(model, FourFImperfections(**change, seed=1)).image(x)
    drawn = "mask" not in change and "camera" not in change
    assert torch.equal(other, out) != drawn


def test_mask_bits_are_levels_of_a_turn():
    phases = torch.linspace(-20, 20, 300).reshape(1, 15, 20).requires_grad_()
    written, amplitude = FourFImperfections(mask=DACParameters(bits=3)).masks(phases)
    turns = written.detach() / (2 * math.pi) * 8
    assert (turns - turns.round()).abs().max() < 1e-4  # eps at an angle of 20 rad, in levels
    assert (written - phases).abs().max() <= math.pi / 8 * (1 + 1e-5)
    assert torch.equal(amplitude, torch.ones(1, 15, 20))
    written.sum().backward()
    assert torch.equal(phases.grad, torch.ones_like(phases))


def test_dead_pixels_are_that_many():
    phases = torch.ones(10, 50, 50)
    for state, amplitude in (("dark", 0.0), ("stuck", 1.0)):
        device = FourFImperfections(dead_pixels=0.1, dead_state=state)
        written, transmission = device.masks(phases)
        dead = written == 0
        # 25 000 pixels: four standard deviations of a fraction of 0.1.
        assert abs(float(dead.double().mean()) - 0.1) < 4 * math.sqrt(0.09 / 25_000)
        assert (transmission[dead] == amplitude).all() and (transmission[~dead] == 1).all()


def test_a_mask_displaced_by_whole_pixels_is_rolled(monkeypatch):
    phases = torch.rand(1, 9, 10, generator=torch.Generator().manual_seed(0)).double()
    device = FourFImperfections(shift=1.0)
    monkeypatch.setattr(FourFImperfections, "_draw", lambda *_: Fixed([[2.0, -3.0]]))
    written, amplitude = device.masks(phases)
    assert_close("pointwise", written[0, 2:, :-3], phases[0, :-2, 3:])
    assert (amplitude[0, :2] == 0).all() and (amplitude[0, :, -3:] == 0).all()


def test_a_mask_rotated_by_a_right_angle(monkeypatch):
    phases = torch.rand(1, 9, 9, generator=torch.Generator().manual_seed(0)).double()
    device = FourFImperfections(rotation=1.0)
    monkeypatch.setattr(FourFImperfections, "_draw", lambda *_: Fixed([math.pi / 2]))
    written, _ = device.masks(phases)
    # Sampled at (-x, y) about the centre.
    assert_close("chip_ideal_double", written[0], torch.rot90(phases[0], -1))


class Fixed:
    """A generator of one answer."""

    def __init__(self, answer):
        self.answer = np.array(answer)

    def standard_normal(self, shape):
        return self.answer if self.answer.shape == np.zeros(shape).shape else np.zeros(shape)


def test_camera_levels_and_clipping():
    intensity = torch.tensor([[[0.0, 0.24, 0.26], [0.99, 1.5, 0.5]]], requires_grad=True)
    read = FourFImperfections(camera=ADCParameters(2, 1.0)).photographed(intensity)
    assert torch.equal(read, torch.tensor([[[0.0, 0.0, 0.5], [1.0, 1.0, 0.5]]]))
    read.sum().backward()
    assert torch.equal(intensity.grad, torch.tensor([[[1.0, 1.0, 1.0], [1.0, 0.0, 1.0]]]))


def test_camera_noise_has_zero_mean_and_the_variance_of_photons():
    for level in (0.25, 1.0):
        images = torch.full((300, 20, 20), level)
        device = FourFImperfections(camera=ADCParameters(0, 2.0), noise=NoiseParameters(0.0, 0.01, 1e3))
        noise = device.photographed(images).double() - level
        variance = level * 2.0 / 1e3 + (0.01 * 2.0) ** 2
        count = noise.numel()
        assert abs(float(noise.mean())) < 4 * math.sqrt(variance / count)
        assert abs(float(noise.var()) / variance - 1) < 4 * math.sqrt(2 / count)


def test_noise_belongs_to_step_and_sample():
    device = ImperfectFourF(network(False), FourFImperfections(noise=NoiseParameters(out_noise=0.1)))
    x = objects()
    expected = device(x)
    with chip.sample_offset(2):
        assert torch.equal(device(x[2:]), expected[2:])
    device.step = 1
    assert not torch.equal(device(x), expected)
    assert device(x[:0]).shape == (0, SIZE, SIZE)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: FourFImperfections(mask=4), TypeError, "mask=4: must be a DACParameters"),
        (lambda: FourFImperfections(camera=ADCParameters(8)), ValueError, "camera.range='calibrated'"),
        (lambda: FourFImperfections(dead_state="dim"), ValueError, "dead_state='dim': must be one of"),
        (lambda: FourFImperfections(shift=-1), ValueError, "shift=-1.0: must be 0 or greater"),
        (lambda: FourFImperfections(rotation="1"), TypeError, "rotation='1'"),
        (lambda: FourFImperfections(seed=-1), ValueError, "seed=-1"),
        (
            lambda: ImperfectFourF(torch.nn.Linear(2, 2), FourFImperfections()),
            TypeError,
            "network is a Linear",
        ),
        (lambda: ImperfectFourF(network(), 4), TypeError, "imperfections=4"),
        (
            lambda: ImperfectFourF(network(False), FourFImperfections()).image(objects()),
            ValueError,
            "imaging=None: image\\(\\) needs",
        ),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
