"""models.AOSRNN."""

import copy
import pickle

import pytest
import torch

from pyfdsr import nn
from pyfdsr.models import AOSRNN
from pyfdsr.nonlinearity import Kerr, SaturableAbsorber
from pyfdsr.optics import ImagingOptics
from pyfdsr.reference import PlainAOSRNN, torch_twin
from tolerances import assert_close

SMALL = {"num_layers": 3, "support": 16, "band": 18, "grid": 48}


def random(*shape, dtype=torch.complex64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def objects(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def whole(field):
    return torch_twin.pad_central(field, (48, 48))


def test_defaults_are_the_papers() -> None:
    model = AOSRNN()
    assert model.phases.shape == (10, 112, 112)
    assert abs(model.phases.mean()) < 0.01 and abs(model.phases.std() - 1) < 0.01
    assert (model.support, model.band, model.grid) == ((112, 112), (112, 112), (336, 336))
    assert model.nonlinearity == (Kerr(4.0),) * 10
    assert list(model.state_dict()) == ["phases"]


def test_agrees_with_the_network_as_the_paper_describes_it() -> None:
    model = AOSRNN(**SMALL).double()
    plain = PlainAOSRNN(num_layers=3, support=16, band=18, grid=48)
    plain.load_state_dict(
        {f"model.{layer}.phase_filter": phase for layer, phase in enumerate(model.phases.detach())}
    )
    plain = plain.double()
    field = random(2, 16, 16, dtype=torch.complex128)
    out, expected = model(field), plain(field)
    assert_close("float64_network", out, expected)
    out.square().sum().backward()
    expected.square().sum().backward()
    assert_close(
        "float64_network", model.phases.grad, torch.stack([unit.phase_filter.grad for unit in plain.model])
    )


def test_window_whole_grid_and_channel_axis() -> None:
    model = AOSRNN(**SMALL)
    field = random(2, 16, 16)
    out = model(field)
    assert out.shape == (2, 16, 16) and out.dtype == torch.float32
    assert torch.equal(model(field[:, None]), out[:, None])
    assert torch.equal(model(field[0]), out[0])
    assert_close("float32_network_output", model(whole(field)), out)
    assert torch.equal(model(whole(field)[:, None]), model(whole(field))[:, None])
    assert model(field[:0]).shape == (0, 16, 16)


def test_return_field() -> None:
    model = AOSRNN(**SMALL)
    field = model(random(2, 16, 16), return_field=True)
    assert field.dtype == torch.complex64
    assert_close("pointwise", model(random(2, 16, 16)), field.abs().square())


@pytest.mark.parametrize("cutoff_bins", [3.5, 8.9, 20.0])
def test_image_is_the_whole_grid_low_resolution_field_sent_through(cutoff_bins: float) -> None:
    optics = ImagingOptics(grid=48, cutoff_bins=cutoff_bins)
    model = AOSRNN(**SMALL, imaging=optics).double()
    intensity = objects(2, 16, 16).double()
    low = torch_twin.image(intensity, 48, cutoff_bins)
    expected = model(low)
    out = model.image(intensity)
    assert_close("float64_network", out, expected)
    assert torch.equal(model.image(intensity[:, None]), out[:, None])
    assert_close("pointwise", model.image(intensity, return_field=True).abs().square(), out)
    ours, twins = (torch.autograd.grad(result.square().sum(), model.phases)[0] for result in (out, expected))
    assert_close("float64_network", ours, twins)


def test_image_differentiates_to_the_object() -> None:
    model = AOSRNN(num_layers=2, support=4, band=4, grid=12, imaging=ImagingOptics(12, 1.5)).double()
    intensity = (objects(1, 4, 4).double() + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(model.image, (intensity,))


def test_dark_pixels_have_gradient_zero() -> None:
    model = AOSRNN(
        num_layers=2,
        support=4,
        band=4,
        grid=12,
        nonlinearity="linear",
        imaging=ImagingOptics(12, 1.5),
    ).double()
    intensity = objects(2, 4, 4).double() + 0.1
    dark = torch.zeros_like(intensity, dtype=torch.bool)
    dark[0, 1, 2] = dark[1, 3] = True
    intensity = intensity.masked_fill(dark, 0).requires_grad_()
    out = model.image(intensity)
    assert torch.equal(out, model.image(intensity.detach()))
    (once,) = torch.autograd.grad(out.square().sum(), intensity, create_graph=True)
    (twice,) = torch.autograd.grad(once.square().sum(), intensity)
    for gradient in (once, twice):
        assert gradient.isfinite().all() and not gradient[dark].any()
    # Elsewhere the gradient is that of the plain square root.
    plain = intensity.detach()[~dark].requires_grad_()
    image = torch.zeros_like(intensity).masked_scatter(~dark, plain.sqrt()).square()
    (expected,) = torch.autograd.grad(model.image(image).square().sum(), plain)
    assert_close("float64_network", once[~dark], expected)


def test_image_traces_whole_to_the_object() -> None:
    model = AOSRNN(num_layers=1, support=4, band=4, grid=12, imaging=ImagingOptics(12, 1.5))
    compiled = torch.compile(model.image, fullgraph=True, backend="aot_eager")
    intensity = torch.tensor([0.0, 1.0, 2.0, 0.5] * 4).reshape(1, 4, 4).requires_grad_()
    ours, eager = (
        torch.autograd.grad(run(intensity).square().sum(), intensity)[0] for run in (compiled, model.image)
    )
    torch._dynamo.reset()
    assert torch.allclose(ours, eager, rtol=1e-6, atol=1e-6) and eager.isfinite().all()


def test_nonlinearities() -> None:
    field = random(2, 16, 16)
    torch.manual_seed(0)
    default = AOSRNN(**SMALL)
    for given in (
        Kerr(4.0),
        nn.Kerr(4.0),
        [Kerr(4.0)] * 3,
        [nn.Kerr(4.0), Kerr(4.0), nn.Kerr(4.0, learnable=True)],
    ):
        model = AOSRNN(**SMALL, nonlinearity=given)
        model.load_state_dict(default.state_dict(), strict=False)
        assert torch.equal(model(field), default(field))
    linear = AOSRNN(**SMALL, nonlinearity="linear")
    assert linear.nonlinearity == (None,) * 3
    assert_close("float32_network_output", linear(2 * field), 4 * linear(field))


def test_last_absorber_is_kept() -> None:
    model = AOSRNN(**SMALL, nonlinearity=[Kerr(4.0), Kerr(4.0), SaturableAbsorber(2.0, 0.5)])
    twin = AOSRNN(**SMALL, nonlinearity=[Kerr(4.0), Kerr(4.0), None])
    twin.load_state_dict(model.state_dict())
    field = random(1, 16, 16)
    assert torch.all(model(field) < twin(field))


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "one-each"])
def test_learnable_nonlinearities_train_with_the_phases(shared: bool) -> None:
    modules = nn.Kerr(4.0, learnable=True) if shared else [nn.Kerr(4.0, learnable=True) for _ in range(3)]
    model = AOSRNN(**SMALL, nonlinearity=modules)
    names = {name for name, _ in model.named_parameters()}
    assert names == {
        "phases",
        *(f"nonlinearity_modules.{unit}.strength" for unit in range(1 if shared else 3)),
    }
    model(random(2, 16, 16), return_field=True).real.square().sum().backward()
    assert all(
        parameter.grad is not None and torch.all(parameter.grad != 0) for parameter in model.parameters()
    )
    twin = copy.deepcopy(model)
    with torch.no_grad():
        next(iter(twin.nonlinearity_modules)).strength.fill_(1.0)
    assert not torch.equal(
        twin(random(2, 16, 16), return_field=True), model(random(2, 16, 16), return_field=True)
    )
    assert model.nonlinearity[0].strength.item() == 4.0


def test_changed_attributes_of_a_module_are_used() -> None:
    module = nn.Kerr(4.0)
    model = AOSRNN(**SMALL, nonlinearity=module)
    other = AOSRNN(**SMALL, nonlinearity=Kerr(1.0))
    other.load_state_dict(model.state_dict(), strict=False)
    module.strength = 1.0
    field = random(2, 16, 16)
    assert torch.equal(model(field), other(field))


def test_parameters_may_be_swapped_for_a_call() -> None:
    model = AOSRNN(**SMALL, nonlinearity=nn.Kerr(4.0, learnable=True))
    other = AOSRNN(**SMALL, nonlinearity=nn.Kerr(1.0, learnable=True))
    field = random(2, 16, 16)
    swapped = torch.func.functional_call(
        model, dict(other.named_parameters()), (field,), {"return_field": True}
    )
    assert torch.equal(swapped, other(field, return_field=True))
    assert not torch.equal(swapped, model(field, return_field=True))


def test_trains() -> None:
    torch.manual_seed(1)
    model = AOSRNN(num_layers=2, support=12, band=12, grid=36, imaging=ImagingOptics(36, 3.5))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    intensity = objects(4, 12, 12)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = (model.image(intensity) - intensity).abs().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_copies_keep_the_output_bits(tmp_path) -> None:
    model = AOSRNN(
        **SMALL, nonlinearity=nn.SaturableKerr(3.0, 1.0, learnable=True), imaging=ImagingOptics(48, 5.5)
    )
    intensity = objects(2, 16, 16)
    expected = model.image(intensity)
    assert set(model.state_dict()) == set(dict(model.named_parameters()))
    torch.save(model.state_dict(), tmp_path / "state.pt")
    other = AOSRNN(
        **SMALL, nonlinearity=nn.SaturableKerr(2.0, 2.0, learnable=True), imaging=ImagingOptics(48, 5.5)
    )
    assert not torch.equal(other.image(intensity), expected)
    other.load_state_dict(torch.load(tmp_path / "state.pt"))
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), other):
        assert torch.equal(twin.image(intensity), expected)
        assert repr(twin) == repr(model)


