"""``pyfdsr chip report``: tables, files, models, failures."""

import json

import pytest
import torch

from pyfdsr.chip import ADCParameters, ChipConfig, CostParameters, DACParameters, NoiseParameters
from pyfdsr.report.chip_report import ChipReport, chip_report

CONFIG = ChipConfig(
    dac=DACParameters(4),
    adc=ADCParameters(8),
    noise=NoiseParameters(out_noise=0.01),
    cost=CostParameters(1e6, 1e-12, 1e-12),
)


def network():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 5))


def linear():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3, 2))


@pytest.fixture
def path(tmp_path):
    CONFIG.save(tmp_path / "chip.toml")
    return tmp_path / "chip.toml"


def test_tables_and_files(command, path, tmp_path):
    figure, numbers = tmp_path / "out" / "chip.png", tmp_path / "chip.json"
    code, out, err = command("chip", "report", path, "--figure", figure, "--json", numbers)
    assert code == 0, err
    for text in ("11²", "121²", "242", "DAC", "static errors", "sum of powers", "16 shots", "4 slices"):
        assert text in out, text
    assert figure.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    found = json.loads(numbers.read_text())
    assert ChipConfig.from_toml(found["config"]) == CONFIG
    assert found["budget"]["static errors"] is None  # there are none: no number stands for infinity
    assert found["budget"]["all"] < found["budget"]["DAC"]


def test_a_model_on_the_chip(command, path, tmp_path):
    numbers = tmp_path / "chip.json"
    model = "test_chip_report:network"
    code, out, err = command(
        "chip", "report", path, "--model", model, "--input-size", "20x23", "--json", numbers
    )
    assert code == 0, err
    layers = json.loads(numbers.read_text())["layers"]
    assert list(layers) == ["0", "2"]
    # 4 images, 3×3 tiles of 9×9; then 16×19 outputs of a 5×5 kernel in 3×3 tiles of 7×7.
    assert layers["0"]["frames"] == 4 * 9 * (3 + 4) and layers["2"]["frames"] == 4 * 9 * (4 + 2)
    assert layers["0"]["seconds"] == layers["0"]["frames"] / 1e6
    assert f"{layers['0']['frames']:,}" in out


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (("missing.toml",), 1, "missing.toml"),
        (("CONFIG", "--figure", "chip.pdf"), 2, "must end in .png"),
        (("CONFIG", "--model", "test_chip_report:linear"), 2, "has no convolution that could run"),
        (("CONFIG", "--input-size", "big"), 2, "must be a number of pixels"),
        (("BAD",), 2, "dac.bits=1: must be 0 (infinite)"),
        (("PERFECT",), 2, "is_perfect=True: the chip has no errors"),
    ],
)
def test_failures(command, path, tmp_path, arguments, code, message):
    (tmp_path / "bad.toml").write_text("[dac]\nbits = 1\n")
    CONFIG.replace(is_perfect=True).save(tmp_path / "perfect.toml")
    names = {"CONFIG": path, "BAD": tmp_path / "bad.toml", "PERFECT": tmp_path / "perfect.toml"}
    found, _, err = command("chip", "report", *(names.get(a, a) for a in arguments))
    assert found == code and message in err, err


def test_the_command_alone_explains_itself(command):
    code, out, _ = command("chip")
    assert code == 0 and "report" in out


def test_one_side_is_one_pass_of_it():
    config = ChipConfig(dac=DACParameters(6, 0.3), adc=ADCParameters(8, 0.5))
    report = chip_report(config, seed=5)
    assert dict(report.sides)[11] == report.passes[0][2]


def test_report_of_an_ideal_chip():
    found = chip_report(ChipConfig(dac=DACParameters(0), adc=ADCParameters(0)))
    assert isinstance(found, ChipReport)
    assert all(level == float("inf") for level in found.budget.values())
    assert [name for name, _, _ in found.frames] == ["one frame", "4 shots", "16 shots"]
