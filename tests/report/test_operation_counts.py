"""Operation counts against numbers worked out by hand, and against what the transforms really have to do."""

import json
import math

import numpy as np
import pytest

pytest.importorskip("torch")

from pyfdsr.models.descriptions import DESCRIPTIONS, ConvLayer, describe
from pyfdsr.report.operation_counts import (
    PRODUCTS,
    TRANSFORMS,
    NetworkCount,
    count_layer,
    direct_count,
    product_count,
    transform_count,
    transform_size,
)


def layer(
    given, made, kernel=3, stride=1, padding=1, dilation=1, channels=(4, 6), groups=1, transposed=False
):
    pairs = ((n, n) for n in (kernel, stride, padding, dilation))
    return ConvLayer("layer", *channels, *pairs, groups, given, made, transposed)


def test_resnet34_by_hand():
    # Stem: 112² positions of 64 × 3 × 7 × 7. Every other 3×3 layer of stride 1 has 56² 64² 9 (halving the map
    # doubles both channels), the first of stages 2 to 4 half of it. Shortcuts: 28² 64 128, thrice the same.
    stem = 112**2 * 64 * 3 * 49
    stage = 56**2 * 64**2 * 9
    convolutions = stem + (6 + 7 + 11 + 5) * stage + 3 * stage // 2
    shortcuts = 3 * 28**2 * 64 * 128
    count = NetworkCount.of("r34", describe("resnet34"))
    assert count.convolutions().direct == convolutions == 3_643_981_824  # "3.64 GMAC"
    assert count.total().direct == convolutions + shortcuts + 512 * 1000 == 3_663_761_408
    assert len(count.layers) == 37 and sum(c.layer.kernel != (1, 1) for c in count.layers) == 33


def test_resnet34_in_the_fourier_domain():
    half = {n: n * (n // 2 + 1) for n in (227, 57, 29, 15, 8)}
    products = 3 * 64 * half[227]
    products += 6 * 64**2 * half[57] + 64 * 128 * half[57]
    products += 7 * 128**2 * half[29] + 128 * 256 * half[29]
    products += 11 * 256**2 * half[15] + 256 * 512 * half[15]
    products += 5 * 512**2 * half[8]
    count = NetworkCount.of("r34", describe("resnet34")).convolutions()
    assert count.fourier["free", 4] == 4 * products
    assert count.fourier["free", 3] == 3 * products
    maps = {227: 67, 57: 6 * 128 + 192, 29: 7 * 256 + 384, 15: 11 * 512 + 768, 8: 5 * 1024}
    transforms = sum(number * 1.25 * n**2 * math.log2(n**2) for n, number in maps.items())
    assert count.fourier["electronic", 4] == pytest.approx(4 * products + transforms)
    rounded = [round(count.reduction(case, m), 2) for case in TRANSFORMS[:2] for m in PRODUCTS]
    assert rounded == [3.28, 4.37, 2.88, 3.70]


def test_other_networks_direct():
    total = {name: NetworkCount.of(name, describe(name)).total().direct for name in DESCRIPTIONS}
    assert total["vgg16"] == 15_470_264_320  # 15.5 GMAC, with its 0.12 of fully connected layers
    stage = 56**2 * 64**2 * 49
    assert (
        total["resnet34-7x7"]
        == 112**2 * 64 * 147 + 29 * stage + 3 * stage // 2 + 3 * 28**2 * 64 * 128 + 512_000
    )
    # With f = 224² 64² 9. Going down, to the bottom: w/2→w takes f/2, w→w takes f; going up: 2w→w takes 2f,
    # w→w f, and the 2×2 enlargement 2f/9.
    full = 224**2 * 64**2 * 9
    down, up = 5 * full + 4 * full // 2, 4 * (3 * full) + 4 * (2 * full // 9)
    assert total["unet"] == 224**2 * 3 * 64 * 9 + down + up + 224**2 * 64 * 2


def test_groups_dilation_and_transposed():
    dense = layer((16, 12), (16, 12))
    assert direct_count(dense) == 24 * 9 * 16 * 12
    assert direct_count(layer((16, 12), (16, 12), groups=2)) == direct_count(dense) // 2
    assert product_count(dense, 4) == 4 * 24 * 17 * 7
    assert product_count(layer((16, 12), (16, 12), groups=2), 3) == 3 * 12 * 17 * 7
    assert transform_size(layer((16, 12), (16, 12), dilation=3, padding=3)) == (19, 15)
    up = layer((8, 6), (16, 12), kernel=2, stride=2, padding=0, transposed=True)
    assert direct_count(up) == 24 * 4 * 8 * 6
    assert transform_size(up) == (16, 12)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        (3, 1, 1, 1),
        (7, 2, 3, 1),
        (3, 2, 1, 1),
        (3, 1, 0, 1),
        (3, 1, 4, 2),
        (2, 2, 0, 1),
        (4, 1, 3, 1),
        (5, 3, 1, 2),
    ],
)
def test_transform_size_suffices_and_is_the_shortest(kernel, stride, padding, dilation):
    size = 11
    made = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    described = layer((size, size), (made, made), kernel, stride, padding, dilation)
    (length, _) = transform_size(described)
    generator = np.random.default_rng(7)
    x, w = generator.standard_normal(size), generator.standard_normal(kernel)
    positions = stride * np.arange(made)[:, None] + dilation * np.arange(kernel) - padding
    inside = (positions >= 0) & (positions < size)
    exact = (np.where(inside, x[positions.clip(0, size - 1)], 0) * w).sum(1)

    def circular(length):
        return (np.pad(x, (0, length - size))[positions % length] * w).sum(1)

    np.testing.assert_allclose(circular(length), exact, rtol=0, atol=1e-13)
    if length > size:
        assert np.abs(circular(length - 1) - exact).max() > 1e-3