def test_half_precision_objects_and_autocast() -> None:
    model = AOSRNN(**SMALL, imaging=ImagingOptics(48, 5.5))
    intensity = objects(2, 16, 16).half()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model.image(intensity)
    assert out.dtype == torch.float32
    assert torch.equal(out, model.image(intensity.float()))


def test_repr_names_sizes_and_nonlinearity() -> None:
    text = repr(AOSRNN(**SMALL, imaging=ImagingOptics(48, 5.5)))
    assert "num_layers=3, support=(16, 16), band=(18, 18), grid=(48, 48)" in text
    assert "Kerr(strength=4.0)" in text and "cutoff_bins=5.5" in text


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"support": 49}, ValueError, r"support=\(49, 49\): must not be larger than grid"),
        ({"band": (48, 50)}, ValueError, r"band=\(48, 50\): must not be larger than grid"),
        ({"num_layers": 0}, ValueError, "num_layers=0: must be at least 1"),
        ({"num_layers": 2.5}, TypeError, "num_layers=2.5"),
        ({"grid": 48.0}, TypeError, "grid=48.0: must be an integer"),
        ({"nonlinearity": "kerr"}, TypeError, "nonlinearity='kerr'"),
        ({"nonlinearity": [Kerr(1.0)]}, ValueError, "nonlinearity has 1 entries"),
        ({"nonlinearity": torch.nn.ReLU()}, TypeError, "ReLU"),
        (
            {"nonlinearity": Kerr(torch.nn.Parameter(torch.tensor(4.0)))},
            ValueError,
            r"(?s)nonlinearity=Kerr.* must hold numbers.* use pyfdsr.nn.Kerr\(..., learnable=True\)",
        ),
        (
            {"nonlinearity": [None, nn.Kerr(1.0), SaturableAbsorber(1.0, torch.tensor(0.5))]},
            ValueError,
            r"nonlinearity=SaturableAbsorber.* use pyfdsr.nn.SaturableAbsorber",
        ),
        ({"imaging": ImagingOptics(47, 5.5)}, ValueError, "imaging.grid=47: must be the network's grid"),
    ],
)
def test_bad_arguments(arguments, error, message: str) -> None:
    with pytest.raises(error, match=message):
        AOSRNN(**(SMALL | arguments))


