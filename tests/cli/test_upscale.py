"""``pyfdsr upscale`` from the outside."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch

from pyfdsr.chip import ChipConfig
from pyfdsr.models import SuperResolutionCNN, save_super_resolution
from pyfdsr.upscaling import Picture, read_picture, upscale, write_picture

RANDOM = np.random.default_rng(0)


@pytest.fixture
def network(tmp_path):
    """Path of a small network's file, eight times."""
    torch.manual_seed(0)
    model = SuperResolutionCNN(depths=(2, 2, 2), lengths=(1, 1, 1))
    with torch.no_grad():
        model.cf.bias += 0.5
    run = tmp_path / "run"
    run.mkdir()
    save_super_resolution(model, run / "model.safetensors")
    return run / "model.safetensors"


def colours(*size, dtype=np.uint8):
    return RANDOM.integers(0, np.iinfo(dtype).max, size, dtype)


def test_one_picture(command, network, tmp_path):
    from pyfdsr.models import load_super_resolution

    given = colours(7, 9, 3)
    write_picture(tmp_path / "a.png", Picture(given, colours(7, 9), None))
    code, out, err = command(
        "upscale", tmp_path / "a.png", tmp_path / "b.png", "--model", network, "--tile", 4, "--device", "cpu"
    )
    assert (code, err) == (0, "") and "b.png (72×56)" in out
    result = read_picture(tmp_path / "b.png")
    assert np.array_equal(result.colours, upscale(load_super_resolution(network), given, 4))
    assert result.alpha.shape == (56, 72)
    # From the run's folder, smaller, with 16 bits.
    write_picture(tmp_path / "d.tif", Picture(colours(5, 3, 1, dtype=np.uint16)))
    code, _, err = command(
        "upscale", tmp_path / "d.tif", tmp_path / "e.png", "--model", network.parent, "--scale", 2,
        "--match-histogram", "--threads", 1,
    )  # fmt: skip
    assert (code, err) == (0, "")
    result = read_picture(tmp_path / "e.png").colours
    assert result.shape == (10, 6, 1) and result.dtype == np.uint16


def test_a_folder_with_bad_files(command, network, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "sub").mkdir(parents=True)
    write_picture(source / "a.jpg", Picture(colours(4, 4, 3)))
    write_picture(source / "sub" / "tiny.png", Picture(colours(1, 1, 3)))
    write_picture(source / "z.tif", Picture(colours(3, 5, 1)))
    (source / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write_picture(source / "large.png", Picture(np.zeros((130, 130, 1), np.uint8)))
    code, out, err = command("upscale", source, target, "--model", network, "--max-pixels", 1)
    assert code == 1 and out.count("wrote") == 3
    lines = err.splitlines()
    assert re.match(r"error: .*in/damaged\.png: ", lines[0])
    assert re.match(r"error: .*in/large\.png: has 130×130 pixels, more than the 15625 allowed", lines[1])
    assert lines[2] == "error: 2 of 5 pictures could not be done" and len(lines) == 3
    written = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert written == {"a.jpg", "sub/tiny.png", "z.tif"}
    assert read_picture(target / "sub" / "tiny.png").colours.shape == (8, 8, 3)
    # Again: everything exists, and is replaced only when asked to be.
    before = (target / "z.tif").stat().st_mtime_ns
    code, out, err = command("upscale", source / "z.tif", target, "--model", network)
    assert code == 1 and "z.tif: exists; --overwrite replaces it" in err and "wrote" not in out
    assert (target / "z.tif").stat().st_mtime_ns == before
    code, _, err = command("upscale", source / "z.tif", target, "--model", network, "--overwrite")
    assert (code, err) == (0, "")
    assert (target / "z.tif").stat().st_mtime_ns != before


def test_on_a_chip(command, network, tmp_path):
    ChipConfig.assumed_4bit().save(tmp_path / "chip.toml")
    write_picture(tmp_path / "a.png", Picture(colours(12, 10, 3)))
    arguments = ("upscale", tmp_path / "a.png")
    common = ("--model", network, "--overwrite")
    assert command(*arguments, tmp_path / "b.png", *common, "--optical", tmp_path / "chip.toml")[0] == 0
    assert command(*arguments, tmp_path / "c.png", *common)[0] == 0
    optical, electronic = (read_picture(tmp_path / f"{name}.png").colours.astype(float) for name in "bc")
    assert 0 < np.abs(optical - electronic).mean() < 60
    assert command(*arguments, tmp_path / "d.png", *common, "--optical", tmp_path / "chip.toml")[0] == 0
    assert np.array_equal(read_picture(tmp_path / "d.png").colours, optical)  # noise of the same seed


def test_what_is_refused(command, network, tmp_path):
    picture = tmp_path / "a.png"
    write_picture(picture, Picture(colours(3, 3, 3), colours(3, 3)))
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign.safetensors").write_bytes(b"GIF")
    for arguments, expected, message in (
        ((picture, tmp_path / "b.png", "--scale", 3), 2, "scale=3: must be one of 1, 2, 4, 8"),
        ((picture, tmp_path / "b.png", "--tile", 0), 2, "--tile 0: must be 1 or more"),
        ((picture, tmp_path / "b.webp"), 1, "b.webp: must end in one of .png"),
        ((picture, tmp_path / "b.jpg"), 1, "b.jpg: JPEG has no transparency"),
        ((picture, picture, "--overwrite"), 1, "is the picture to be read"),
        ((tmp_path / "none.png", tmp_path / "b.png"), 1, "none.png: there is no such file"),
        ((tmp_path / "empty", tmp_path / "b"), 1, "empty: holds no picture"),
        ((picture, picture / "b.png"), 1, "b.png"),
        ((picture, tmp_path / "b.png", "--model", tmp_path / "empty"), 1, "has no model.safetensors"),
        ((picture, tmp_path / "b.png", "--model", "x.safetensors"), 1, "there is no such file or folder"),
        ((picture, tmp_path / "b.png", "--model", "none"), 1, "own networks there are"),
        (
            (picture, tmp_path / "b.png", "--model", tmp_path / "foreign.safetensors"),
            2,
            "foreign.safetensors: is no safetensors file",
        ),
    ):
        given = arguments if "--model" in arguments else (*arguments, "--model", network)
        code, out, err = command("upscale", *given)
        assert code == expected and message in err and "Traceback" not in err, (arguments, code, err)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.png",
        "empty",
        "foreign.safetensors",
        "run",
    ]


def test_interruption_leaves_no_part(network, tmp_path):
    write_picture(tmp_path / "a.png", Picture(colours(700, 700, 3)))
    write_picture(tmp_path / "first.png", Picture(colours(8, 8, 3)))
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name, to in (("first.png", "0.png"), ("a.png", "1.png")):
        os.rename(tmp_path / name, source / to)
    command = [sys.executable, "-m", "pyfdsr", "upscale", str(source), str(target), "--model", str(network)]
    # A shell's background jobs ignore the signal, and so would their children.
    process = subprocess.Popen(
        [*command, "--tile", "64"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not (target / "0.png").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err.splitlines()[-1] == "stopped: interrupted"
    assert [path.name for path in target.iterdir()] == ["0.png"]
