"""Operators on arrays of a device: who computes, what comes back, and what is refused.

Stand-ins show the interface of such arrays and hold CPU tensors, which torch's operations compute.
"""

import pickle
import subprocess
import sys
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import both_backends
from chip_agreement import assert_same_counts
from pyfdsr import backends, ops
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters
from pyfdsr.nonlinearity import Kerr, OptoelectronicGate, TwoPhotonAbsorption
from pyfdsr.ops import by_backends, exchange
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("stand_ins")

SPACE = (1e-3, 4e-6, 550e-9)
MIXED = (Kerr(2.0), TwoPhotonAbsorption(0.5), None)
CHIP = ChipConfig(dac=DACParameters(0), adc=ADCParameters(16, "worst_case"), frame=(5, 7))


class OnDevice:
    """An array whose values only the interface gives away."""

    def __init__(self, array, stream=None):
        self.tensor = array if isinstance(array, torch.Tensor) else torch.from_numpy(np.array(array))
        self.__cuda_array_interface__ = {"version": 3, "stream": stream}


def real(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def field(*shape, seed=0):
    return real(*shape, seed=seed) + 1j * real(*shape, seed=seed + 100)


def stack_and_back(v, x, phases, aperture, **options):
    """A stack with its adjoint, whose tape is the operators' own."""
    out, tape = ops.four_f_stack(x, phases, 24, MIXED, 7, aperture=aperture, save=True, **options)
    assert isinstance(tape, ops.StackTape if isinstance(x, np.ndarray) else ops.DeviceStackTape)
    return out, *ops.four_f_stack_adjoint(v, tape)


CASES = {
    "windowed_dft": lambda to: ops.windowed_dft(to(field(2, 3, 8, 7)), (24, 25), (5, 6)),
    "windowed_dft real grid": lambda to: ops.windowed_dft(to(real(8, 8)), 24.5, band=5),
    "windowed_dft single": lambda to: ops.windowed_dft(x=to(np.complex64(field(8, 8))), grid=24, band=5),
    "windowed_dft_adjoint": lambda to: ops.windowed_dft_adjoint(to(field(3, 5, 6)), (24, 25), (8, 7)),
    "windowed_idft": lambda to: ops.windowed_idft(to(field(3, 5, 6)), (24, 25), (8, 7)),
    "windowed_idft_adjoint": lambda to: ops.windowed_idft_adjoint(to(field(3, 8, 7)), (24, 25), (5, 6)),
    "four_f": lambda to: ops.four_f(to(real(2, 1, 6, 6)), to(field(3, 5, 5)), 18, (7, 4)),
    "four_f shared": lambda to: ops.four_f(to(field(0, 6, 6)), to(real(5, 5)), 18),
    "four_f_adjoint": lambda to: ops.four_f_adjoint(
        to(field(2, 3, 7, 4)), to(real(2, 1, 6, 6)), to(field(3, 5, 5)), 18
    ),
    "four_f_adjoint shared": lambda to: ops.four_f_adjoint(
        to(field(2, 6, 6)), to(field(6, 6)), to(field(2, 5, 5)), grid=18
    ),
    "four_f_stack": lambda to: ops.four_f_stack(
        to(field(2, 8, 8)), to(real(3, 6, 6)), 24, MIXED, intensity=True
    ),
    "four_f_stack linear": lambda to: ops.four_f_stack(to(real(8, 8)), to(real(3, 6, 6)), 24, None),
    "four_f_stack_adjoint": lambda to: stack_and_back(
        to(field(2, 7, 7)), to(field(2, 8, 8)), to(real(3, 6, 6)), to(real(6, 6))
    ),
    "four_f_stack_adjoint real": lambda to: stack_and_back(
        to(real(7, 7)), to(real(8, 8)), to(real(3, 6, 6)), to(real(2, 6, 6)), intensity=True
    ),
    "nonlinear": lambda to: ops.nonlinear(to(field(9)), OptoelectronicGate(0.1, 0.9, 0.5, 2.5)),
    "nonlinear none": lambda to: ops.nonlinear(to(real(9)), None),
    "nonlinear_adjoint": lambda to: ops.nonlinear_adjoint(
        to(field(4, 5)), to(real(4, 5)), OptoelectronicGate(0.1, 0.9, 0.5, 2.5)
    ),
    "nonlinear_adjoint none": lambda to: ops.nonlinear_adjoint(to(field(4)), to(real(4)), None),
    "propagate": lambda to: ops.propagate(to(field(2, 9, 8)), *SPACE, pad_factor=2.5),
    "propagate_adjoint": lambda to: ops.propagate_adjoint(to(field(2, 9, 8)), *SPACE, band_limit=False),
    "fourier_conv2d": lambda to: ops.fourier_conv2d(
        to(real(2, 4, 11, 9)), to(real(6, 2, 3, 4)), to(real(6)), (2, 1), (1, 2), 2, 2
    ),
    "fourier_conv2d same": lambda to: ops.fourier_conv2d(
        to(real(4, 11, 9)), to(real(6, 4, 3, 4)), padding="same"
    ),
    "fourier_conv2d empty": lambda to: ops.fourier_conv2d(to(real(0, 4, 11, 9)), to(real(6, 4, 3, 4))),
    "fourier_conv2d_adjoint_input": lambda to: ops.fourier_conv2d_adjoint_input(
        to(real(2, 6, 5, 5)), to(real(6, 2, 3, 4)), (10, 8), 2, (1, 2), groups=2, dilation=1
    ),
    "fourier_conv2d_adjoint_weight": lambda to: ops.fourier_conv2d_adjoint_weight(
        to(real(2, 6, 5, 5)), to(real(2, 4, 10, 8)), (3, 4), 2, (1, 2), groups=2
    ),
    "chip_dft2": lambda to: ops.chip_dft2(to(field(2, 1, 5, 7)), CHIP, None, True, False),
    "chip_dft2 real": lambda to: ops.chip_dft2(to(real(5, 7)), CHIP, return_counts=True),
    "chip_dft2 whole": lambda to: ops.chip_dft2(to(np.arange(35).reshape(5, 7)), CHIP),
    "chip_dft2 half": lambda to: ops.chip_dft2(to(np.float16(real(5, 7))), CHIP),
    "chip_dft2 empty": lambda to: ops.chip_dft2(to(field(0, 2, 25, 49)), CHIP, return_counts=True),
    "chip_conv2d": lambda to: ops.chip_conv2d(
        to(real(2, 4, 11, 9)), to(real(6, 2, 3, 4)), CHIP, to(real(6)), (2, 1), (1, 2), 1, 2
    ),
    "chip_conv2d same": lambda to: ops.chip_conv2d(
        x=to(real(1, 2, 6, 9)), w=to(real(3, 2, 3, 3)), config=CHIP, padding="same", return_counts=True
    ),
    "chip_conv2d whole": lambda to: ops.chip_conv2d(
        to(np.arange(48).reshape(1, 1, 6, 8)), to(np.float32(real(3, 1, 3, 3))), CHIP
    ),
    "chip_conv2d half": lambda to: ops.chip_conv2d(
        to(np.float16(real(1, 1, 6, 8))), to(real(3, 1, 3, 3)), CHIP
    ),
    "chip_conv2d empty": lambda to: ops.chip_conv2d(
        to(real(0, 1, 6, 8)), to(real(3, 1, 3, 3)), CHIP, return_counts=True
    ),
    "chip_conv2d perfect": lambda to: ops.chip_conv2d(
        to(real(1, 1, 13, 12)), to(real(3, 1, 3, 3)), ChipConfig(is_perfect=True)
    ),
}


def flat(result):
    return [part for entry in result for part in flat(entry)] if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("other")
def test_results_are_those_on_arrays(case):
    expected = flat(CASES[case](np.asarray))
    with backends.forced(both_backends.OTHER):
        found = flat(CASES[case](OnDevice))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        if isinstance(theirs, dict):
            assert isinstance(ours, Mapping)
            assert_same_counts(ours, theirs, 0.0)
            continue
        if isinstance(theirs, float):
            assert isinstance(ours, float) and ours == pytest.approx(theirs, rel=1e-9)
            continue
        assert isinstance(ours, torch.Tensor) and ours.numpy().dtype == theirs.dtype
        assert ours.shape == theirs.shape and not ours.requires_grad and not ours.is_conj()
        if theirs.size:
            assert_close("convolution" if "conv" in case else "gradient", ours.numpy(), theirs)


def test_every_operator_takes_them():
    operators = {name for name in ops.__all__ if callable(getattr(ops, name)) and not name.endswith("Tape")}
    assert operators == {case.split()[0] for case in CASES} == set(by_backends.__all__)
    for name in operators:  # what is looked up by name, as pickle does, is the same
        assert pickle.loads(pickle.dumps(getattr(ops, name))) is getattr(ops, name)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ops.four_f(OnDevice(field(6, 6)), transfer=field(5, 5), grid=18),
            "four_f: x in a device's memory and transfer in the CPU's: must all be in one",
        ),
        (
            lambda: ops.four_f_adjoint(torch.ones(6, 6), OnDevice(field(6, 6)), OnDevice(field(5, 5)), 18),
            "four_f_adjoint: x, transfer in a device's memory and v in the CPU's",
        ),
        (
            lambda: ops.four_f(OnDevice(field(6, 6)), [[1.0]], 18),
            "transfer is a list: must be in the memory of the other arrays' device",
        ),
        (
            lambda: ops.windowed_dft(OnDevice(np.ones((4, 4), int)), 12, 5),
            "x has dtype int64: must be a real floating or complex type",
        ),
        (
            lambda: ops.fourier_conv2d(OnDevice(field(1, 4, 4)), OnDevice(real(1, 1, 2, 2))),
            "x has dtype complex128: must be real floating",
        ),
    ],
)
def test_what_cannot_be_is_a_type_error(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_tapes_stay_where_they_were_made():
    x, phases = field(8, 8), real(3, 6, 6)
    _, here = ops.four_f_stack(x, phases, 24, None, save=True)
    _, there = ops.four_f_stack(OnDevice(x), OnDevice(phases), 24, None, save=True)
    with pytest.raises(TypeError, match="v in a device's memory and tape in the CPU's"):
        ops.four_f_stack_adjoint(OnDevice(x), here)
    with pytest.raises(TypeError, match="tape in a device's memory and v in the CPU's"):
        ops.four_f_stack_adjoint(x, there)
    with pytest.raises(TypeError, match="tape in a device's memory: the other arrays must be, too"):
        ops.four_f_stack_adjoint(1.0, there)


def test_a_tape_keeps_what_the_caller_changes():
    x, phases, v = OnDevice(field(8, 8)), OnDevice(real(3, 6, 6)), OnDevice(field(8, 8, seed=1))
    _, tape = ops.four_f_stack(x, phases, 24, MIXED, save=True)
    before = ops.four_f_stack_adjoint(v, tape)[1].clone()
    phases.tensor.zero_()
    assert torch.equal(ops.four_f_stack_adjoint(v, tape)[1], before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ops.windowed_dft(x, 12, None), "band=None: the size of the result must be given"),
        (lambda x: ops.windowed_dft(x, 5, 5), r"x=\(6, 6\): must not be larger than grid"),
        (lambda x: ops.windowed_dft(x, 12, 5, algorithm="fftw"), "algorithm='fftw': must be 'auto'"),
        (lambda x: ops.four_f(x, OnDevice(field(2, 3, 3)), 12), "do not broadcast"),
        (lambda x: ops.four_f_stack(x, OnDevice(real(3, 3)), 12, None), r"phases has shape \(3, 3\)"),
        (
            lambda x: ops.four_f_stack(x, OnDevice(real(1, 3, 3)), 12, None, aperture=OnDevice(real(2, 2))),
            r"aperture has shape \(2, 2\): must be \(3, 3\)",
        ),
        (
            lambda x: ops.nonlinear_adjoint(OnDevice(field(2)), x, None),
            r"v has shape \(2,\): must be that of x",
        ),
        (lambda x: ops.propagate(x, *SPACE, pad_factor=0.5), "pad_factor=0.5: must be 1 or greater"),
        (
            lambda x: ops.four_f_adjoint(OnDevice(field(6, 6)), x, OnDevice(field(3, 3)), 12),
            r"v has leading axes \(\): must be \(3,\)",
        ),
        (
            lambda x: ops.fourier_conv2d(x, OnDevice(real(1, 2, 2, 2))),
            r"x has 3 channels: w of shape \(1, 2, 2, 2\) with groups=1 needs 2",
        ),
    ],
)
def test_rules_are_those_on_arrays(call, message):
    with pytest.raises(ValueError, match=message):
        call(OnDevice(real(3, 6, 6)))


