"""The emulated chip on arrays of a device: results, counts, rules and memories are those on NumPy arrays."""

import numpy as np
import pytest
import torch
from test_devices_arrays import OnDevice, field, real

import both_backends
from chip_agreement import check_on_arrays, convolution_of_maps, finely_read, transform_of
from chip_configs import CONFIGS
from pyfdsr import _chip, backends, ops
from pyfdsr._convolution import Convolution, convolution_of
from pyfdsr.backends import by_torch
from pyfdsr.backends.by_torch import chip_plan, chip_transform
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, PrecisionParameters
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("stand_ins")

NOISY = CONFIGS["noise"]
CALIBRATED = ChipConfig(frame=(5, 7), dac=DACParameters(6, "calibrated"), adc=ADCParameters(8, "calibrated"))
RANGES = [[2.0, 4.0], [3.0, 5.0]]
MOST_MOVED_IN_SINGLE = 0.17
"""As where backends are compared: one tile in ten may have a value at the middle between two levels."""


def check(call, config, single):
    with backends.forced(both_backends.OTHER):
        most = {"most": MOST_MOVED_IN_SINGLE} if single else {}
        check_on_arrays(call, config, OnDevice, torch.Tensor.numpy, **most)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.usefixtures("other")
def test_transforms_of_every_kind_of_chip(name, passes, single):
    config = CONFIGS[name] if passes == 1 else finely_read(CONFIGS[name].replace(frame=(5, 7)))
    for options in ({}, {"inverse": True, "noise": 0.7}):
        check(transform_of(config, passes, single, **options), config, single)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.usefixtures("other")
def test_convolutions_of_every_kind_of_chip(name, single):
    config = CONFIGS[name]
    check(convolution_of_maps(config, convolution_of((3, 3), padding=1), single), config, single)
    large, fine = Convolution((6, 3), (2, 1), (2, 2, 1, 1), (1, 1), 2), finely_read(config)
    fine, shape = fine.replace(frame=(5, 7)), {"inputs": 4, "outputs": 2, "size": (16, 20)}
    check(convolution_of_maps(fine, large, single, 0.7, **shape), fine, single)


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_the_core_offers_its_own_transform(passes):
    config = CONFIGS["phase step"].replace(frame=(3, 2))
    x = field(4, 3**passes, 2**passes)
    expected, wanted = ops.chip_dft2(x, config, inverse=True, return_counts=True)
    with backends.forced("core"):
        found, counts = ops.chip_dft2(OnDevice(x), config, inverse=True, return_counts=True)
    assert np.array_equal(found.numpy(), expected) and counts == wanted


def test_noise_is_drawn_anew_where_asked():
    x = OnDevice(np.zeros((3, 11, 11)))
    first = ops.chip_dft2(x, NOISY)
    assert torch.equal(ops.chip_dft2(x, NOISY), first) and first.abs().min() > 0
    for told in ({"step": 1}, {"layer": 1}, {"sample": 3}, {"noise": 0.5}):
        assert not torch.equal(ops.chip_dft2(x, NOISY, **told), first)
    third = ops.chip_dft2(OnDevice(np.zeros((11, 11))), NOISY, sample=2)
    assert_close("transform", third, first[2])
    assert not ops.chip_dft2(x, NOISY, noise=False).any()


def test_pieces_of_a_batch_are_the_whole(monkeypatch):
    x = field(5, 11, 11)
    whole, wanted = ops.chip_dft2(OnDevice(x), NOISY, return_counts=True)
    for module in (chip_transform, chip_plan):
        monkeypatch.setattr(module, "MOST_VALUES", 2 * 242)
    pieces, counts = ops.chip_dft2(OnDevice(x), NOISY, return_counts=True)
    assert_close("transform", pieces, whole)
    assert counts == wanted


@pytest.mark.parametrize("name", ["noise", "cartesian-6-abs_max-worst_case", "optical", "mzi-2-1.3-2.9"])
def test_arguments_are_left_alone(name):
    x, maps, kernels = OnDevice(field(2, 11, 11)), OnDevice(real(1, 2, 12, 12)), OnDevice(real(2, 2, 3, 3))
    before = [array.tensor.clone() for array in (x, maps, kernels)]
    ops.chip_dft2(x, CONFIGS[name])
    ops.chip_conv2d(maps, kernels, CONFIGS[name], OnDevice(real(2)))
    assert all(map(torch.equal, before, (array.tensor for array in (x, maps, kernels))))


def test_conjugated_tensors_are_read_as_such():
    x = field(2, 11, 11)
    found = ops.chip_dft2(OnDevice(torch.from_numpy(x).conj()), NOISY)
    assert_close("transform", found, ops.chip_dft2(OnDevice(x.conj()), NOISY))


@pytest.mark.parametrize("name", CONFIGS)
def test_no_values_are_read(name):
    # A meta device has none: what follows from sizes is known.
    gain = b"" if (found := _chip.static_gain(CONFIGS[name])) is None else found.tobytes()
    scales, x = _chip.full_scales(CONFIGS[name], 1, None), torch.empty(2, 11, 11, dtype=torch.complex64)
    told = False, CONFIGS[name], gain, 1, scales, _chip.Draw(), 1.0
    y, counts = by_torch.chip_dft2(x.to("meta"), *told)
    assert y.is_meta and y.shape == x.shape and y.dtype == x.dtype and counts["frames"] >= 2
    if CONFIGS[name].dac.bits:
        with pytest.raises((NotImplementedError, RuntimeError)):
            counts["dac_clipped"]


# -- rules


