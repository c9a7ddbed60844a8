"""The check of auto's promise: its grid, its verdicts, its report."""

from __future__ import annotations

import itertools
import json

import pytest

from bench import auto_choice
from bench.auto_choice import grid, judge, keeps_promise, report
from bench.convolution_case import ConvolutionCase


def test_grid_order_is_that_of_the_seed_and_covers_all_kinds():
    def first(seed: int) -> list:
        return list(itertools.islice(grid(seed, 1e9, 1), 300))

    assert first(0) == first(0) != first(1)
    cases = [case for case, _ in first(0)]
    assert {train for _, train in first(0)} == {False, True}
    assert {case.batch for case in cases} == set(auto_choice.BATCHES)
    assert {case.in_channels for case in cases} == set(auto_choice.CHANNELS)
    assert any(case.groups == case.in_channels > 1 for case in cases)
    assert any(1 < case.groups < case.in_channels for case in cases)
    assert any(case.groups == 1 for case in cases)
    assert max(case.products for case in cases) <= 1e9


def test_grid_has_no_shape_twice():
    cases = list(grid(0, 1e8, 1))
    assert len(cases) == len(set(cases)) > 1000


@pytest.mark.parametrize(
    ("torch_seconds", "auto_seconds", "kept"),
    [(1.0, 1.05, True), (1.0, 1.06, False), (1.0, 0.1, True), (199e-6, 208e-6, True), (50e-6, 61e-6, False)],
)
def test_promise(torch_seconds, auto_seconds, kept):
    assert keeps_promise(torch_seconds, auto_seconds) is kept


def seconds(**changed: float) -> dict[str, float]:
    times = {"torch-nchw": 2e-3, "torch-last": 1e-3, "auto-nchw": 1e-3, "auto-last": 1e-3}
    return times | {name.replace("_", "-"): value for name, value in changed.items()}


def test_verdict_counts_the_better_format_and_the_same_tensors_apart():
    assert judge(seconds())["keeps"] and judge(seconds())["keeps_same"]
    other = judge(seconds(auto_nchw=2e-3))
    assert other["ratio"] == 0.5 and not other["keeps"] and other["keeps_same"] and other["same"] == 1.0
    same = judge(seconds(auto_last=2e-3))
    assert same["keeps"] and not same["keeps_same"] and same["same"] == 0.5
    assert judge(seconds())["forgone"] is None
    assert judge(seconds(tiled=5e-4, fourier=4e-3))["forgone"] == 2.0


def test_report_names_breaches_with_the_worst_first():
    def record(kernel: int, **changed: float) -> dict:
        times = seconds(**changed)
        case = vars(ConvolutionCase(4, 4, 1, 16, kernel))
        return {"case": case, "train": False, "direct": False, "seconds": times, **judge(times)}

    records = [record(3), record(5, auto_nchw=2e-3), record(7, auto_nchw=4e-3, tiled=1e-3)]
    lines = report(records)
    assert "slower than the better torch format: 2 of 3 (66.7%)" in lines
    breaches = [line for line in lines if "x  infer" in line]
    assert [line.split("k")[1].split()[0] for line in breaches] == ["7", "5", "7", "7"]
    assert "another algorithm more than 1.1x faster than auto: 1 of 3" in lines
    assert report([])[0].startswith("0 shapes")


def test_a_breach_is_timed_again_before_it_counts(monkeypatch):
    rounds = []

    def times(functions, count, share, longest):
        rounds.append(count)
        slow = len(rounds) == 1
        best = {name: 1e-3 * (2 if slow and name.startswith("auto") else 1) for name in functions}
        return {name: auto_choice_timing(value) for name, value in best.items()}

    monkeypatch.setattr(auto_choice, "time_in_turns", times)
    found = auto_choice.measure(ConvolutionCase(3, 3, 1, 14, 3), False, False, 3, 0.0, 1.0)
    assert rounds[0] < rounds[1] and found["keeps"] and found["ratio"] == 1.0


def auto_choice_timing(best: float):
    from bench.timing import Timing

    return Timing(best, best, 1)


@pytest.mark.parametrize(
    ("case", "direct"),
    [
        (ConvolutionCase(3, 3, 1, 14, 3, 1, 1), True),  # too short a call for any transform
        (ConvolutionCase(16, 16, 1, 96, 15, 1, 1), False),  # far beyond the break-even
    ],
)
@pytest.mark.parametrize("train", [False, True])
def test_choice_is_told_from_the_bits(case, direct, train):
    inputs = auto_choice.make_convolution_inputs(case)
    assert auto_choice.chose_torch(case, inputs, train) is direct


def test_all_calls_run_also_where_the_map_is_longer_than_a_tile():
    case = ConvolutionCase(1, 1, 1, 150, 3, 1, 1)
    inputs = auto_choice.make_convolution_inputs(case)
    for train in (False, True):
        functions = auto_choice.functions_of(case, inputs, train, alternatives=True)
        assert set(functions) == {"torch-nchw", "auto-nchw", "torch-last", "auto-last", "tiled", "fourier"}
        for function in functions.values():
            function()


def test_a_run_prints_and_writes(tmp_path, capsys):
    path = tmp_path / "auto.json"
    arguments = ["--cases", "3", "--most-products", "1e6", "--rounds", "1", "--share", "0", "--threads", "1"]
    assert auto_choice.main([*arguments, "--json", str(path)]) == 0
    record = json.loads(path.read_text())
    assert len(record["records"]) == 3
    assert [entry["case"] for entry in record["records"]] == [
        vars(case) for case, _ in itertools.islice(grid(0, 1e6, 1), 3)
    ]
    assert all({"torch-nchw", "auto-nchw"} <= set(entry["seconds"]) for entry in record["records"])
    assert "3 shapes" in capsys.readouterr().out
    assert auto_choice.main([*arguments, "--minutes", "0"]) == 0
    assert "0 shapes" in capsys.readouterr().out
