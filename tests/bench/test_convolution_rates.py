"""Fitting the rates by which auto chooses."""

import itertools
import json

import numpy as np
import pytest

pytest.importorskip("scipy", reason="bench.convolution_rates needs pyfdsr[images]")

from bench import convolution_rates
from bench.convolution_case import ConvolutionCase


def test_rates_are_found_among_disturbed_times():
    generator = np.random.default_rng(0)
    work = generator.uniform(1, 100, (200, 3))
    times = work @ [2.0, 0.0, 5.0]
    times[::10] *= 8  # another process
    rates, error = convolution_rates.fitted(work, times)
    assert rates == pytest.approx([2, 0, 5], rel=0.01, abs=0.01)
    assert error < 0.01


def fitted_of(printed):
    return printed[printed.index(" shapes; ") :]


def test_a_measurement_can_be_fitted_again(tmp_path, monkeypatch, capsys):
    cases = [
        (ConvolutionCase(4, 4, groups, size, kernel, 1, 1), train)
        for groups in (1, 4)
        for size in (14, 20)
        for kernel in (1, 3, 5)
        for train in (False, True)
    ]
    monkeypatch.setattr(convolution_rates, "shapes", lambda *_: iter(cases))
    path = tmp_path / "times.jsonl"
    assert convolution_rates.main([str(path)]) == 0
    measured = capsys.readouterr().out
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["case"]["kernel"] for record in records] == [case.kernel for case, _ in cases]
    assert convolution_rates.main([str(path), "--fit"]) == 0
    assert fitted_of(capsys.readouterr().out) == fitted_of(measured)
    assert f"sums: {12 * 2} times" in measured and '"depthwise": Rates(' in measured


def test_channels_that_the_grid_lacks_are_among_the_shapes():
    cases = [case for case, _ in itertools.islice(convolution_rates.shapes(0, 1e8), 200)]
    channels = {(case.in_channels, case.out_channels) for case in cases}
    assert channels > set(convolution_rates.UNEQUAL)
    assert all(case.products <= 1e8 for case in cases)
