"""Commands run in this process, on a network of one layer and a handful of embedded images."""

from __future__ import annotations

import warnings

import pytest

pytest.importorskip("torch")
pytest.importorskip("typer")

TINY = ("--dataset", "embedded", "--limit", "10", "--test-limit", "6", "--num-layers", "1", "--support", "28",
        "--band", "28", "--grid", "84", "--batch-size", "5", "--micro-batch", "5")  # fmt: skip


@pytest.fixture
def tiny():
    """Options of the tiny network."""
    return TINY


@pytest.fixture
def command(capsys):
    """Run ``pyfdsr <arguments>``; return its exit code, standard output and standard error."""

    def run(*arguments):
        from pyfdsr.cli import main

        with warnings.catch_warnings():
            warnings.simplefilter("default")
            code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def train(command):
    """Train the tiny network: ``train(folder, *further options)``."""

    def run(folder, *options):
        return command("train", "aosrnn", "--out", folder, *TINY, *options)

    return run