@pytest.mark.parametrize(("library", "module"), [("cupy", "cupy"), ("numba", "numba.cuda")])
def test_results_are_of_the_callers_library(monkeypatch, library, module):
    made = []
    converter = SimpleNamespace(from_dlpack=made.append, as_cuda_array=made.append)
    monkeypatch.setattr(exchange, "import_module", lambda name: converter if name == module else None)
    theirs = type("Array", (OnDevice,), {"__module__": f"{library}.somewhere"})
    ops.four_f_adjoint(theirs(field(6, 6)), OnDevice(field(6, 6)), OnDevice(field(5, 5)), 18)
    assert [tuple(tensor.shape) for tensor in made] == [(6, 6), (5, 5)]
    ops.four_f_adjoint(OnDevice(field(6, 6)), theirs(field(6, 6)), OnDevice(field(5, 5)), 18)
    assert len(made) == 2  # the first array decides


def test_streams_wait_for_each_other(monkeypatch):
    waits = []

    class Stream:
        def __init__(self, number, device="cuda:0"):
            self.cuda_stream = number

        def wait_stream(self, other):
            waits.append((self.cuda_stream, other.cuda_stream))

    streams = SimpleNamespace(
        current_stream=lambda device: Stream(7),
        default_stream=lambda device: Stream(0),
        ExternalStream=Stream,
    )
    monkeypatch.setattr(exchange.torch, "cuda", streams)
    like = SimpleNamespace(is_cuda=True, device="cuda:0")
    arrays = [OnDevice(1.0, 5), OnDevice(1.0, 1), OnDevice(1.0), OnDevice(1.0, 7), torch.ones(1)]
    with exchange.in_order(arrays, like):
        assert waits == [(7, 5), (7, 0)] and not torch.is_grad_enabled()
    assert waits[2:] == [(5, 7), (0, 7)]
    with pytest.raises(KeyError), exchange.in_order(arrays[:1], like):
        raise KeyError
    assert waits[4:] == [(7, 5), (5, 7)]


