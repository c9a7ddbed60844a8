"""The convolution's figures: what is drawn, and what the fits say."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from bench import convolution, convolution_figures, convolution_growth


def record(row: str, call: str, kernel: int, **best: float) -> dict:
    timings = {name.replace("_", "-"): {"best": value} for name, value in best.items()}
    return {"row": row, "call": call, "kernel": kernel, "timings": timings}


RECORDS = [
    record("C4", "infer", 7, torch=0.004, torch_last=0.002, fft_conv=0.02, tiled=0.001, auto=0.001),
    record("C4", "infer", 3, torch=0.001, torch_last=0.002, fft_conv=0.02, tiled=0.003, auto=0.001),
    record("C4", "gradient", 3, torch=0.003, tiled=0.001),
    record("C16", "infer", 3, torch=0.005, auto=0.001),
    record("C4", "infer_cold", 3, torch=0.005, auto=0.001),
]


def test_curves_take_the_better_format_and_run_over_the_kernel():
    curves = convolution_figures.curves(RECORDS, "C4", "infer")
    assert curves["torch"] == ([3, 7], [1.0, 2.0])
    assert curves["tiled"] == ([3, 7], [3.0, 1.0])
    assert "torch.fft" not in curves
    assert convolution_figures.curves(RECORDS, "C16", "gradient") == {}


def test_figure_has_a_panel_for_each_row_and_drawn_call():
    figure = convolution_figures.convolution_figure(RECORDS)
    panels = figure.get_axes()
    assert len(panels) == 2 * 2
    assert [panel.get_title() for panel in panels] == ["C4", "C16", "", ""]
    assert "(samples)" in panels[2].get_xlabel() and "(ms)" in panels[0].get_ylabel()
    (line,) = (line for line in panels[0].get_lines() if line.get_label() == "fft-conv-pytorch")
    np.testing.assert_array_equal(line.get_xydata(), [[3, 20], [7, 20]])
    assert len(figure.legends[0].get_texts()) == 4


def test_figure_is_drawn_from_what_the_benchmark_wrote(tmp_path):
    path = tmp_path / "measured.json"
    calls = ["--calls", "infer", "gradient"]
    assert (
        convolution.main(["--quick", "--no-memory", "--only", "torch", "auto", *calls, "--json", str(path)])
        == 0
    )
    assert convolution_figures.main([str(path), "--out", str(tmp_path / "figures")]) == 0
    assert (tmp_path / "figures" / "convolution.png").read_bytes().startswith(b"\x89PNG")
    kept = json.loads((tmp_path / "figures" / "convolution.json").read_text(encoding="utf-8"))
    assert kept == json.loads(path.read_text(encoding="utf-8"))
    with (tmp_path / "figures" / "convolution.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(entry["timings"]) for entry in kept["records"]) > 0
    assert all(float(row["seconds"]) > 0 for row in rows)


def test_growth_is_measured_drawn_and_drawn_again(tmp_path, capsys):
    assert convolution_growth.main(["--quick", "--threads", "1", "--out", str(tmp_path)]) == 0
    path = tmp_path / "convolution_growth.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert {row["over"] for row in kept["rows"]} == {"kernel", "size", "batch"}
    assert all(row["seconds"] > 0 for row in kept["rows"])
    lengths = {(row["series"], row["transform"]) for row in kept["rows"] if row["over"] == "kernel"}
    assert lengths == {
        (convolution_growth.WHOLE, 144),
        (convolution_growth.TILED, 80),
        (convolution_growth.TORCH, 0),
    }
    assert kept["machine"]["build_config"] and kept["summary"]["flat"] >= 1
    assert convolution_growth.main(["--draw", str(path), "--out", str(tmp_path / "again")]) == 0
    again = tmp_path / "again" / "convolution_growth.png"
    assert again.read_bytes() == (tmp_path / "convolution_growth.png").read_bytes()


def test_size_fit_finds_its_own_law_and_no_other():
    lengths = np.array([16.0, 32.0, 64.0, 128.0])
    slope, intercept, deviation = convolution_growth.size_fit(lengths, 3 * lengths**2 * np.log2(lengths) + 5)
    assert (slope, intercept) == pytest.approx((3.0, 5.0))
    assert deviation < 1e-9
    assert convolution_growth.size_fit(lengths, lengths**4)[2] > 0.5


def test_summary_tells_flat_from_steep():
    def rows(over: str, series: str, seconds: dict[int, float]) -> list[dict]:
        return [
            {"over": over, "series": series, "value": value, "transform": value, "seconds": time}
            for value, time in seconds.items()
        ]

    law = {n: n**2 * float(np.log2(n)) for n in (16, 32, 64)}
    found = convolution_growth.summary(
        rows("kernel", convolution_growth.WHOLE, {3: 2.0, 31: 3.0})
        + rows("size", "whole map", law)
        + rows("batch", "k = 7", {1: 1.0, 2: 2.0, 4: 4.0})
        + rows("batch", "k = 9", {1: 1.0, 2: 4.0, 4: 16.0})
    )
    assert found["flat"] == 1.5
    assert found["size_deviation"] < 1e-9 and found["batch_deviation"] > 0.1
