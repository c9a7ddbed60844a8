"""The examples run as a user would run them; the C++ one against an installed package."""

import copy
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tolerances import epsilon

ROOT = Path(__file__).resolve().parents[1]


def run(*command, **kwargs):
    result = subprocess.run(command, capture_output=True, text=True, **kwargs)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_numpy_example_trains_without_torch():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert "after training" in run(sys.executable, str(ROOT / "examples" / "embed_numpy.py"), env=environment)


def test_chip_example_gains_by_training():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = run(sys.executable, str(ROOT / "examples" / "chip_network.py"), env=environment)
    digital, converted, trained = (float(share) for share in re.findall(r"([\d.]+)%\n", said)[:3])
    # Of 500 images; some 89, 61 and 78.
    assert converted < trained < digital and trained > converted + 5, said


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


def test_large_kernel_example_prints_curves_and_draws_them(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    sizes = ["--steps", "3", "--batch", "4", "--channels", "4", "--size", "56", "--kernel", "15"]
    command = [sys.executable, str(ROOT / "examples" / "large_kernels.py"), *sizes]
    printed = run(*command, "--figure", str(tmp_path / "curves.png"), env=environment)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    rows = [line.split() for line in printed.splitlines() if re.match(r" +\d", line)]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert all(float(row[1]) > 0 for row in rows)
    assert "ms, pyfdsr" in printed


def large_kernels():
    """The example as a module."""
    path = ROOT / "examples" / "large_kernels.py"
    spec = importlib.util.spec_from_file_location("large_kernels", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("memory_format", ["contiguous_format", "channels_last"])
def test_large_kernel_networks_train_alike(memory_format):
    import torch

    example, steps = large_kernels(), 6
    images, labels = example.load("train", 56)
    torch.manual_seed(0)
    network = example.LargeKernelNetwork(4, (31, 15))
    exact = example.Run(copy.deepcopy(network).double(), steps)
    plain, swapped = example.pair_of_networks(network, "tiled")
    assert {type(m).__name__ for m in swapped.modules()} >= {"FourierConv2d", "Conv2d"}
    runs = [example.Run(one, steps, getattr(torch, memory_format)) for one in (plain, swapped)]
    for batch, target in example.batches(images, labels, 8, steps, seed=1):
        exact.step(batch.double(), target)
        for one in runs:
            one.step(batch, target)
    # The measure is what rounding does to torch's own float32 curve, against float64: transforms err a few
    # times as much as direct sums (see the tolerance "convolution"), and training amplifies both alike. The
    # least that either can err is a rounding of the loss itself.
    errors = [abs(a - b) for a, b in zip(runs[0].losses, exact.losses, strict=True)]
    limit = 8 * max(*errors, max(exact.losses) * epsilon(torch.float32))
    assert limit < 1e-3 < abs(exact.losses[0] - exact.losses[-1])
    for ours, theirs in zip(runs[1].losses, exact.losses, strict=True):
        assert abs(ours - theirs) <= limit


def test_the_readme_example_runs():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert run(sys.executable, "-c", code, env=environment).startswith("tensor(")


def test_the_super_resolution_example_runs(tmp_path):
    (code,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "super_resolution.md").read_text(), re.DOTALL
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = run(sys.executable, "-c", code, env=environment, cwd=tmp_path)
    assert said.split("\n")[:2] == ["torch.Size([3, 160, 240])", "torch.Size([3, 480, 800])"]


def test_the_chip_example_runs():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "chip.md").read_text(), re.DOTALL)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert run(sys.executable, "-c", code, env=environment).count("clipped") == 2
