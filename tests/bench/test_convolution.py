"""The convolution's benchmark: what it prints, writes and leaves out."""

from __future__ import annotations

import json

import pytest

from bench import convolution
from bench.convolution_case import CALLS, QUICK_KERNELS, QUICK_ROWS, ConvolutionCase
from bench.convolution_implementations import convolution_implementations
from bench.convolution_memory import convolution_growth


def test_the_table_is_printed_and_written(tmp_path, capsys):
    path = tmp_path / "convolution.json"
    assert convolution.main(["--quick", "--no-memory", "--threads", "1", "--json", str(path)]) == 0
    record = json.loads(path.read_text(encoding="utf-8"))
    found = [(r["call"], r["row"], r["kernel"]) for r in record["records"]]
    assert found == [(call, row, kernel) for call in CALLS for row in QUICK_ROWS for kernel in QUICK_KERNELS]
    for row in record["records"]:
        assert set(row["timings"]) | set(record["missing"]) == set(convolution_implementations())
        assert all(timing["best"] > 0 for timing in row["timings"].values())
    assert record["machine"]["build_config"] and record["settings"]["batch"] == 2
    printed = capsys.readouterr().out
    assert all(title in printed for title in CALLS.values())


def test_rows_kernels_and_calls_can_be_selected(tmp_path, capsys):
    path = tmp_path / "convolution.json"
    arguments = ["--quick", "--rows", "depthwise", "--kernels", "7", "--calls", "infer", "--only", "torch"]
    assert convolution.main([*arguments, "--no-memory", "--json", str(path)]) == 0
    (record,) = json.loads(path.read_text(encoding="utf-8"))["records"]
    assert (record["row"], record["kernel"], record["call"]) == ("depthwise C8, 12²", 7, "infer")
    assert list(record["timings"]) == ["torch"]


def test_a_missing_package_leaves_its_column_empty(monkeypatch, capsys):
    cls = type(convolution_implementations()["fft-conv"])
    monkeypatch.setattr(cls, "missing", property(lambda self: "not installed: x" if self.needs else None))
    assert convolution.main(["--quick", "--no-memory", "--calls", "infer", "--kernels", "3"]) == 0
    printed = capsys.readouterr().out
    assert "left out  fft-conv-pytorch: not installed: x" in printed
    assert "dense C4, 16²" in printed


def timings(**seconds: float) -> dict:
    return {name.replace("_", "-"): {"best": value} for name, value in seconds.items()}


def test_a_line_shows_ratios_to_the_better_format_and_the_target():
    record = {"row": "dense C16, 128²", "call": "infer", "kernel": 7, "core_round_trip": 53e-9}
    record["timings"] = timings(torch=0.009, torch_last=0.006, fft_conv=0.04, tiled=0.002, auto=0.003)
    text = convolution.line(record, ["torch", "torch-last", "torch.fft", "fft-conv", "tiled", "auto"])
    assert text.split()[3:] == ["7", "9.000", "6.000", "-", "40.000", "2.000", "3.000", "3.00x", "2.00x",
                                "4.5x", "20.00x", "53"]  # fmt: skip


def test_a_slow_implementation_is_left_out_at_larger_kernels_but_never_pyfdsr_or_the_better_format():
    slow = timings(torch=5.0, torch_last=40.0, fft_conv=3.0, tiled=2.1, auto=9.0)
    assert convolution.too_slow(slow, 2.0) == {"torch-last", "fft-conv"}
    assert convolution.too_slow(slow, 60.0) == set()
    assert convolution.too_slow(timings(fft_conv=3.0), 2.0) == {"fft-conv"}


def test_slow_implementations_disappear_from_the_next_kernel(tmp_path):
    path = tmp_path / "convolution.json"
    arguments = ["--quick", "--rows", "dense", "--calls", "infer", "--only", "torch", "fft-conv", "tiled"]
    assert convolution.main([*arguments, "--longest", "0", "--no-memory", "--json", str(path)]) == 0
    first, second = json.loads(path.read_text(encoding="utf-8"))["records"]
    assert set(first["timings"]) == {"torch", "fft-conv", "tiled"}
    assert set(second["timings"]) == {"torch", "tiled"}
    assert first["timings"]["fft-conv"]["calls"] == 1


def test_memory_growth_counts_the_spectra_of_the_maps():
    case = ConvolutionCase(16, 16, 16, size=120, kernel=9, batch=4, threads=1)
    # the padded map and its spectrum, complex64 of half the frequencies: both about as large as the map
    assert convolution_growth("torch.fft", case, "infer", repeats=1) > 2 * 4 * 16 * 120**2 * 4


def test_memory_is_printed_and_recorded(tmp_path, capsys):
    path = tmp_path / "convolution.json"
    arguments = ["--quick", "--kernels", "3", "--only", "torch", "tiled", "--json", str(path)]
    assert convolution.main(arguments) == 0
    memory = json.loads(path.read_text(encoding="utf-8"))["memory"]
    assert [record["call"] for record in memory] == ["infer", "gradient"]
    assert all(set(record["bytes"]) == {"torch", "tiled"} for record in memory)
    assert "growth of peak memory" in capsys.readouterr().out


def test_memory_growth_names_what_it_does_not_know():
    case = ConvolutionCase(2, 2, 1, size=8, kernel=3)
    with pytest.raises(ValueError, match="name='nonsense' must be one of .*'tiled'"):
        convolution_growth("nonsense", case, "infer")
    with pytest.raises(ValueError, match="call='train' must be one of"):
        convolution_growth("tiled", case, "train")
