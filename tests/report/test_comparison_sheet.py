"""Comparison sheets: every pixel where it belongs, close-ups of the same part."""

import numpy as np
import pytest

from pyfdsr.report.comparison_sheet import Panel, close_ups, comparison_sheet

pytest.importorskip("PIL.Image")


def picture(side, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def test_panels_lie_in_rows_and_columns():
    large, small = picture(64), picture(8)
    sheet = np.asarray(comparison_sheet(["a", "b"], [[Panel(large), Panel(small)]], 64))
    assert sheet.shape == (34 + 64 + 8, 2 * 72 + 8, 3)
    assert np.array_equal(sheet[34:98, 8:72], large)
    assert np.array_equal(sheet[34:98, 80:144], small.repeat(8, 0).repeat(8, 1))
    assert (sheet[:, :8] == 255).all() and (sheet[98:] == 255).all()


def test_captions_and_titles_are_written():
    row = [Panel(np.full((64, 64, 3), 255, np.uint8), "20.00 dB")]
    plain = np.asarray(comparison_sheet([""], [row], 64))
    titled = np.asarray(comparison_sheet(["one\ntwo"], [row], 64))
    assert (plain[-34:] < 255).any() and (plain[:34] == 255).all()
    assert (titled[:34] < 255).any()


def test_close_ups_show_the_same_part_of_every_picture():
    large, small = picture(64), picture(8)
    cut = close_ups([Panel(large, "20 dB"), Panel(small)], 16, 32, 24)
    assert np.array_equal(cut[0].picture, large[32:56, 16:40])
    assert np.array_equal(cut[1].picture, small[4:7, 2:5])
    with pytest.raises(ValueError, match="close-up 50,0,24: must be a square inside 64x64"):
        close_ups([Panel(large)], 50, 0, 24)


def test_rows_have_a_panel_for_each_title():
    with pytest.raises(ValueError, match="each must have 2 panels"):
        comparison_sheet(["a", "b"], [[Panel(picture(8))]])
