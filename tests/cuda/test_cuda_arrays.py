"""Operators on arrays of a GPU's memory against NumPy's; skipped, and counted as skipped, without a GPU."""

import numpy as np
import pytest
import torch

from chip_agreement import check_on_arrays, convolution_of_maps, finely_read, transform_of
from chip_configs import CONFIGS
from pyfdsr import ops
from pyfdsr._convolution import Convolution, convolution_of
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters
from pyfdsr.nonlinearity import Kerr, TwoPhotonAbsorption
from tolerances import assert_close

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

MIXED = (Kerr(2.0), TwoPhotonAbsorption(0.5), None)


def field(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def every_kind(to):
    """Results of an operator of each kind, with `to` between an array and its memory."""
    x, v, phases = (
        to(field(3, 16, 16)),
        to(field(3, 16, 16, seed=1)),
        to(field(3, 12, 12, seed=2).real.copy()),
    )
    maps, kernels = to(field(2, 4, 20, 18).real.copy()), to(field(6, 4, 3, 3).real.copy())
    out, tape = ops.four_f_stack(x, phases, 48, MIXED, save=True)
    v_x, v_phases, v_parameters = ops.four_f_stack_adjoint(v, tape)
    v_nonlinear, v_strength = ops.nonlinear_adjoint(v, x, Kerr(2.0))
    convolved = ops.fourier_conv2d(maps, kernels, padding=1)
    arrays = [
        ops.windowed_dft(x, 48, 12),
        *ops.four_f_adjoint(v, x, ops.windowed_dft(x[0], 48, 12), 48),
        ops.propagate(x, 1e-3, 4e-6, 550e-9),
        out,
        v_x,
        v_phases,
        v_nonlinear,
        convolved,
        ops.fourier_conv2d_adjoint_weight(convolved, maps, 3, padding=1),
    ]
    return arrays, [*v_strength, *(value for row in v_parameters for value in row)]


def check(to, back, kind):
    arrays, numbers = every_kind(to)
    expected, wanted = every_kind(np.asarray)
    for ours, theirs in zip(arrays, expected, strict=True):
        assert isinstance(ours, kind)
        assert_close("convolution", back(ours), theirs)
    assert numbers == pytest.approx(wanted, rel=1e-9)


def test_tensors():
    check(lambda a: torch.from_numpy(a).cuda(), lambda t: t.cpu().numpy(), torch.Tensor)


def test_cupy():
    cupy = pytest.importorskip("cupy")
    check(cupy.asarray, cupy.asnumpy, cupy.ndarray)
    with cupy.cuda.Stream(non_blocking=True):
        check(cupy.asarray, cupy.asnumpy, cupy.ndarray)


def test_numba():
    cuda = pytest.importorskip("numba.cuda")
    if not cuda.is_available():
        pytest.skip("numba finds no CUDA")
    x = field(3, 16, 16)
    found = ops.windowed_dft(cuda.to_device(x), 48, 12)
    assert type(found).__module__.startswith("numba")
    assert_close("transform", found.copy_to_host(), ops.windowed_dft(x, 48, 12))


MEMORIES = {
    "torch": (lambda _: (lambda a: torch.from_numpy(a).cuda(), lambda t: t.cpu().numpy())),
    "cupy": (lambda cupy: (cupy.asarray, cupy.asnumpy)),
}


@pytest.mark.parametrize("library", MEMORIES)
@pytest.mark.parametrize("name", CONFIGS)
def test_every_kind_of_chip(name, library):
    to, back = MEMORIES[library](pytest.importorskip(library))
    config, plain = CONFIGS[name], convolution_of((3, 3), padding=1)
    fine = finely_read(config.replace(frame=(5, 7)))
    large = Convolution((6, 3), (2, 1), (2, 2, 1, 1), (1, 1), 2)
    shape = {"inputs": 4, "outputs": 2, "size": (16, 20)}
    # In single precision a tile in ten may have a value at the middle between two levels.
    for single, most in ((False, {}), (True, {"most": 0.17})):
        for of, call in (
            (config, transform_of(config, 1, single)),
            (fine, transform_of(fine, 2, single, inverse=True, noise=0.7)),
            (config, convolution_of_maps(config, plain, single)),
            (fine, convolution_of_maps(fine, large, single, 0.7, **shape)),
        ):
            check_on_arrays(call, of, to, back, **most)


def test_ranges_of_a_chip_may_be_in_any_memory():
    config = ChipConfig(dac=DACParameters(6, "calibrated"), adc=ADCParameters(8, "calibrated"))
    x, ranges = field(2, 11, 11), np.array([[2.0, 4.0]])
    expected = ops.chip_dft2(x, config, ranges)
    for given in (ranges, torch.from_numpy(ranges), torch.from_numpy(ranges).cuda()):
        found = ops.chip_dft2(torch.from_numpy(x).cuda(), config, given)
        assert_close("transform", found.cpu().numpy(), expected)


@pytest.mark.parametrize("name", ["noise", "optical", "polar-6-abs_max-worst_case"])
def test_the_host_does_not_wait_for_the_chip(name):
    x, maps, kernels = (
        torch.randn(shape, device="cuda") for shape in ((3, 11, 11), (2, 3, 14, 15), (4, 3, 3, 3))
    )

    def step():
        return (
            *ops.chip_dft2(x, CONFIGS[name], return_counts=True),
            *ops.chip_conv2d(maps, kernels, CONFIGS[name], return_counts=True),
        )

    first = step()  # puts the constants on the device
    torch.cuda.set_sync_debug_mode("error")
    try:
        second = step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(first[0], second[0]) and torch.equal(first[2], second[2])
    assert first[1] == second[1] and first[3] == second[3]


class Named:
    """A tensor as another library's array, filled on a stream that it names."""

    def __init__(self, tensor, stream):
        self.tensor = tensor
        self.__cuda_array_interface__ = {
            **tensor.__cuda_array_interface__,
            "version": 3,
            "stream": stream.cuda_stream,
        }


def test_the_named_stream_is_waited_for_and_waits():
    # A long product on the side stream makes the input late: without waiting, zeros would be read.
    side, x = torch.cuda.Stream(), field(4, 16, 16)
    ready, late = torch.from_numpy(x).cuda(), torch.zeros(4, 16, 16, dtype=torch.complex128, device="cuda")
    a = torch.randn(4096, 4096, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(side):
        for _ in range(20):
            a = (a @ a).clamp_(-1, 1)
        late.copy_(ready)
    found = ops.windowed_dft(Named(late, side), 48, 12)
    with torch.cuda.stream(side):
        late.zero_()  # after the operator has read it
        copied = found.clone()
    torch.cuda.synchronize()
    assert_close("transform", copied.cpu().numpy(), ops.windowed_dft(x, 48, 12))


def test_memory_is_shared():
    shared = Named(torch.from_numpy(field(8)).cuda(), torch.cuda.Stream())
    from pyfdsr.ops.exchange import tensor_of

    assert tensor_of(shared).data_ptr() == shared.tensor.data_ptr()


def test_two_memories_are_refused():
    with pytest.raises(TypeError, match="four_f: x in a device's memory and transfer in the CPU's"):
        ops.four_f(torch.from_numpy(field(8, 8)).cuda(), field(5, 5), 24)
