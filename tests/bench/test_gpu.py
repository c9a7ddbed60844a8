"""The GPU's table, on the CPU: it runs, holds what it promises, and says where there is no GPU."""

import json

import pytest
import torch

from bench import gpu


def test_it_prints_and_writes_its_figures(tmp_path, capsys):
    path = tmp_path / "gpu.json"
    asked = ["--device", "cpu", "--quick", "--batches", "2", "--seconds", "0.01", "--json", str(path)]
    assert gpu.main(asked) == 0
    record = json.loads(path.read_text())
    rows = record["networks"]["2"]
    assert set(rows) == {"pyfdsr", "pyfdsr, FMA", "pyfdsr by torch", "plain", "tuned", "work"}
    assert all(seconds > 0 for name in set(rows) - {"work"} for seconds in rows[name].values())
    assert max(record["errors"].values()) < 1e-5  # float32 against float64, two layers
    assert record["epochs"]["2"] > 0 and record["ceilings"]["flops"] > 0
    ways = {"torch", "Fourier domain", "tiles", "tiles by torch.fft"}
    for kernel in ("conv2d 3×3", "conv2d 15×15 depthwise"):
        assert all(record["convolutions"][f"{kernel}, {way}"] > 0 for way in ways)
    assert "pyfdsr by torch" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(capsys):
    assert gpu.main([]) == 2
    assert "no CUDA device" in capsys.readouterr().err


def test_work_is_that_of_the_paper():
    # 225 MFLOP an image forward and back, two planes of 100 kB a layer kept and read
    work = gpu.work_of(gpu.Case(batch=1))
    assert work["flops"] == pytest.approx(220e6, rel=0.05)
    assert work["bytes"] == 2 * 2 * 10 * 112 * 112 * 8
