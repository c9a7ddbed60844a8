"""The shape of the house: layers, imports, sizes of files, what the core may include."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pyfdsr"

# From the top down; a module imports only from its own layer or from below.
LAYERS = (
    ("cli", "report", "experiments", "__main__"),
    ("training", "data", "losses"),
    ("models",),
    ("optics", "metrics", "chip"),
    ("nn",),
    ("functional",),
    ("autograd",),
    ("ops",),
    ("_runtime",),
    ("_plans",),
    ("_arguments", "nonlinearity", "optics.grid"),
    ("_core",),
)


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
        if module.startswith("pyfdsr.reference"):
            assert below is None or "nonlinearity" in imported or imported.startswith("pyfdsr.reference")
        elif above is not None and below is not None:
            assert above <= below, f"{module} imports {imported}, which lies above it"


@pytest.mark.parametrize(
    "module", ["pyfdsr", "pyfdsr.ops", "pyfdsr.optics", "pyfdsr.nonlinearity", "pyfdsr.data"]
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
            ("csrc", ("*.cpp", "*.hpp"), 500),
        )
        for pattern in patterns
        for path in (ROOT / folder).rglob(pattern)
        if (lines := len(path.read_text().splitlines())) > limit
    ]
    assert not too_long


def test_the_core_knows_neither_python_nor_torch():
    for path in (ROOT / "csrc").rglob("*.[ch]pp"):
        if "python" in path.parts:
            continue
        included = re.findall(r"#\s*include\s*[<\"]([^>\"]+)", path.read_text())
        assert not [name for name in included if re.match(r"(pybind11|torch|ATen|Python)", name)], path
