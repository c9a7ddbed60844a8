"""Specifications: validation, parameters, spreading over layers, custom responses as C callbacks."""

import copy
import ctypes
import dataclasses
import gc
import importlib.util
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pyfdsr import nonlinearity as specifications
from pyfdsr.nonlinearity import (
    Custom,
    Kerr,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
    per_layer,
)
from tolerances import assert_close

VALID = {
    "kerr": Kerr(4.0),
    "saturable_kerr": SaturableKerr(3.0, 0.5),
    "saturable_absorber": SaturableAbsorber(1.5, 0.25),
    "two_photon_absorption": TwoPhotonAbsorption(2.0),
    "optoelectronic_gate": OptoelectronicGate(0.1, 0.9, 0.5, 2.0),
}


@pytest.mark.parametrize("kind", VALID)
def test_kind_and_parameters_in_field_order(kind):
    spec = VALID[kind]
    assert spec.kind == type(spec).kind == kind
    assert spec.parameters() == tuple(getattr(spec, field.name) for field in dataclasses.fields(spec))
    assert all(type(value) is float for value in spec.parameters())


@pytest.mark.parametrize("kind", VALID)
def test_specifications_are_immutable_comparable_and_picklable(kind):
    spec = VALID[kind]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(spec, dataclasses.fields(spec)[0].name, 1.0)
    twin = pickle.loads(pickle.dumps(spec))
    assert twin == spec == copy.deepcopy(spec)
    assert hash(twin) == hash(spec)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Kerr(float("inf")), r"strength=inf: must be a finite number"),
        (lambda: Kerr(float("nan")), r"strength=nan"),
        (lambda: SaturableKerr(1.0, 0.0), r"saturation=0\.0: must be greater than 0"),
        (lambda: SaturableAbsorber(-0.1, 1.0), r"optical_depth=-0\.1: must be 0 or greater"),
        (lambda: SaturableAbsorber(1.0, -2), r"saturation=-2\.0"),
        (lambda: TwoPhotonAbsorption(-1), r"beta_length=-1\.0"),
        (lambda: OptoelectronicGate(-0.1, 1, 1, 1), r"t_min=-0\.1: must lie in \[0, 1\]"),
        (lambda: OptoelectronicGate(0, 1.1, 1, 1), r"t_max=1\.1"),
        (lambda: OptoelectronicGate(0.6, 0.5, 1, 1), r"t_min=0\.6: must not be above t_max=0\.5"),
        (lambda: OptoelectronicGate(0, 1, 0, 1), r"threshold=0\.0"),
        (lambda: OptoelectronicGate(0, 1, 1, 0.5), r"exponent=0\.5: must be 1 or greater"),
        (lambda: Kerr.from_material(1.0, -1e-3, 1e-6), r"thickness=-0\.001"),
        (lambda: Kerr.from_material(1.0, 1e-3, 0), r"wavelength=0\.0"),
    ],
)
def test_values_out_of_range_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("value", ["4", None, 1j, True, np.array([1.0])])
def test_parameters_must_be_real_numbers(value):
    with pytest.raises(TypeError, match="strength=.*must be a real number"):
        Kerr(value)


def test_numpy_scalars_become_floats():
    assert type(Kerr(np.float32(4.0)).strength) is float
    assert Kerr(np.array(2.5)) == Kerr(2.5)


def test_tensors_in_training_pass_through_but_must_hold_one_real_floating_element():
    torch = pytest.importorskip("torch")
    strength = torch.tensor(-3.0, requires_grad=True)
    assert SaturableKerr(1.0, strength).parameters()[1] is strength
    assert OptoelectronicGate(torch.tensor(0.6, requires_grad=True), 0.5, 1.0, 1.0).t_max == 0.5
    with pytest.raises(ValueError, match=r"strength has shape \(2,\)"):
        Kerr(torch.zeros(2))
    for dtype in (torch.complex64, torch.int64, torch.bool):
        with pytest.raises(TypeError, match=f"strength has dtype {dtype}: a tensor must be real floating"):
            Kerr(torch.ones((), dtype=dtype))


def test_other_tensors_obey_the_rules_of_numbers():
    torch = pytest.importorskip("torch")
    saturation = torch.tensor(0.5, dtype=torch.float16)
    assert SaturableKerr(1.0, saturation).saturation is saturation
    with pytest.raises(ValueError, match="saturation=-3.0: must be greater than 0"):
        SaturableKerr(1.0, torch.tensor([-3.0]))
    with pytest.raises(ValueError, match="strength=nan: must be a finite number"):
        Kerr(torch.nn.Parameter(torch.tensor(torch.nan), requires_grad=False))
    with pytest.raises(ValueError, match=r"t_min=tensor\(0.6000\): must not be above t_max=0.5"):
        OptoelectronicGate(torch.tensor(0.6), 0.5, 1.0, 1.0)
    assert SaturableKerr(1.0, torch.ones((), device="meta")).saturation.is_meta


