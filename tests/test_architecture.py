"""The shape of the house: layers, imports, sizes of files, what the core may include."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE_FILES = ("*.cpp", "*.hpp", "*.cu", "*.cuh", "*.h")
PACKAGE = ROOT / "pyfdsr"

# From the top down; a module imports only from its own layer or from below.
LAYERS = (
    ("cli", "report", "experiments", "__main__"),
    ("upscaling", "training", "data", "losses"),
    ("models",),
    ("optics", "metrics", "chip"),
    ("nn",),
    ("functional",),
    ("autograd",),
    ("ops", "backends"),
    ("_runtime",),
    ("_plans", "_chip"),
    ("_arguments", "_convolution", "_files", "nonlinearity", "optics.grid", "chip.config", "chip.parameters"),
    ("_core",),
)

# Stands beside the layers: the engine is tested against it.
REFERENCE = "reference"


def belongs_to(module: str, *packages: str) -> bool:
    """Whether a module is one of `packages` or lies inside one."""
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def rank(module: str) -> int | None:
    """Layer of a module of the package, 0 at the top; None for the package itself."""
    parts = module.split(".")[1:]
    for depth in range(len(parts), 0, -1):
        name = ".".join(parts[:depth])
        for index, layer in enumerate(LAYERS):
            if name in layer:
                return index
    return None


def imports_of(path: Path):
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((module, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield module, f"{origin}.{alias.name}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downwards(path):
    for module, imported in imports_of(path):
        if not imported.startswith("pyfdsr."):
            continue
        above, below = rank(module), rank(imported)
        if belongs_to(module, f"pyfdsr.{REFERENCE}"):
            assert belongs_to(imported, f"pyfdsr.{REFERENCE}", "pyfdsr.nonlinearity"), (
                f"{module} imports {imported}: the reference stands alone"
            )
        elif above is not None and below is not None:
            assert above <= below, f"{module} imports {imported}, which lies above it"


def test_every_module_has_a_layer():
    modules = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    modules |= {path.name.split(".")[0] for path in PACKAGE.glob("*.py*")} - {"__init__", "py"}
    assert {"ops", "_core", "_runtime"} <= modules
    assert not {name for name in modules - {REFERENCE} if rank(f"pyfdsr.{name}") is None}


@pytest.mark.parametrize(
    "module",
    ["pyfdsr", "pyfdsr.ops", "pyfdsr.optics", "pyfdsr.nonlinearity", "pyfdsr.data", "pyfdsr.chip.config"],
)
def test_torch_is_not_imported(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_optics_answers_arrays_without_torch():
    code = (
        "import sys, numpy as np; from pyfdsr.optics import ImagingOptics, OpticalGrid;"
        "ImagingOptics(48, 5.5).intensity(np.ones((16, 16))); OpticalGrid.paper();"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_files_keep_to_their_size():
    too_long = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for folder, patterns, limit in (
            ("pyfdsr", ("*.py",), 400),
            ("bench", ("*.py",), 400),
            ("tests", ("*.py",), 400),
            ("csrc", CORE_FILES, 500),
        )
        for pattern in patterns
        for path in (ROOT / folder).rglob(pattern)
        if (lines := len(path.read_text().splitlines())) > limit
    ]
    assert not too_long


def test_the_core_knows_neither_python_nor_torch():
    paths = [path for pattern in CORE_FILES for path in (ROOT / "csrc").rglob(pattern)]
    assert paths
    for path in paths:
        if "python" in path.relative_to(ROOT).parts:
            continue
        included = re.findall(r"#\s*include\s*[<\"]([^>\"]+)", path.read_text())
        assert not [name for name in included if re.match(r"(pybind11|torch|ATen|Python)", name)], path
