"""``pyfdsr train srcnn`` and ``compare``: what they write, and how they fail."""

import json

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for index in range(4):
        small = np.random.default_rng(index).integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(small).resize((260, 256), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def run(command, photos, tmp_path, monkeypatch):
    """A run of one epoch of two steps."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = ("--data", photos, "--tiles", "0", "--epochs", "1", "--batch-size", "2", "--threads", "1")
    code, out, err = command("train", "srcnn", *options, "--out", tmp_path / "run")
    assert (code, err) == (0, "")
    assert "epoch 1/1  loss" in out and "bicubic" in out and "network" in out
    return tmp_path / "run"


def test_train_writes_a_run_that_goes_on(run, command):
    scores = json.loads((run / "evaluation.json").read_text())["scores"]
    assert set(scores) == {"nearest", "bicubic", "network"}
    assert {path.name for path in run.iterdir()} == {
        "config.json", "metrics.jsonl", "model.safetensors", "evaluation.json", "checkpoints",
    }  # fmt: skip
    code, out, err = command("train", "srcnn", "--out", run, "--resume", "--epochs", "2", "--device", "cpu")
    assert (code, err) == (0, "") and "continuing" in out and "epoch 2/2" in out
    assert "device" not in json.loads((run / "config.json").read_text())
    code, out, err = command("train", "srcnn", "--out", run, "--resume", "--loss", "mge")
    assert code == 2 and "--loss mge: the run in" in err and "continued as it began" in err
    code, out, err = command("evaluate", run)
    assert code == 1 and "it is about a network 'srcnn'" in err


def test_train_names_what_is_wrong(command, photos, tmp_path):
    code, _, err = command("train", "srcnn", "--out", tmp_path / "run", "--weights", "1,x")
    assert code == 2 and "--weights 1,x: must be numbers joined by commas" in err
    code, _, err = command("train", "srcnn", "--out", tmp_path / "run", "--data", tmp_path / "nowhere")
    assert code == 1 and "is not a folder" in err
    assert not (tmp_path / "run").exists()


def test_compare_makes_a_sheet(run, command, photos, tmp_path):
    sheet = tmp_path / "sheet.png"
    shown = ("--models", run, "--names", "mine", "--match", "input", "--close-up", "64,0,32")
    code, out, err = command("compare", photos / "0.png", photos / "1.png", *shown, "--out", sheet)
    assert (code, err) == (0, "") and "2 of 2 images" in out
    with Image.open(sheet) as image:
        width, height = image.size
        assert width == 5 * (256 + 8) + 8 and height > 4 * 256
        colours = np.asarray(image)
    # The first panel is the photograph itself, the central 256 of its 260 columns resized by nothing.
    original = np.asarray(Image.open(photos / "0.png").convert("RGB"))[:, 2:258]
    top = height - 2 * (2 * 256 + 8 + 8 + 26)
    assert np.array_equal(colours[top : top + 256, 8:264], original)


def test_compare_leaves_out_what_it_cannot_read(run, command, photos, tmp_path):
    (tmp_path / "text.png").write_text("no image")
    sheet = tmp_path / "sheet.png"
    code, out, err = command(
        "compare", tmp_path / "text.png", photos / "0.png", "--models", run, "--out", sheet
    )
    assert code == 1 and "text.png: cannot be read" in err and "1 of 2 images" in out and sheet.exists()
    sheet.unlink()
    for options, message in (
        (("--close-up", "250,0,32"), "close-up 250,0,32: must be a square inside 256x256"),
        (("--close-up", "1,2"), "--close-up 1,2: must be three whole numbers"),
        (("--match", "mean"), "match='mean': must be None, 'input' or 'original'"),
        (("--out", tmp_path / "sheet.gif"), "sheet.gif: must end in .png, .jpg, .jpeg"),
        (("--size", "100"), "--size 100: must be a multiple of 8"),
        (("--names", "a,b"), "--names a,b: must be 1 different names"),
    ):
        code, _, err = command("compare", photos / "0.png", "--models", run, "--out", sheet, *options)
        assert code == 2 and message in err and not sheet.exists()
