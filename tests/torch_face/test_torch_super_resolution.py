"""The super-resolution networks: shapes, the chip, weights that move, files."""

import copy
import json
import re
import struct

import pytest
import torch
import torch.nn.functional as F

from pyfdsr import chip, models, nn
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters
from pyfdsr.models import SuperResolutionCNN, SuperResolutionUNet
from tolerances import assert_close

IDEAL = ChipConfig(dac=DACParameters(bits=0), adc=ADCParameters(bits=0))
COARSE = ChipConfig(dac=DACParameters(4, "abs_max"), adc=ADCParameters(8, "abs_max"))
SHAPES = {
    "gradual": SuperResolutionCNN,
    "late": SuperResolutionCNN.late,
    "unet": SuperResolutionUNet,
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def article_network(state, x):
    """The article's listing on a state dict, with its residual connections and order written out."""

    def convolve(name, x, pad=1):
        x = F.pad(x, (pad,) * 4, mode="replicate") if pad else x
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"])

    x = F.elu(convolve("c1", x))
    for block, length in enumerate((4, 2, 1)):
        y = x
        for layer in range(length):
            y = F.elu(convolve(f"c_stem.{block}.conv_layers.{layer}", y))
        y = y + x.repeat_interleave(4, 1)
        x = torch.empty(x.shape[0], 4, 2 * x.shape[2], 2 * x.shape[3], dtype=x.dtype)
        for k, (dy, dx) in enumerate([(0, 0), (1, 0), (0, 1), (1, 1)]):
            x[:, :, dy::2, dx::2] = y[:, k::4]
    return convolve("cf", x, 0)


def test_it_is_the_articles_network():
    model = SuperResolutionCNN()
    for parameter in model.parameters():  # away from equal kernels
        torch.nn.init.normal_(parameter, std=0.2)
    names = ["c1.weight", "c_stem.0.conv_layers.3.bias", "c_stem.2.conv_layers.0.weight", "cf.bias"]
    assert set(names) <= set(model.state_dict())
    x = torch.rand(2, 3, 9, 6)
    assert_close("convolution", model(x), article_network(model.state_dict(), x))
    assert_close("convolution", model.double()(x.double()), article_network(model.state_dict(), x.double()))


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 3), (4, 8)])
@pytest.mark.parametrize("shape", SHAPES)
def test_any_size(shape, size):
    model = SHAPES[shape]()
    x = torch.rand(2, 3, *size)
    y = model(x)
    assert y.shape == (2, 3, 8 * size[0], 8 * size[1])
    assert torch.isfinite(y).all()
    with torch.inference_mode():
        assert_close("convolution", model(x[0]), y[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_few_steps_of_training(shape):
    model = SHAPES[shape]()
    x = torch.rand(4, 3, 8, 8)
    target = F.interpolate(x, scale_factor=8, mode="bilinear")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


@pytest.mark.parametrize("shape", ["gradual", "late"])
def test_an_untrained_network_has_no_checkerboard(shape):
    model = SHAPES[shape]()
    y = model(torch.rand(1, 3, 1, 1).expand(1, 3, 6, 6))
    assert_close("convolution", y, y[..., :1, :1].expand_as(y))
    y = model(torch.rand(1, 3, 6, 6))
    for dy, dx in ((0, 1), (1, 0), (1, 1)):  # the last up-sampling
        assert_close("pointwise", y[..., dy::2, dx::2], y[..., ::2, ::2])
    # Kernels as they are drawn do leave a pattern on a grey surface.
    for block in model.c_stem:
        block.conv_layers[-1].reset_parameters()
    y = model(torch.rand(1, 3, 1, 1).expand(1, 3, 6, 6))
    assert (y - y[..., :1, :1]).abs().max() > 1e-3


def test_optical_is_the_same_network_on_a_chip():
    model = SuperResolutionCNN()
    optical = SuperResolutionCNN(optical=True, chip=IDEAL)
    layers = list(chip.optical_layers(optical))
    assert len(layers) == 9 and [layer.layer_id for _, layer in layers] == list(range(9))
    assert [name for name, _ in layers][::8] == ["c1", "cf"]
    assert {layer.padding_mode for name, layer in layers if name != "cf"} == {"replicate"}
    assert optical.load_state_dict(model.state_dict()) is not None
    x = torch.rand(2, 3, 10, 7)
    assert_close("convolution", optical(x), model(x))
    coarse = SuperResolutionCNN(optical=True, chip=COARSE)
    coarse.load_state_dict(model.state_dict())
    assert (coarse(x) - model(x)).abs().max() > 1e-3


def test_weights_move_both_ways():
    model, optical = SuperResolutionCNN(), SuperResolutionCNN(optical=True, chip=IDEAL)
    own = {name: value for name, value in optical.state_dict().items() if "chip" not in name}
    model.load_state_dict({name: own[name] for name in model.state_dict()})
    x = torch.rand(1, 3, 5, 5)
    assert_close("convolution", model(x), optical(x))
    converted = chip.convert_to_optical(copy.deepcopy(model), IDEAL)
    assert [type(layer) for layer in converted.c_stem[0].conv_layers] == [nn.OpticalConv2d] * 4
    assert_close("convolution", converted(x), model(x))
    back = chip.convert_to_digital(converted)
    assert type(back.c1) is torch.nn.Conv2d
    assert_close("convolution", back(x), model(x))


def test_the_seed_draws_the_same_weights_on_a_chip():
    torch.manual_seed(3)
    model = SuperResolutionCNN()
    torch.manual_seed(3)
    optical = SuperResolutionCNN(optical=True, chip=IDEAL)
    for name, value in model.state_dict().items():
        assert torch.equal(value, optical.state_dict()[name])


def test_tied_networks_train_to_squares():
    model = SuperResolutionCNN(tied=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        (model(torch.rand(2, 3, 4, 4)) - torch.rand(2, 3, 32, 32)).square().mean().backward()
        optimizer.step()
    y = model(torch.rand(1, 3, 4, 4))
    for dy, dx in ((0, 1), (1, 0), (1, 1)):
        assert_close("pointwise", y[..., dy::2, dx::2], y[..., ::2, ::2])


@pytest.mark.parametrize("shape", SHAPES)
def test_input_range_is_what_an_output_depends_on(shape):
    model = SHAPES[shape]().double()
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, 0.01, 0.1)  # nothing cancels
    size = 40 if shape == "gradual" else 72
    first, last = 8 * (size // 2 + 1) + 3, 8 * (size // 2 + 2)
    x = torch.rand(1, 3, size, 1, dtype=torch.float64, requires_grad=True)
    model(x)[..., first:last, :].sum().backward()
    touched = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert model.input_range(first, last) == (int(touched[0]), int(touched[-1]) + 1)


# -- files


@pytest.mark.parametrize("shape", SHAPES)
def test_files_describe_themselves(shape, tmp_path):
    arguments = {"in_channels": 1, "out_channels": 2, "order": "pixel_shuffle"}
    model, path = SHAPES[shape](tied=True, **arguments), tmp_path / "network.safetensors"
    models.save_super_resolution(model, path, notes={"licence": "CC0"})
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    before = torch.get_rng_state()
    read = models.load_super_resolution(path)
    assert torch.equal(before, torch.get_rng_state())
    assert read.architecture() == model.architecture() and read.notes == {"licence": "CC0"}
    x = torch.rand(1, 1, 4, 4)
    assert torch.equal(read(x), model(x))
    optical = models.load_super_resolution(path, optical=True, chip=IDEAL)
    assert_close("convolution", optical(x), model(x))
    models.save_super_resolution(optical, path)
    assert torch.equal(models.load_super_resolution(path)(x), model(x))


def header_changed(path, **changes):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] |= changes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def test_foreign_and_damaged_files_are_named(tmp_path):
    import safetensors.torch

    path = tmp_path / "network.safetensors"
    with pytest.raises(FileNotFoundError, match="network.safetensors"):
        models.load_super_resolution(path)
    path.write_bytes(b"GIF89a")
    with pytest.raises(ValueError, match=r"network\.safetensors: is no safetensors file, or damaged"):
        models.load_super_resolution(path)
    safetensors.torch.save_file({"a": torch.ones(1)}, path)
    with pytest.raises(ValueError, match=r"network\.safetensors: is no super-resolution network of pyfdsr"):
        models.load_super_resolution(path)
    model = SuperResolutionCNN()
    models.save_super_resolution(model, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(ValueError, match="no safetensors file, or damaged"):
        models.load_super_resolution(path)
    for architecture, message in (
        ("{", "architecture cannot be understood"),
        ('{"kind": "Other", "arguments": {}}', "architecture cannot be understood .*Other"),
        ('{"kind": "SuperResolutionCNN", "arguments": {"depths": [8]}}', "must be of one length"),
        ('{"kind": "SuperResolutionCNN", "arguments": {"width": 1}}', "width"),
        ('{"kind": "SuperResolutionUNet", "arguments": {}}', "c_down"),
    ):
        path.write_bytes(whole)
        header_changed(path, architecture=architecture)
        with pytest.raises(ValueError, match=rf"(?s)network\.safetensors: .*{message}"):
            models.load_super_resolution(path)
    with pytest.raises(TypeError, match="model is a Conv2d: must be one of SuperResolutionCNN"):
        models.save_super_resolution(torch.nn.Conv2d(1, 1, 1), path)
    with pytest.raises(ValueError, match="name='none': is no pretrained network"):
        models.load_pretrained("none")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    import safetensors.torch

    path = tmp_path / "network.safetensors"
    path.write_bytes(b"old")

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        models.save_super_resolution(SuperResolutionCNN(), path)
    assert safetensors.torch is not None
    assert [file.name for file in tmp_path.iterdir()] == [path.name] and path.read_bytes() == b"old"


REFUSED = {
    "scale": (lambda: SuperResolutionCNN(scale=4), "scale=4: 3 blocks with doublings=(1, 1, 1) make 8"),
    "lengths": (lambda: SuperResolutionCNN(lengths=(4, 2)), "depths=(4, 4, 4), lengths=(4, 2)"),
    "depths": (lambda: SuperResolutionCNN(depths=(4, 8, 4)), "depths=(4, 8, 4): must be alike"),
    "no blocks": (lambda: SuperResolutionCNN(depths=()), "depths=(): must be a sequence"),
    "kernel": (lambda: SuperResolutionCNN(kernel_size=4), "kernel_size=4: must be odd"),
    "padding": (lambda: SuperResolutionCNN(padding_mode="same"), "padding_mode='same': must be one of"),
    "channels": (lambda: SuperResolutionCNN(in_channels=0), "in_channels=0: must be an integer of 1"),
    "chip": (lambda: SuperResolutionCNN(optical=True), "optical=True: needs chip=ChipConfig"),
    "late scale": (lambda: SuperResolutionCNN.late(scale=6), "scale=6: must be 2, 4, 8"),
    "unet scale": (lambda: SuperResolutionUNet(scale=1), "scale=1: must be 2, 4, 8"),
    "levels": (lambda: SuperResolutionUNet(levels=0), "levels=0: must be an integer of 1"),
    "image": (
        lambda: SuperResolutionCNN()(torch.ones(1, 4, 5, 5)),
        "x has shape (1, 4, 5, 5): must be",
    ),
    "empty": (lambda: SuperResolutionCNN()(torch.ones(3, 0, 5)), "H and W of 1 or more"),
    "integers": (lambda: SuperResolutionCNN()(torch.ones(3, 5, 5).byte()), "x has dtype torch.uint8"),
    "array": (lambda: SuperResolutionCNN()([1]), "x is a list: must be a tensor"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input(case):
    call, message = REFUSED[case]
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        call()


def test_shipped_networks_load():
    names = models.pretrained_names()
    assert "srcnn_mse_x8" in names
    for name in names:
        assert models.load_pretrained(name)(torch.rand(1, 3, 4, 4)).shape == (1, 3, 32, 32)