def maps_and_kernels(to, groups=1, kernel=(3, 3)):
    return to(real(1, 2, 9, 9)), to(real(3, 2 // groups, *kernel))


DIGITS = ChipConfig(
    frame=(5, 7),
    dac=DACParameters(16, 1.0),
    adc=ADCParameters(8, 4.0),
    precision=PrecisionParameters("binary", 20),
)


@pytest.mark.parametrize("to", [np.asarray, OnDevice])
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda to: ops.chip_dft2(to(real(5, 7)), None), TypeError, "config=None: must be a ChipConfig"),
        (
            lambda to: ops.chip_dft2(to(real(7)), NOISY),
            ValueError,
            r"x has shape \(7,\): must be \[..., N, N\]",
        ),
        (
            lambda to: ops.chip_dft2(to(real(2, 12, 11)), NOISY),
            ValueError,
            r"x has shape \[..., 12, 11\]: must be frame=\(11, 11\) to the power 1 to 3",
        ),
        (lambda to: ops.chip_dft2(to(real(5, 7)), CALIBRATED), RuntimeError, "no range is known yet"),
        (
            lambda to: ops.chip_dft2(to(real(5, 7)), CALIBRATED, [[1.0, float("nan")]]),
            RuntimeError,
            "adc.range='calibrated': no range is known yet",
        ),
        (
            lambda to: ops.chip_dft2(to(real(11, 11)), NOISY, step=-1),
            ValueError,
            "step=-1: must be an integer",
        ),
        (lambda to: ops.chip_dft2(to(real(11, 11)), NOISY, noise=-1), ValueError, "noise=-1: must be a flag"),
        (
            lambda to: ops.chip_dft2(to(np.float32(real(5, 7))), DIGITS),
            ValueError,
            "must be at most 22 in single precision",
        ),
        (
            lambda to: ops.chip_conv2d(*maps_and_kernels(to), config=3),
            TypeError,
            "config=3: must be a ChipConfig",
        ),
        (
            lambda to: ops.chip_conv2d(to(real(2, 9, 9)), to(real(3, 2, 3, 3)), NOISY),
            ValueError,
            r"x has shape \(2, 9, 9\) and w \(3, 2, 3, 3\): must be \[B, Ci, H, W\]",
        ),
        (
            lambda to: ops.chip_conv2d(*maps_and_kernels(to), NOISY, groups=2),
            ValueError,
            r"w has shape \(3, 2, 3, 3\): must fit x with 2 channels in 2 groups",
        ),
        (
            lambda to: ops.chip_conv2d(*maps_and_kernels(to, 2), NOISY, groups=2),
            ValueError,
            "groups",
        ),
        (
            lambda to: ops.chip_conv2d(*maps_and_kernels(to), NOISY, to(real(2))),
            ValueError,
            r"bias has shape \(2,\): must be \(3,\)",
        ),
        (
            lambda to: ops.chip_conv2d(*maps_and_kernels(to, kernel=(10, 2)), NOISY),
            ValueError,
            r"kernel of extent \(10, 2\) is larger than the padded input \(9, 9\)",
        ),
        (
            lambda to: ops.chip_conv2d(*maps_and_kernels(to, kernel=(3, 5)), NOISY.replace(frame=(3, 2))),
            ValueError,
            r"kernel of extent \(3, 5\) is longer than 2 passes of frames \(3, 2\)",
        ),
        (
            lambda to: ops.chip_conv2d(*maps_and_kernels(to), CALIBRATED),
            RuntimeError,
            "no range is known yet",
        ),
        (
            lambda to: ops.chip_conv2d(*maps_and_kernels(to), NOISY, sample=2**61),
            ValueError,
            "sample=.*: must be an integer from 0 to",
        ),
    ],
)
def test_rules_are_those_on_arrays(call, error, message, to):
    with pytest.raises(error, match=message):
        call(to)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x, w: ops.chip_conv2d(OnDevice(x), w, NOISY),
            "chip_conv2d: x in a device's memory and w in the CPU's: must all be in one",
        ),
        (
            lambda x, w: ops.chip_conv2d(OnDevice(x), OnDevice(w), NOISY, real(3)),
            "chip_conv2d: x, w in a device's memory and bias in the CPU's",
        ),
        (lambda x, w: ops.chip_conv2d(OnDevice(x), w.tolist(), NOISY), "w is a list: must be in the memory"),
        (
            lambda x, w: ops.chip_conv2d(OnDevice(x), OnDevice(w), NOISY, [1.0, 2.0, 3.0]),
            "bias is a list: must be in the memory of the other arrays' device",
        ),
        (
            lambda x, w: ops.chip_dft2(x[0, :, :5, :7], CALIBRATED, OnDevice(RANGES)),
            "chip_dft2: ranges in a device's memory and x in the CPU's",
        ),
        (lambda x, w: ops.chip_dft2(x.tolist(), CALIBRATED, OnDevice(RANGES)), "x is a list: must be in"),
    ],
)
def test_memories_are_not_mixed(call, message):
    with pytest.raises(TypeError, match=message):
        call(*maps_and_kernels(np.asarray))


@pytest.mark.parametrize("to", [list, np.array, torch.tensor, OnDevice])
def test_ranges_are_numbers_of_any_memory(to, monkeypatch):
    def refused(tensor, *arguments):
        raise TypeError("can't convert device type tensor to numpy")

    # As of a device's tensors.
    monkeypatch.setattr(torch.Tensor, "__array__", refused)
    (x, w), ranges = maps_and_kernels(np.asarray), to(RANGES)
    found = ops.chip_conv2d(OnDevice(x), OnDevice(w), CALIBRATED, ranges=ranges)
    assert_close("convolution", found, ops.chip_conv2d(x, w, CALIBRATED, ranges=RANGES))
    field = x[0, :, :5, :7]
    found = ops.chip_dft2(OnDevice(field), CALIBRATED, ranges)
    assert_close("transform", found, ops.chip_dft2(field, CALIBRATED, RANGES))
