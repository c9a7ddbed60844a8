"""The super-resolution benchmark runs, and refuses to time networks that differ."""

import json

import pytest
import torch

from bench import super_resolution


def test_it_prints_and_writes_its_figures(tmp_path, capsys):
    path = tmp_path / "figures.json"
    assert super_resolution.main(["--quick", "--threads", "1", "--json", str(path)]) == 0
    record = json.loads(path.read_text())
    names = {"pyfdsr", "torch", "torch, channels_last", "pyfdsr, chip"}
    assert set(record["seconds"]) == names and record["machine"]["build_config"]
    assert all(timing["best"] > 0 for timing in record["seconds"].values())
    assert "of the better torch format" in capsys.readouterr().out


def test_unlike_networks_are_not_timed(monkeypatch):
    networks = super_resolution.networks()
    torch.nn.init.zeros_(networks["pyfdsr"].cf.weight)
    monkeypatch.setattr(super_resolution, "networks", lambda: networks)
    with pytest.raises(RuntimeError, match="pyfdsr differs from torch"):
        super_resolution.implementations(4)
