"""The examples run as a user would run them; the C++ one against an installed package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*command, **kwargs):
    result = subprocess.run(command, capture_output=True, text=True, **kwargs)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_numpy_example_trains_without_torch():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert "after training" in run(sys.executable, str(ROOT / "examples" / "embed_numpy.py"), env=environment)


def test_cpp_example_builds_against_the_installed_package(tmp_path):
    build = ROOT / "build" / "python"
    cmake = shutil.which("cmake")
    if cmake is None or not (build / "CMakeCache.txt").exists():
        pytest.skip("needs cmake and the build folder of `make install`")
    prefix, here = tmp_path / "prefix", tmp_path / "build"
    run(cmake, "--install", str(build), "--prefix", str(prefix))
    run(cmake, "-S", str(ROOT / "examples" / "embed_cpp"), "-B", str(here), f"-DCMAKE_PREFIX_PATH={prefix}")
    run(cmake, "--build", str(here))
    assert "after training" in run(str(here / "embed_cpp"))


def test_the_readme_example_runs():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert run(sys.executable, "-c", code, env=environment).startswith("tensor(")
