"""Every command from the outside: what it prints, what it writes, how it fails."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

PNG = b"\x89PNG\r\n\x1a\n"


def test_train_evaluate_and_masks(train, command, tmp_path):
    run = tmp_path / "run"
    code, out, err = train(run, "--epochs", "2", "--gamma", "1e-6")
    assert (code, err) == (0, "")
    assert "epoch 2/2  loss" in out and "low-resolution input" in out and "network output" in out
    written = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert written == {
        "config.json", "metrics.jsonl", "model.safetensors", "evaluation.json", "report.html",
        "checkpoints/checkpoint-00001-000000.safetensors", "checkpoints/checkpoint-00002-000000.safetensors",
        "figures/samples.png", "figures/loss.png",
    }  # fmt: skip
    config = json.loads((run / "config.json").read_text())
    assert (config["gamma"], config["epochs"], config["per_class"]) == (1e-6, 2, 200)

    code, out, err = command("evaluate", run, "--intensity", "2", "--limit", "5")
    assert (code, err) == (0, "")
    numbers = json.loads((run / "evaluation-embedded-2.json").read_text())
    assert numbers["count"] == 5 and numbers["peak"] == 2
    assert f"{numbers['output_psnr']:.2f}" in out
    assert (run / "figures" / "samples-embedded-2.png").read_bytes().startswith(PNG)

    code, out, err = command("masks", run, "--out", tmp_path / "masks.npz", "--refractive-index", "1.5")
    assert (code, err) == (0, "")
    assert (tmp_path / "masks.npz").exists() and (tmp_path / "masks.json").exists()


def test_demo_writes_a_report_that_needs_nothing_else(command, tmp_path):
    folder = tmp_path / "demo"
    arguments = (
        "demo",
        "--out",
        folder,
        "--num-layers",
        "1",
        "--support",
        "28",
        "--images",
        "40",
        "--seconds",
        "0.5",
    )
    code, out, err = command(*arguments)
    assert (code, err) == (0, "")
    assert "500 test images" in out and "network output" in out and "report.html" in out
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert not re.search(r"(src|href)=\"(?!data:)", page) and "<script" not in page
    for part in ("low-resolution input", "MIT licence", "learning_rate", "build:", "numpy"):
        assert part in page
    assert (folder / "figures" / "samples.png").read_bytes().startswith(PNG)
    code, _, err = command(*arguments)
    assert (code, err) == (0, "")


def test_demo_leaves_another_run_alone(command, train, tmp_path):
    train(tmp_path / "run", "--epochs", "1")
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace('"embedded"', '"mnist"'))
    code, _, err = command(
        "demo", "--out", tmp_path / "run", "--epochs", "1", "--images", "5", "--support", "28"
    )
    assert code == 1 and "already holds a run" in err
    assert '"mnist"' in path.read_text()


def test_info_names_build_and_data(command):
    code, out, err = command("info")
    assert (code, err) == (0, "")
    for part in ("pyfdsr", "threads", "build:", "torch", "embedded", "fashion-mnist"):
        assert part in out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ((), ("demo", "train", "evaluate", "masks", "info", "130 interrupted")),
        (("--help",), ("demo", "train", "evaluate", "masks", "info")),
        (("train",), ("aosrnn",)),
        (("train", "aosrnn", "--help"), ("--gamma", "--resume", "metrics.jsonl", "Eq. 3", "µm")),
        (("demo", "--help"), ("report.html", "two minutes")),
        (("evaluate", "--help"), ("--intensity", "PSNR")),
        (("upscale", "--help"), ("--match-histogram", "CONFIG.toml", "half-written")),
        (("masks", "--help"), ("metres", "radians")),
        (("info", "--help"), ("PYFDSR_DATA",)),
    ],
)
def test_help_teaches(command, arguments, parts):
    code, out, _ = command(*arguments)
    assert code == 0
    for part in parts:
        assert part in out


def test_resume_continues_and_refuses_other_settings(train, command, tmp_path):
    run = tmp_path / "run"
    train(run, "--epochs", "1")
    code, out, _ = command("train", "aosrnn", "--out", run, "--resume", "--epochs", "3")
    assert code == 0 and "continuing" in out and "checkpoint-00001-000000" in out
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    code, _, err = command("train", "aosrnn", "--out", run, "--resume", "--gamma", "0.5")
    assert code == 2 and err.startswith("error: --gamma 0.5: the run in") and "Traceback" not in err


def only_line(text):
    (line,) = text.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("fly",), 2, "error: No such command 'fly'"),
        (("demo", "--speed"), 2, "error: No such option: --speed"),
        (("evaluate",), 2, "error: Missing argument 'RUN'"),
        (("evaluate", "nowhere"), 1, "error: nowhere is not a run folder: it has no config.json"),
        (("masks", "nowhere", "--out", "m.npz"), 1, "error: nowhere is not a run folder"),
        (("train", "aosrnn", "--out", "r", "--resume"), 1, "error: r is not a run folder"),
        (("train", "aosrnn", "--out", "r", "--epochs", "-3"), 2, "error: epochs=-3: must be an integer of 1"),
        (("train", "aosrnn", "--out", "r", "--nonlinearity", "glass"), 2, "error: nonlinearity='glass'"),
        (
            ("train", "aosrnn", "--out", "r", "--dataset", "nothing"),
            2,
            "error: name must be one of embedded, mnist",
        ),
        (("train", "aosrnn", "--out", "r", "--dataset", "./no.npz"), 1, "no.npz: no such file or folder"),
    ],
)
def test_errors_are_one_line(command, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    got, _, err = command(*arguments)
    assert got == code
    assert message in only_line(err)
    assert os.listdir(tmp_path) == []


def test_debug_shows_the_traceback(command):
    code, _, err = command("evaluate", "nowhere", "--debug")
    assert code == 1 and "Traceback" in err and err.splitlines()[-1].startswith("error: nowhere")


def test_a_damaged_data_file_is_named(command, tmp_path):
    (tmp_path / "images.npz").write_bytes(b"PK\x03\x04 not an archive")
    code, _, err = command("train", "aosrnn", "--out", tmp_path / "run", "--dataset", tmp_path / "images.npz")
    assert code == 1 and "images.npz is corrupt" in only_line(err)
    assert not (tmp_path / "run").exists()


def test_a_damaged_checkpoint_is_warned_about_and_the_previous_one_used(train, command, tmp_path):
    run = tmp_path / "run"
    train(run, "--epochs", "2")
    last = sorted((run / "checkpoints").iterdir())[-1]
    last.write_bytes(last.read_bytes()[:100])
    code, out, err = command("train", "aosrnn", "--out", run, "--resume")
    assert code == 0 and "checkpoint-00001-000000" in out
    assert only_line(err).startswith(f"warning: {last} is damaged")
    for path in (run / "checkpoints").iterdir():
        path.write_bytes(b"")
    code, _, err = command("train", "aosrnn", "--out", run, "--resume")
    assert code == 1 and only_line(err).startswith("error: no usable checkpoint")


def test_ctrl_c_leaves_a_checkpoint_and_code_130(tiny, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "pyfdsr", "train", "aosrnn", "--out", str(run), *tiny]
    process = subprocess.Popen(
        [*command, "--epochs", "100000"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not (run / "metrics.jsonl").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode().startswith("stopped: training stopped after ") and "with --resume" in err.decode()
    assert only_line(err.decode())
    assert list((run / "checkpoints").glob("*.safetensors"))


def test_help_does_not_load_torch():
    code = (
        "import sys, pyfdsr.cli as c; c.main(['train', 'aosrnn', '--help']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


def test_without_typer_the_command_says_how_to_get_it():
    code = "import sys; sys.modules['typer'] = None; import pyfdsr.cli as c; sys.exit(c.main(['info']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert (
        only_line(done.stderr)
        == 'error: the package typer is needed for the commands: pip install "pyfdsr[train]"'
    )


def test_a_device_is_no_part_of_the_run(train, command, tmp_path):
    from pyfdsr.training.checkpoint import read_checkpoint

    one, other = tmp_path / "one", tmp_path / "other"
    assert train(one, "--epochs", "1")[0] == train(other, "--epochs", "1", "--device", "cpu")[0] == 0
    assert (one / "config.json").read_bytes() == (other / "config.json").read_bytes()
    tensors = [read_checkpoint(run / "model.safetensors")[0] for run in (one, other)]
    assert (tensors[0]["model.phases"] == tensors[1]["model.phases"]).all()
    code, out, err = command("train", "aosrnn", "--out", one, "--resume", "--epochs", "2", "--device", "cpu")
    assert (code, err) == (0, "") and "epoch 2/2" in out
    assert command("evaluate", one, "--device", "cpu")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "aosrnn", "--dataset", "nowhere", "--out", "run"),
        ("train", "aosrnn", "--resume", "--out", "run"),
        ("train", "srcnn", "--data", "nowhere", "--out", "run"),
        ("evaluate", "run"),
        ("upscale", "nothing.png", "large.png"),
        ("experiment", "fig2", "--dataset", "embedded", "--out", "run"),
    ],
    ids=" ".join,
)
def test_a_device_that_cannot_be_used_is_said_first(command, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    for device, rule in (
        ("gpu", "must be a device of torch, such as cpu"),
        ("cuda:99", "that can be used here"),
    ):
        code, out, err = command(*arguments, "--device", device)
        assert (code, out, err.count("\n")) == (2, "", 1) and f"error: device='{device}': must" in err
        assert rule in err
    assert not list(tmp_path.iterdir())