def test_from_material_is_equation_1():
    assert_close(
        "pointwise", Kerr.from_material(3e-4, 2e-3, 500e-9).strength, 2 * np.pi * 3e-4 * 2e-3 / 500e-9
    )


def test_per_layer_spreads_one_and_checks_many():
    kerr = Kerr(1.0)
    assert per_layer(kerr, 3) == (kerr,) * 3
    assert per_layer(None, 2) == per_layer("linear", 2) == (None, None)
    assert per_layer([kerr, None, "linear"], 3) == (kerr, None, None)
    with pytest.raises(ValueError, match="nonlinearity has 2 entries: one for each of 3"):
        per_layer([kerr, kerr], 3)
    with pytest.raises(TypeError, match="nonlinearity='kerr'"):
        per_layer("kerr", 1)
    with pytest.raises(TypeError, match="nonlinearity=4.0"):
        per_layer([4.0], 1)


def test_module_imports_nothing_of_the_library_nor_heavy_packages():
    path = importlib.util.find_spec("pyfdsr.nonlinearity").origin
    script = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('alone', {path!r})\n"
        "module = importlib.util.module_from_spec(spec); sys.modules['alone'] = module\n"
        "spec.loader.exec_module(module); module.Kerr(1.0)\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "assert not loaded & {'numpy', 'torch', 'numba', 'pyfdsr'}, loaded\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


# Custom responses: module-level functions, so that they can be pickled.


def lorentz(intensity):
    return 1.0 / (1.0 - 2.0j * intensity)


def lorentz_derivative(intensity):
    return 2.0j / (1.0 - 2.0j * intensity) ** 2


def real_response(intensity):
    return 1.0 / (1.0 + intensity)


def real_derivative(intensity):
    return -1.0 / (1.0 + intensity) ** 2


def call_rows(address, intensity):
    """Call a row callback through its C address, as the core does."""
    real, imaginary = np.empty_like(intensity), np.empty_like(intensity)
    callback = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(address)
    callback(intensity.ctypes.data, real.ctypes.data, imaginary.ctypes.data, intensity.size)
    return real + 1j * imaginary


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("functions", [(lorentz, lorentz_derivative), (real_response, real_derivative)])
def test_custom_callbacks_compute_whole_rows(functions, double):
    pytest.importorskip("numba")
    intensity = np.linspace(0, 3, 37, dtype=np.float64 if double else np.float32)
    custom = Custom(*functions)
    for address, function in zip(custom.addresses(double), functions, strict=True):
        expected = np.array([function(float(value)) for value in intensity], dtype=complex)
        assert_close("pointwise", call_rows(address, intensity), expected, intensity.dtype)


def test_custom_compiles_once_for_each_precision_also_from_threads():
    pytest.importorskip("numba")
    custom = Custom(real_response, real_derivative)
    with ThreadPoolExecutor(4) as pool:
        addresses = set(pool.map(custom.addresses, [True] * 8))
    assert len(addresses) == 1
    assert custom.addresses(False) not in addresses
    assert custom.addresses(1) in addresses


def test_custom_keeps_compiled_code_alive():
    pytest.importorskip("numba")
    custom = Custom(real_response, real_derivative)
    address, _ = custom.addresses(True)
    gc.collect()
    assert call_rows(address, np.array([1.0]))[0] == 0.5


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda spec: pickle.loads(pickle.dumps(spec))]
)
def test_copies_of_custom_compile_their_own_code(duplicate):
    pytest.importorskip("numba")
    custom = Custom(real_response, real_derivative)
    address, _ = custom.addresses(True)
    twin = duplicate(custom)
    assert twin == custom
    twin_address, _ = twin.addresses(True)
    assert twin_address != address
    assert call_rows(twin_address, np.array([3.0]))[0] == 0.25


def test_custom_accepts_functions_already_compiled():
    numba = pytest.importorskip("numba")
    address, _ = Custom(numba.njit(real_response), real_derivative).addresses(True)
    assert call_rows(address, np.array([1.0]))[0] == 0.5


def test_custom_division_by_zero_gives_infinity_or_nan_not_an_exception():
    pytest.importorskip("numba")
    address, _ = Custom(lambda i: 1.0 / i, real_derivative).addresses(True)
    assert np.isinf(call_rows(address, np.array([0.0]))[0].real)


def test_custom_refuses_what_it_cannot_compile():
    pytest.importorskip("numba")
    with pytest.raises(TypeError, match="derivative=3.0: must be a scalar function"):
        Custom(real_response, 3.0)
    with pytest.raises(TypeError, match="response=.*must compile, with numba"):
        Custom(lambda i: "text" + i, real_derivative).addresses(False)


def test_custom_without_numba_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match="pip install numba"):
        Custom(real_response, real_derivative).addresses(False)


def test_every_public_specification_is_listed():
    classes = {
        value for value in vars(specifications).values() if isinstance(value, type) and hasattr(value, "kind")
    }
    assert classes == {type(spec) for spec in VALID.values()} | {Custom}
