"""Every compiled instruction set that this machine can run, against the direct sums."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pyfdsr
from pyfdsr.nonlinearity import Kerr, SaturableAbsorber
from pyfdsr.reference import direct_sums
from tolerances import assert_close

ROOT = Path(__file__).resolve().parents[1]
GRID, SUPPORT = (39, 40), (12, 11)
LAYERS = (Kerr(1.3), SaturableAbsorber(0.8, 0.6), Kerr(-0.7))

# Widths that fill no whole vector of any instruction set, so that the kernels' remainders run too.
PROGRAM = """
import sys
import numpy as np
import pyfdsr
from pyfdsr import ops
from pyfdsr.nonlinearity import Kerr, SaturableAbsorber

assert pyfdsr.build_config()["isa"] == sys.argv[1], pyfdsr.build_config()
layers, results = [Kerr(1.3), SaturableAbsorber(0.8, 0.6), Kerr(-0.7)], {}
given = np.load(sys.argv[2])
for real, complex_ in (("float32", "complex64"), ("float64", "complex128")):
    field, v = given["field"].astype(complex_), given["v"].astype(complex_)
    out, tape = ops.four_f_stack(field, given["phases"].astype(real), (39, 40), layers, (12, 11), save=True)
    v_field, v_phases, v_parameters = ops.four_f_stack_adjoint(v, tape)
    results |= {f"out {real}": out, f"v_field {real}": v_field, f"v_phases {real}": v_phases}
    results[f"v_parameters {real}"] = np.array([value for row in v_parameters for value in row])
np.savez(sys.argv[3], **results)
"""


def run(isa: str, *arguments) -> subprocess.CompletedProcess:
    """Start the program in a process of its own, as an instruction set is chosen once for each."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, isa, *map(str, arguments)],
        env=os.environ | {"PYFDSR_ISA": isa},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def inputs():
    rng = np.random.default_rng(0)
    field = rng.standard_normal((2, 13, 10)) + 1j * rng.standard_normal((2, 13, 10))
    v = rng.standard_normal((2, *SUPPORT)) + 1j * rng.standard_normal((2, *SUPPORT))
    # Exact in single precision: both precisions then compute the same function at the same place.
    field, v = (values.astype(np.complex64).astype(np.complex128) for values in (field, v))
    return 0.5 * field, v, rng.standard_normal((3, 9, 14)).astype(np.float32).astype(np.float64)


def expected():
    """The stack and its adjoint by explicit sums; parameters' gradients from df/dp = i·I·f and the like."""
    field, v, phases = inputs()
    fields, transformed = [field], []
    for phase, spec in zip(phases, LAYERS, strict=True):
        transformed.append(direct_sums.four_f(fields[-1], np.exp(1j * phase), GRID, SUPPORT))
        fields.append(direct_sums.nonlinearity(transformed[-1], spec))
    out, v_phases, v_parameters = fields[-1], [], []
    for phase, spec, before, between in reversed(
        list(zip(phases, LAYERS, fields[:-1], transformed, strict=True))
    ):
        v_parameters[:0] = parameter_gradients(v, between, spec)
        v_between = direct_sums.nonlinearity_adjoint(v, between, spec)
        v, v_transfer = direct_sums.four_f_adjoint(v_between, before, np.exp(1j * phase), GRID)
        v_phases.insert(0, np.imag(v_transfer * np.exp(-1j * phase)))
    return {"out": out, "v_field": v, "v_phases": np.array(v_phases), "v_parameters": np.array(v_parameters)}


def parameter_gradients(v, field, spec):
    intensity, factor = np.abs(field) ** 2, direct_sums.response(np.abs(field) ** 2, spec)
    if spec.kind == "kerr":
        slopes = [1j * intensity * factor]
    else:
        depth, saturation = spec.parameters()
        bleached = 1 + intensity / saturation
        slopes = [
            -factor / (2 * bleached),
            -factor * depth * intensity / (2 * saturation**2 * bleached**2),
        ]
    return [np.vdot(v, slope * field).real for slope in slopes]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    path = tmp_path_factory.mktemp("stack") / "inputs.npz"
    np.savez(path, **dict(zip(("field", "v", "phases"), inputs(), strict=True)))
    return path, expected()


@pytest.mark.parametrize("isa", pyfdsr.build_config()["compiled_isas"].split())
def test_stack_and_adjoint_equal_the_direct_sums(isa, reference, tmp_path):
    path, wanted = reference
    finished = run(isa, path, tmp_path / "results.npz")
    if finished.returncode and isa not in ("portable", pyfdsr.build_config()["isa"]):
        assert f"PYFDSR_ISA={isa}: not compiled in or not supported by this processor" in finished.stderr
        pytest.skip(f"this processor does not support {isa}")
    assert finished.returncode == 0, finished.stderr
    results = np.load(tmp_path / "results.npz")
    for dtype in ("float32", "float64"):
        for name, tolerance in (
            ("out", "layer"),
            ("v_field", "gradient"),
            ("v_phases", "gradient"),
            ("v_parameters", "gradient"),
        ):
            assert_close(tolerance, results[f"{name} {dtype}"], wanted[name], dtype)


def test_an_unknown_instruction_set_is_named(reference, tmp_path):
    finished = run("foo", reference[0], tmp_path / "results.npz")
    assert finished.returncode != 0
    assert "ValueError: PYFDSR_ISA=foo: not compiled in or not supported" in finished.stderr
    assert "portable" in finished.stderr.splitlines()[-1]
