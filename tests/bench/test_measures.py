"""Timing, memory, peaks and fits: the arithmetic of the benchmarks."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from bench import crossover, headline, machine, memory, peak, roofline
from bench.case import Case
from bench.timing import time_in_turns


def test_functions_take_turns_and_the_first_call_of_a_round_is_not_counted():
    order = []
    timings = time_in_turns(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2, share=0.0
    )
    assert order == ["a", "a", "b", "b"] * 2
    assert timings["a"].calls == timings["b"].calls == 2
    assert 0 < timings["a"].best <= timings["a"].median


def test_share_is_filled_with_calls():
    assert time_in_turns({"a": lambda: None}, rounds=1, share=0.002)["a"].calls > 1


def test_a_slow_function_is_called_once_and_counts_with_that_call():
    order = []

    def slow() -> None:
        order.append("slow")
        time.sleep(0.02)

    timings = time_in_turns({"slow": slow, "fast": lambda: order.append("fast")}, 3, 0.0, longest=0.01)
    assert order.count("slow") == 1 and order.count("fast") == 6
    assert timings["slow"].calls == 1 and timings["slow"].best >= 0.02
    assert timings["fast"].calls == 3


def test_memory_growth_counts_what_autograd_must_keep():
    case = Case(window=64, band=64, grid=192, layers=4, batch=4, threads=1)
    # one complex64 plane of the grid per layer and image is the least that the plain network holds
    least = case.layers * case.batch * case.grid**2 * 8
    assert memory.growth("plain", case, "gradient", repeats=1) > least


def test_memory_growth_reports_a_failing_child(monkeypatch):
    monkeypatch.setattr(peak.sys, "executable", "false")
    with pytest.raises(RuntimeError, match="measuring memory of 'plain' failed"):
        memory.growth("plain", Case(window=6, band=6, grid=18))


def test_memory_growth_names_what_it_does_not_know():
    with pytest.raises(ValueError, match="name='nonsense' must be one of .*'tuned'"):
        memory.growth("nonsense", Case())
    with pytest.raises(ValueError, match="call='train' must be one of"):
        memory.growth("plain", Case(), "train")


def test_roofline_measures_something_plausible():
    peaks = roofline.measure(threads=2, quick=True)
    assert peaks.vector_bits in (128, 256, 512)
    for one, all_ in (peaks.fma_single, peaks.fma_double, peaks.bandwidth):
        assert one > 1e6 and all_ > 1e6
    assert len(roofline.lines(peaks)) == 3
    json.dumps(peaks.as_dict())


def test_fraction_of_peak_picks_precision_and_threads():
    peaks = roofline.Roofline(256, 2, (100.0, 200.0), (50.0, 80.0), (1.0, 1.0))
    assert peaks.fraction(100.0, 2.0, threads=1) == 0.5
    assert peaks.fraction(100.0, 2.0, threads=2) == 0.25
    assert peaks.fraction(100.0, 2.0, threads=1, double=True) == 1.0
    assert peaks.fraction(100.0, 2.5, threads=2, double=True) == 0.5


def test_a_cache_line_travels_between_two_cores():
    trip = roofline.core_round_trip(trips=100, tries=1)
    if trip is None:
        pytest.skip("one core, no compiler, or threads cannot be kept on cores")
    assert trip > 1e-9


def test_roofline_says_that_a_compiler_is_missing(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(roofline.shutil, "which", lambda name: None)
    roofline._library.cache_clear()
    with pytest.raises(RuntimeError, match="needs a C\\+\\+ compiler"):
        roofline.measure(quick=True)
    assert roofline.core_round_trip() is None


def timing_rows(seconds: dict[int, tuple[float, float, float]]) -> list[dict]:
    return [
        {"padding": 3, "size": size, "algorithm": name, "seconds": value}
        for size, values in seconds.items()
        for name, value in zip(crossover.ALGORITHMS, values, strict=True)
    ]


def test_crossing_lies_where_a_matrix_algorithm_meets_fftw():
    # skeleton ahead of fftw by a factor 4 at 20 and behind by 4 at 40: halfway; folded behind from 20 on
    rows = timing_rows({10: (1.0, 2.0, 8.0), 20: (16.0, 1.0, 4.0), 40: (9.0, 4.0, 1.0)})
    assert crossover.crossing(rows, 3, "skeleton") == pytest.approx(30.0)
    assert crossover.crossing(rows, 3, "folded") == pytest.approx(10 + 10 * 3 / 5)


def test_crossing_at_the_ends():
    ahead, behind = (timing_rows({10: row, 20: row}) for row in ((1.0, 1.0, 2.0), (2.0, 2.0, 1.0)))
    assert crossover.crossing(ahead, 3, "folded") is None
    assert crossover.crossing(behind, 3, "skeleton") == 10.0


def test_line_fit_finds_slope_and_deviation():
    values = np.array([1.0, 2.0, 4.0])
    slope, intercept, deviation = crossover.line_fit(values, 3 * values + 1)
    assert (slope, intercept) == pytest.approx((3.0, 1.0))
    assert deviation < 1e-12
    assert crossover.line_fit(values, values**2)[2] > 0.1


def test_table_divides_by_the_engine():
    def row(best: float, size: int) -> dict:
        return {"seconds": {"best": best, "median": best, "calls": 1}, "memory": size}

    results = {call: {"pyfdsr": row(0.01, 2**20), "plain": row(0.4, 15 * 2**20)} for call in headline.CALLS}
    text = "\n".join(headline.table(results, Case()))
    assert "40.0x" in text and "15.0x" in text and "400.00" in text


def test_a_wrong_implementation_is_not_timed(monkeypatch):
    from bench.peers import PEERS
    from bench.peers.tuned import TunedNetwork

    monkeypatch.setattr(TunedNetwork, "rows_then_columns", lambda self, transform, values, kept: values)
    case = Case(window=8, band=8, grid=24, layers=2, batch=1, threads=1)
    with pytest.raises(RuntimeError, match="tuned and plain differ in gradient"):
        headline.build_networks(case, ["plain", "tuned"])
    assert set(PEERS) >= {"plain", "tuned"}


def test_machine_is_described():
    description = machine.describe()
    assert description["cores"] >= 1 and description["cpu"]
    assert description["versions"]["numpy"] == np.__version__
    json.dumps(description)


def test_build_config_is_recorded():
    assert machine.build_config()