def test_transforms_of_the_weights_are_shared_by_the_batch():
    described = layer((16, 16), (16, 16))
    one, many = count_layer(described, 1), count_layer(described, 8)
    transform = transform_count(described)
    assert transform == pytest.approx(1.25 * 17**2 * math.log2(17**2))
    for m in PRODUCTS:
        assert one.fourier["electronic", m] == many.fourier["electronic", m]
        assert one.fourier["electronic", m] - one.fourier["free", m] == pytest.approx(10 * transform)
        extra = [c.fourier["electronic-weights", m] - c.fourier["electronic", m] for c in (one, many)]
        assert extra == pytest.approx([24 * transform, 3 * transform])


def test_pointwise_layers_stay_direct():
    count = count_layer(layer((16, 16), (16, 16), kernel=1, padding=0))
    assert set(count.fourier.values()) == {count.direct} == {24 * 256}


def test_the_cheaper_way_is_never_dearer():
    for name in DESCRIPTIONS:
        count = NetworkCount.of(name, describe(name), 1)
        for key, fewest in count.cheaper().fourier.items():
            assert fewest <= min(count.total().fourier[key], count.total().direct)


def test_as_dict_is_json():
    numbers = json.loads(json.dumps(NetworkCount.of("unet", describe("unet", (32, 48), 1)).as_dict()))
    assert numbers["totals"]["all"]["direct"] == sum(one["direct"] for one in numbers["layers"])
    assert numbers["layers"][0]["input_size"] == [32, 48] and numbers["layers"][0]["in_channels"] == 1
    assert numbers["layers"][0]["transform_size"] == [33, 49]


@pytest.mark.parametrize("batch", [0, -1, 1.5])
def test_bad_batch(batch):
    with pytest.raises(ValueError, match=r"batch=.*: must be an integer of 1 or more"):
        count_layer(layer((8, 8), (8, 8)), batch)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("alexnet", (224, 224), "name='alexnet': must be one of resnet34, resnet34-7x7, vgg16, unet"),
        ("vgg16", (16, 16), r"input_size=\(16, 16\): too small, pooling leaves nothing"),
        ("unet", (40, 32), r"input_size=\(40, 32\): both must be multiples of 16"),
        ("resnet34", (0, 32), r"input_size=\(0, 32\), channels=3: must be positive"),
    ],
)
def test_bad_descriptions(name, size, message):
    with pytest.raises(ValueError, match=message):
        describe(name, size)
