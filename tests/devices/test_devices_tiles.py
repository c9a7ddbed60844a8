"""The CUDA kernels of a convolution's tiles, on threads of the host: how maps are cut, and where they lie."""

import pytest
import torch
import torch.nn.functional as F

import both_backends
from both_backends import random
from pyfdsr import backends
from pyfdsr._convolution import PADDING_MODES, Convolution
from pyfdsr.backends.by_torch import tile_transforms
from pyfdsr.backends.by_torch.correlation import Correlation
from pyfdsr.backends.by_torch.wide_map import WideMap
from pyfdsr.backends.cuda.fourier_conv2d import axes_of
from pyfdsr.functional import fourier_conv2d
from pyfdsr.functional.convolution_route import settings_of
from tolerances import assert_close

DTYPES = [torch.float32, torch.float64]


@pytest.fixture(autouse=True)
def kernels(cuda_on_host, monkeypatch):
    """Let threads of the host run the kernels, and say which transforms were asked for."""
    monkeypatch.setattr(backends.cuda.native, "_module", cuda_on_host)
    monkeypatch.setattr(both_backends, "OTHER", "cuda")
    asked = []
    for name in ("spectra", "kernel_spectra", "results", "depthwise", "kernels"):
        ours = getattr(backends.cuda.tile_transforms, name)
        monkeypatch.setattr(
            backends.cuda.tile_transforms, name, lambda *a, _o=ours, _n=name: (asked.append(_n), _o(*a))[1]
        )
    return asked


def case(size, extent, channels=(4, 4)):
    return Correlation((size, size), (extent, extent), *channels, 1)


def convolved(convolution, x, weight, bias=None, algorithm="tiled", name="cuda"):
    settings = settings_of(convolution, tuple(x.shape[-2:]))
    return getattr(backends, name if name == "cuda" else "by_torch").fourier_conv2d(
        x, weight, bias, settings, algorithm, -1
    )


@pytest.mark.parametrize("algorithm", ["fourier", "tiled", "auto"])
@pytest.mark.parametrize("size", [1, 5, 8, 9, 31, 64, 65, 200])
@pytest.mark.parametrize("extent", [1, 2, 5, 31, 33, 40])
def test_axes_cover_all_results(size, extent, algorithm):
    if extent > size:
        return
    axes = axes_of(case(size, extent), algorithm, 8, 64)
    served = {"fourier": size <= 64, "tiled": size <= 64 or extent <= 33, "auto": size <= 64 or extent <= 33}
    assert (axes is not None) == served[algorithm]
    for axis in axes or ():
        assert axis.length in (8, 16, 32, 64)
        assert axis.step * (axis.count - 1) < size - extent + 1 <= axis.step * axis.count
        assert axis.length >= axis.step + extent - 1
        assert algorithm != "fourier" or axis.count == 1


def test_axes_of_least_cost():
    def lengths(*arguments, **options):
        return [axis.length for axis in axes_of(case(*arguments, **options), "auto", 8, 64)]

    assert lengths(400, 15, channels=(8, 8)) == [64, 64]  # few weights: little computed twice
    assert lengths(56, 3, channels=(512, 512)) == [8, 8]  # spectra of weights grow with the tiles
    assert axes_of(case(40, 3), "tiled", 8, 64).y.count > 1