def test_bad_fields() -> None:
    model = AOSRNN(**SMALL)
    with pytest.raises(
        ValueError, match=r"field has shape \(2, 15, 16\): must be \[B, 16, 16\] or \[B, 48, 48\]"
    ):
        model(random(2, 15, 16))
    with pytest.raises(ValueError, match=r"field has shape \(2, 3, 16, 16\): .* channel axis of 1"):
        model(random(2, 3, 16, 16))
    with pytest.raises(TypeError, match=r"field has dtype torch.int64"):
        model(torch.ones(2, 16, 16, dtype=torch.int64))
    with pytest.raises(ValueError, match="imaging=None"):
        model.image(objects(2, 16, 16))
    with pytest.raises(TypeError, match="intensity has dtype torch.complex64: must be real"):
        AOSRNN(**SMALL, imaging=ImagingOptics(48, 5.5)).image(random(2, 16, 16))


def reference_state(layers: int = 3):
    return {f"model.{layer}.phase_filter": torch.randn(1, 18, 18) for layer in reversed(range(layers))}


@pytest.mark.parametrize("wrapped", [False, True], ids=["state-dict", "checkpoint"])
def test_reference_checkpoint(tmp_path, wrapped: bool) -> None:
    state = reference_state()
    torch.save({"state_dict": state, "epoch": 3} if wrapped else state, tmp_path / "reference.pt")
    model = AOSRNN.from_reference_checkpoint(
        tmp_path / "reference.pt", support=16, grid=48, nonlinearity="linear"
    )
    assert (model.num_layers, model.band, model.support) == (3, (18, 18), (16, 16))
    assert model.nonlinearity == (None,) * 3
    for layer in range(3):
        assert torch.equal(model.phases[layer], state[f"model.{layer}.phase_filter"][0])
    assert model.phases.requires_grad


def test_damaged_reference_checkpoints(tmp_path) -> None:
    path = tmp_path / "reference.pt"
    state = reference_state()
    load = AOSRNN.from_reference_checkpoint
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.pt")
    torch.save(state, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="cannot be read as a torch checkpoint"):
        load(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be read as a torch checkpoint"):
        load(path)
    for content, message in (
        ({"weight": torch.ones(1)}, r"has no key 'model.<layer>.phase_filter', only \['weight'\]"),
        ({key: value for key, value in state.items() if ".1." not in key}, r"lacks model.1.phase_filter"),
        (state | {"model.2.phase_filter": torch.randn(17, 18)}, r"model.2.phase_filter has shape \(17, 18\)"),
        (
            state | {"model.0.phase_filter": torch.ones(18, 18, dtype=torch.int64)},
            "must be a real floating tensor",
        ),
        ([1, 2], "holds a list"),
    ):
        torch.save(content, path)
        with pytest.raises(ValueError, match=message):
            load(path, support=16, grid=48)
    torch.save(state, path)
    with pytest.raises(ValueError, match=r"band=\(18, 18\): must not be larger than grid"):
        load(path, support=16, grid=17)