def test_arrays_of_two_devices_are_refused(monkeypatch):
    places = iter(["cpu", "meta"])
    monkeypatch.setattr(exchange, "tensor_of", lambda array: array.tensor.to(next(places)))
    with pytest.raises(TypeError, match="four_f: x on cpu and transfer on meta: must all be on one device"):
        ops.four_f(OnDevice(field(6, 6)), OnDevice(field(5, 5)), 18)


def test_numpy_numbers_are_no_arrays():
    x = field(9, 8)
    ours = ops.propagate(OnDevice(x), np.float64(1e-3), np.float64(4e-6), np.float32(550e-9))
    theirs = ops.propagate(x, np.float64(1e-3), np.float64(4e-6), np.float32(550e-9))
    assert_close("gradient", ours.numpy(), theirs)


@pytest.mark.parametrize("there", [False, True])
def test_torch_is_imported_for_arrays_of_a_device_alone(there):
    code = f"""
import sys, numpy as np
from pyfdsr import ops
class OnDevice:
    __cuda_array_interface__ = {{"version": 3}}
ops.four_f_adjoint(np.ones((4, 4)), np.ones((4, 4)), np.ones((3, 3)), 12)
assert "torch" not in sys.modules
sys.modules["torch"] = None  # as where it is not installed
if {there}:
    try:
        ops.windowed_dft(OnDevice(), 12, 3)
    except ImportError as error:
        assert 'pip install "pyfdsr[torch]"' in str(error), error
    else:
        raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True)
