"""Mask files: what is written is what is read, in every format, and a failure loses nothing."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest

from pyfdsr.optics import export_masks, load_masks
from pyfdsr.optics.masks import wrapped
from tolerances import assert_close

WAVELENGTH, INDEX = 550e-9, 1.46


@pytest.fixture
def phases():
    return np.random.default_rng(1).normal(scale=10, size=(3, 5, 8))


def test_round_trip(phases, tmp_path):
    files = export_masks(phases, tmp_path / "masks.npz", WAVELENGTH, INDEX, mask_pitch=8e-6)
    assert files == [tmp_path / "masks.npz", tmp_path / "masks.json"]
    masks = load_masks(files[0])
    assert masks.phase.dtype == np.float64
    assert ((masks.phase >= 0) & (masks.phase < 2 * np.pi)).all()
    assert_close("pointwise", np.exp(1j * masks.phase), np.exp(1j * phases))
    # Light that crosses the material instead of air is late by this phase.
    delay = 2 * np.pi / WAVELENGTH * (INDEX - 1) * masks.height
    assert_close("pointwise", delay, masks.phase)
    assert 0 <= masks.height.min() <= masks.height.max() < WAVELENGTH / (INDEX - 1)
    assert masks.metadata == json.loads(files[1].read_text())
    assert masks.metadata["wavelength_metres"] == WAVELENGTH
    assert masks.metadata["refractive_index"] == INDEX
    assert masks.metadata["mask_pitch_metres"] == 8e-6
    assert masks.metadata["shape"] == [5, 8]
    assert masks.metadata["height_of_2pi_metres"] == pytest.approx(WAVELENGTH / 0.46)


def test_models_tensors_and_single_masks(phases, tmp_path):
    torch = pytest.importorskip("torch")
    model = SimpleNamespace(phases=torch.nn.Parameter(torch.from_numpy(phases)))
    expected = load_masks(export_masks(phases, tmp_path / "array", WAVELENGTH, INDEX)[0])
    from_model = load_masks(export_masks(model, tmp_path / "model", WAVELENGTH, INDEX)[0])
    assert np.array_equal(from_model.phase, expected.phase)
    single = load_masks(export_masks(phases[0], tmp_path / "single", WAVELENGTH, INDEX)[0])
    assert np.array_equal(single.phase, expected.phase[:1])


def test_ambient_index_makes_taller_masks(phases, tmp_path):
    air = load_masks(export_masks(phases, tmp_path / "air", WAVELENGTH, INDEX)[0])
    water = load_masks(export_masks(phases, tmp_path / "water", WAVELENGTH, INDEX, ambient_index=1.33)[0])
    assert_close("fast_pointwise", water.height * 0.13, air.height * 0.46)


def test_wrapping_stays_below_two_pi():
    tricky = np.array([-1e-30, -0.0, 2 * np.pi, -2 * np.pi, np.nextafter(0, -1), 1e9, -1e9])
    result = wrapped(tricky)
    assert ((result >= 0) & (result < 2 * np.pi)).all()
    assert result[:5].tolist() == [0, 0, 0, 0, 0]


def test_png_holds_the_phase_in_16_bits(phases, tmp_path):
    image = pytest.importorskip("PIL.Image")
    files = export_masks(phases, tmp_path / "masks", WAVELENGTH, INDEX, formats="png")
    assert [file.name for file in files[2:]] == [f"masks-layer0{n}-phase.png" for n in (1, 2, 3)]
    for file, phase in zip(files[2:], wrapped(phases), strict=True):
        with image.open(file) as opened:
            levels = np.asarray(opened).astype(np.float64)
        assert levels.shape == phase.shape
        apart = np.angle(np.exp(1j * (levels * 2 * np.pi / 65536 - phase)))
        assert np.abs(apart).max() <= 0.51 * 2 * np.pi / 65536


def test_csv_holds_the_heights_in_metres(phases, tmp_path):
    files = export_masks(phases, tmp_path / "masks", WAVELENGTH, INDEX, formats=["csv", "png", "csv"])
    tables = [file for file in files if file.suffix == ".csv"]
    assert len(tables) == 3
    assert len(files) == 8
    heights = np.stack([np.loadtxt(file, delimiter=",") for file in tables])
    assert np.allclose(heights, load_masks(files[0]).height, rtol=1e-9, atol=0)


def test_folders_are_made_and_files_are_readable_by_others(phases, tmp_path):
    files = export_masks(phases, tmp_path / "new" / "folder" / "masks", WAVELENGTH, INDEX)
    assert files[0].stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_files(phases, tmp_path, monkeypatch, failing):
    archive = export_masks(phases, tmp_path / "masks", WAVELENGTH, INDEX)[0]
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left"):
        export_masks(2 * phases, archive, WAVELENGTH, INDEX, formats=["png"])
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"text"]
)
def test_damaged_archives_are_refused(phases, tmp_path, damage):
    archive = export_masks(phases, tmp_path / "masks", WAVELENGTH, INDEX)[0]
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(ValueError, match="must be an undamaged mask archive"):
        load_masks(archive)


def test_other_archives_and_missing_files_are_refused(tmp_path):
    np.savez(
        tmp_path / "other.npz", phase=np.zeros(1), height=np.zeros(1), metadata=np.array('{"format": "x"}')
    )
    with pytest.raises(ValueError, match="format 'x' is not"):
        load_masks(tmp_path / "other.npz")
    with pytest.raises(FileNotFoundError):
        load_masks(tmp_path / "nowhere.npz")


@pytest.mark.parametrize(
    ("phases", "arguments", "error", "message"),
    [
        (np.zeros((2, 2)), {"wavelength": -1}, ValueError, "wavelength=-1"),
        (np.zeros((2, 2)), {"refractive_index": 1.0}, ValueError, "refractive_index=1.0: .* greater than 1"),
        (np.zeros((2, 2)), {"ambient_index": 1.5}, ValueError, "refractive_index=1.46: .* greater than 1.5"),
        (np.zeros((2, 2)), {"mask_pitch": 0}, ValueError, "mask_pitch=0"),
        (np.zeros((2, 2)), {"wavelength": "green"}, TypeError, "wavelength='green'"),
        (np.zeros((2, 2)), {"formats": ["stl"]}, ValueError, "formats=.*'stl'"),
        (np.zeros(4), {}, ValueError, r"phases have shape \(4,\)"),
        (np.zeros((0, 2, 2)), {}, ValueError, "not empty"),
        (np.zeros((2, 2), complex), {}, TypeError, "dtype complex128"),
        (np.full((2, 2), np.nan), {}, ValueError, "NaN or infinite"),
    ],
)
def test_bad_arguments_are_refused(phases, arguments, error, message, tmp_path):
    with pytest.raises(error, match=message):
        export_masks(
            phases, tmp_path / "masks", **{"wavelength": WAVELENGTH, "refractive_index": INDEX, **arguments}
        )
    assert list(tmp_path.iterdir()) == []
