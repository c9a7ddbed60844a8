"""models.AOClassifier and its detectors."""

import pytest
import torch

from pyfdsr.models import AOSRNN, AOClassifier, DiffractiveSR, detector_regions
from pyfdsr.optics import ImagingOptics, energy_ledger
from pyfdsr.reference import network_twins
from tolerances import allowed, assert_close

SMALL = {"num_layers": 2, "support": 28, "band": 28, "grid": 84}


def random(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def test_ten_detectors_lie_three_four_three():
    regions = detector_regions((112, 112))
    assert [len(regions[regions[:, 0] == top]) for top in regions[:, 0].unique()] == [3, 4, 3]
    assert torch.all(regions[:, 2:] - regions[:, :2] == 16)


@pytest.mark.parametrize("classes", [2, 3, 4, 9, 10, 16, 26])
@pytest.mark.parametrize("support", [(112, 112), (60, 84)])
def test_detectors_are_apart_and_inside(classes, support):
    seen = torch.zeros(support)
    regions = detector_regions(support, classes, size=8)
    assert len(regions) == classes
    for top, left, bottom, right in regions.tolist():
        assert top >= 0 and left >= 0 and bottom <= support[0] and right <= support[1]
        seen[top:bottom, left:right] += 1
    assert seen.max() == 1 and seen.sum() == 64 * classes


@pytest.mark.parametrize("size", [0, 29])
def test_detectors_that_do_not_fit(size):
    with pytest.raises(ValueError, match=f"size={size}: 10 detectors in rows of up to 4 must fit the window"):
        detector_regions((112, 112), size=size)


def test_agrees_with_its_twin():
    model = AOClassifier(AOSRNN(**SMALL), sharpness=12.0).double()
    field = random(3, 28, 28)
    logits = model(field)
    output = model.network(field)
    expected = network_twins.detector_logits(output, model.regions, 12.0)
    assert_close("float64_network", logits, expected)
    ours, twins = (
        torch.autograd.grad(
            torch.nn.functional.cross_entropy(result, torch.tensor([1, 5, 9])),
            model.phases,
            retain_graph=True,
        )[0]
        for result in (logits, expected)
    )
    assert_close("float64_network", ours, twins)


def test_gradcheck_of_the_detectors():
    model = AOClassifier(AOSRNN(num_layers=1, support=8, band=8, grid=24), classes=3).double()
    output = random(2, 8, 8).abs().square().requires_grad_()
    assert torch.autograd.gradcheck(model.logits, (output,))


def test_logits_do_not_depend_on_how_much_light_is_left():
    model = AOClassifier(AOSRNN(**SMALL))
    output = random(2, 28, 28).abs().square()
    assert_close("pointwise", model.logits(1e-6 * output), model.logits(output))
    assert torch.equal(model.logits(torch.zeros(1, 28, 28)), torch.zeros(1, 10))
    assert torch.allclose(model.logits(output).sum(dim=-1), torch.tensor(model.sharpness, dtype=output.dtype))


@pytest.mark.parametrize("kind", ["aosrnn", "diffractive"])
def test_it_learns_two_classes(kind):
    torch.manual_seed(0)
    optics = ImagingOptics(84, 6.5)
    if kind == "aosrnn":
        network = AOSRNN(**SMALL, imaging=optics)
    else:
        network = DiffractiveSR(num_layers=2, support=28, grid=84, distance=2e-4, imaging=optics)
    model = AOClassifier(network, classes=2)
    images = torch.zeros(8, 28, 28)
    images[::2, 4:10] = 1
    images[1::2, :, 16:24] = 1
    labels = torch.arange(8) % 2
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(25):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model.image(images), labels)
        loss.backward()
        optimiser.step()
    assert torch.equal(model.image(images).argmax(dim=1), labels) and loss < 0.3


def test_the_energy_account_is_that_of_the_network():
    model = AOClassifier(AOSRNN(**SMALL)).double()
    y = torch.hann_window(28, dtype=torch.float64)
    ledger = energy_ledger(model, 0.1 * y[:, None] * y)
    assert ledger.residual < allowed("ledger_rounding", "float64")
    output = model.network(0.1 * y[:, None] * y).detach()
    assert ledger.output == pytest.approx(float(output.sum()), rel=1e-9)


def test_bad_arguments():
    with pytest.raises(ValueError, match="sharpness=0: must be greater than 0"):
        AOClassifier(AOSRNN(**SMALL), sharpness=0)
    with pytest.raises(ValueError, match="classes=1: must be 2 or greater"):
        AOClassifier(AOSRNN(**SMALL), classes=1)
    with pytest.raises(ValueError, match=r"output has shape \(2, 27, 28\): must end in the window"):
        AOClassifier(AOSRNN(**SMALL)).logits(torch.ones(2, 27, 28))
