"""Figures and the page: what they show, and that they depend on nothing outside."""

import io

import numpy as np
import pytest

from pyfdsr.report import COLOURS, figure_png, loss_curve, report_page, sample_rows, save_figure

RECORDS = [
    {"epoch": 1, "loss": 0.5, "psnr": 15.0},
    {"epoch": 2, "loss": 0.25, "psnr": 17.0, "test_psnr": 16.5},
]


def test_the_loss_curve_shows_training_test_and_input():
    left, right = loss_curve(RECORDS, input_psnr=16.0).axes
    assert left.lines[0].get_ydata().tolist() == [0.5, 0.25]
    assert [line.get_label() for line in right.lines] == ["training", "test", "low-resolution input"]
    assert right.lines[1].get_xdata() == [2]
    assert "dB" in right.get_ylabel() and left.get_xlabel() == "epoch"


def test_samples_are_three_rows_with_their_psnr():
    images = np.linspace(0, 1, 2 * 16).reshape(2, 4, 4)
    figure = sample_rows(images, images / 2, images / 8, [16.04, 17.0], [19.0, 20.06])
    panels = figure.axes[:6]
    assert [axes.get_title() for axes in panels] == ["", "", "16.0 dB", "17.0 dB", "19.0 dB", "20.1 dB"]
    assert [axes.get_ylabel() for axes in panels[::2]] == [
        "object",
        "low-resolution\ninput",
        "network\noutput",
    ]
    shown = [np.asarray(axes.images[0].get_array()) for axes in panels]
    assert np.allclose(shown[2], images[0] / 2)
    assert shown[4].max() == pytest.approx(1.0), "outputs are scaled to their maximum"
    assert all(axes.images[0].get_clim() == (0, 1.0) for axes in panels)


def test_a_dark_output_is_drawn():
    images = np.ones((1, 4, 4))
    figure = sample_rows(images, images, 0 * images, [1.0], [0.0])
    assert np.asarray(figure.axes[2].images[0].get_array()).max() == 0


def test_figures_have_the_same_bytes_twice_and_leave_global_state_alone(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    before = dict(matplotlib.rcParams)
    path = save_figure(loss_curve(RECORDS), tmp_path / "new" / "loss.png")
    assert path.read_bytes() == figure_png(loss_curve(RECORDS))
    assert dict(matplotlib.rcParams) == before


def simulate_deuteranopia(colour):
    """Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB."""
    rgb = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
    return np.asarray(matrix) @ linear


def test_colours_stay_apart_without_green_receptors():
    seen = [simulate_deuteranopia(colour) for colour in COLOURS.values()]
    distances = [np.linalg.norm(a - b) for index, a in enumerate(seen) for b in seen[:index]]
    assert min(distances) > 0.1


def test_the_page_escapes_text_and_embeds_pictures():
    picture = io.BytesIO(b"\x89PNG")
    page = report_page(
        "<b>", "a & b", ["", "PSNR"], [["x < y", "1"]], [("cap", picture.getvalue())], {"S": {"k": [1]}}
    )
    assert "<h1>&lt;b&gt;</h1>" in page and "a &amp; b" in page and "x &lt; y" in page
    assert 'src="data:image/png;base64,iVBORw=="' in page and "<td>[1]</td>" in page