@pytest.mark.parametrize("algorithm", ["tiled", "fourier"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("channels", [(1, 8, 1), (4, 8, 4), (8, 1, 1), (3, 3, 3)])
@pytest.mark.parametrize("batch", [1, 2])
def test_few_images_and_channels(batch, channels, last, algorithm):
    """Batches, groups and channels of one, of which any stride is that of dense memory."""
    inputs, outputs, groups = channels
    x = random(batch, inputs, 20, 17, dtype=torch.float64)
    w, b = (random(*s, dtype=torch.float64, seed=1) for s in ((outputs, inputs // groups, 3, 5), (outputs,)))
    x = (x.contiguous(memory_format=torch.channels_last) if last else x).requires_grad_()
    w.requires_grad_(), b.requires_grad_()
    with backends.forced("cuda"):
        y = fourier_conv2d(x, w, b, 1, (1, 2), 1, groups, algorithm=algorithm)
        gradients = torch.autograd.grad(y.sum(), (x, w, b))
    wanted = F.conv2d(x, w, b, 1, (1, 2), 1, groups)
    assert_close("convolution", y, wanted)
    for ours, theirs in zip(gradients, torch.autograd.grad(wanted.sum(), (x, w, b)), strict=True):
        assert_close("convolution", ours, theirs)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_memory_formats(last, groups, dtype, kernels):
    x, w = random(2, 4, 21, 13, dtype=dtype), random(4, 4 // groups, 5, 3, dtype=dtype, seed=1)
    b = random(4, dtype=dtype, seed=2)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_(), w.requires_grad_(), b.requires_grad_()
    with backends.forced("cuda"):
        y = fourier_conv2d(x, w, b, 2, (1, 2), 1, groups, algorithm="tiled")
        v = random(*y.shape, dtype=dtype, seed=3)
        if last:
            v = v.contiguous(memory_format=torch.channels_last)
        gradients = torch.autograd.grad(y, (x, w, b), v)
    assert y.is_contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
    assert gradients[0].is_contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
    wanted = F.conv2d(x.double(), w.double(), b.double(), 2, (1, 2), 1, groups)
    assert_close("convolution", y, wanted.to(dtype))
    for ours, theirs in zip(gradients, torch.autograd.grad(wanted, (x, w, b), v.double()), strict=True):
        assert_close("convolution", ours, theirs)
    forward = ["kernel_spectra", "depthwise"] if groups == 4 else ["kernel_spectra", "spectra", "results"]
    assert kernels == forward * 2 + ["spectra", "spectra", "kernels"]


def test_expanded_maps(kernels):
    """Samples that share their memory: a map repeated along batch and channels, the cotangent of a sum."""
    x, w = (random(*s, dtype=torch.float64, seed=1) for s in ((1, 1, 9, 11), (4, 3, 3, 4)))
    repeated = x.requires_grad_().expand(2, 3, 9, 11)
    w.requires_grad_()
    with backends.forced("cuda"):
        y = fourier_conv2d(repeated, w, None, 1, 1, algorithm="tiled")
        gradients = torch.autograd.grad(y.sum(), (x, w))
    wanted = F.conv2d(repeated, w, None, 1, 1)
    assert_close("convolution", y, wanted)
    for ours, theirs in zip(gradients, torch.autograd.grad(wanted.sum(), (x, w)), strict=True):
        assert_close("convolution", ours, theirs)
    assert "kernels" in kernels


def test_maps_of_any_strides():
    plain = Convolution((3, 4), (1, 1), (1, 2, 0, 3), (1, 1), 1)
    w = random(2, 3, 3, 4, dtype=torch.float64)
    for x in (
        random(2, 3, 9, 14, dtype=torch.float64).transpose(2, 3),
        random(4, 6, 9, 28, dtype=torch.float64)[1::2, ::2, :, 3::2],
        random(1, 1, 9, 11, dtype=torch.float64).expand(2, 3, 9, 11),
        torch.imag(random(2, 3, 9, 11).conj()),
    ):
        assert_close("convolution", convolved(plain, x, w), convolved(plain, x.clone(), w, name="torch"))
    turned = w.transpose(2, 3).contiguous().transpose(2, 3)
    assert_close("convolution", convolved(plain, x, turned), convolved(plain, x, w))
    assert_close(
        "convolution", convolved(plain, x, torch.imag(torch.complex(w, w).conj())), -convolved(plain, x, w)
    )


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_wide_maps(mode, kernels):
    """Padding as wide as it can be, by the kernels as by torch; in mode zeros cropped and spaced."""
    x = random(2, 3, 7, 9, dtype=torch.float64)
    paddings = {
        "zeros": [(9, 3, 0, 12), (-2, -1, 3, -4)],
        "circular": [(7, 7, 9, 9), (1, 0, 0, 2)],
        "replicate": [(12, 9, 0, 20), (0, 3, 1, 0)],
    }
    for padding in paddings.get(mode, [(6, 6, 8, 8), (0, 3, 1, 0)]):
        for spacing in [(1, 1), (3, 2)] if mode == "zeros" else [(1, 1)]:
            wide = WideMap(x, padding, mode, spacing)
            assert wide.size == tuple(wide.tensor().shape[-2:])
            axes = axes_of(Correlation(wide.size, (2, 3), 3, 1, 1), "tiled", 8, 64)
            for used in (axes.lengths, axes.steps):
                ours, theirs = (
                    transforms.spectra(wide, axes, used, 1)
                    for transforms in (backends.cuda.tile_transforms, tile_transforms)
                )
                assert ours.shape == theirs.shape
                assert_close("transform", ours, theirs)
    assert "spectra" in kernels


@pytest.mark.parametrize("padding", [(-2, 5, -2, 5), (5, -2, 5, -2), (-2, 3, 4, -1)])
def test_cropping_beyond_the_samples(padding):
    """Of one sample of zeros around it, some are cropped that stand for no sample."""
    for x, spacing in ((random(1, 2, 1, 1), (1, 1)), (random(1, 2, 1, 2), (8, 4))):
        wide = WideMap(x.real, padding, "zeros", spacing)
        assert wide.size == tuple(wide.tensor().shape[-2:])
        axes = axes_of(Correlation(wide.size, (1, 1), 2, 1, 1), "fourier", 8, 64)
        ours, theirs = (
            transforms.spectra(wide, axes, axes.lengths, 1)
            for transforms in (backends.cuda.tile_transforms, tile_transforms)
        )
        assert_close("transform", ours, theirs)


def test_what_is_too_large_is_left_to_torch(kernels):
    x = random(1, 2, 80, 90, dtype=torch.float64)
    for extent, algorithm in ((40, "tiled"), (5, "fourier")):
        w = random(2, 2, extent, extent, dtype=torch.float64)
        plain = Convolution((extent, extent), (1, 1), (0,) * 4, (1, 1), 1)
        assert_close("convolution", convolved(plain, x, w, None, algorithm), F.conv2d(x, w))
    assert not kernels
    convolved(Convolution((5, 5), (1, 1), (0,) * 4, (1, 1), 1), x, random(2, 2, 5, 5).real, None, "auto")
    assert kernels


def test_images_and_channels_are_apart():
    """Neither a NaN nor a large value of one image, or of one depthwise channel, is felt by another."""
    plain, last = Convolution((3, 3), (1, 1), (1,) * 4, (1, 1), 4), torch.channels_last
    x, w = random(3, 4, 11, 12, dtype=torch.float32), random(4, 1, 3, 3, dtype=torch.float32)
    expected = convolved(plain, x, w)
    for images in ([0], [1, 2]):
        assert torch.equal(convolved(plain, x[images], w), expected[images])
    spoilt = x.clone()
    spoilt[0, 1], spoilt[1, 2, 3, 3] = 1e30, torch.nan
    for layout in (torch.contiguous_format, last):
        y = convolved(plain, spoilt.contiguous(memory_format=layout), w)
        assert y[1, 2].isnan().any()
        for image, channel in ((0, 0), (0, 2), (0, 3), (1, 0), (1, 1), (1, 3), (2, 0), (2, 3)):
            assert torch.equal(y[image, channel], expected[image, channel])


def test_empty_batches(kernels):
    plain = Convolution((3, 3), (2, 2), (1,) * 4, (1, 1), 1)
    settings = settings_of(plain, (8, 9))
    x, v, w = (torch.zeros(*shape) for shape in ((0, 4, 8, 9), (0, 6, 4, 5), (6, 4, 3, 3)))
    assert convolved(plain, x, w).shape == v.shape
    assert backends.cuda.fourier_conv2d_adjoint_input(v, w, settings, "tiled").shape == x.shape
    v_w = backends.cuda.fourier_conv2d_adjoint_weight(v, x, settings, "tiled")
    assert v_w.shape == w.shape and not v_w.any()
    assert not kernels


@pytest.mark.parametrize(
    ("mode", "padding", "message"),
    [
        ("reflect", (3, 0, 0, 0), "before: 3 given, must be at most 2 of 3 samples in mode reflect"),
        ("circular", (0, 0, 0, 5), "wide - before - size: 5 given, must be at most 4 of 4 samples"),
        ("replicate", (-1, 3, 0, 0), "before: -1 given, must not be negative"),
    ],
)
def test_padding_beyond_the_samples_is_refused(mode, padding, message):
    wide = WideMap(torch.zeros(1, 1, 3, 4), padding, mode)
    axes = axes_of(Correlation(wide.size, (1, 1), 1, 1, 1), "fourier", 8, 64)
    with pytest.raises(ValueError, match=message):
        backends.cuda.tile_transforms.spectra(wide, axes, axes.lengths, 1)


def test_impossible_tiles_are_refused(cuda_on_host):
    with pytest.raises(
        ValueError, match="length: 24 samples a tile given, must be a power of two from 8 to 64"
    ):
        backends.cuda.tile_transforms.kernel_spectra(torch.zeros(1, 1, 3, 3), (24, 8), 1)
