"""Every benchmark and every command runs once on tiny sizes, so that none can rot."""

from __future__ import annotations

import csv
import importlib
import inspect
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import crossover, headline

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "bench" / "benchmarks").glob("bench_*.py"))
PREFIXES = ("time_", "peakmem_", "track_")


@pytest.fixture
def benchmark_module(request, monkeypatch):
    """One module of the suite, imported with the tiny parameters and forgotten afterwards."""
    monkeypatch.setenv("PYFDSR_BENCH_QUICK", "1")

    def forget() -> None:
        for name in [name for name in sys.modules if name.startswith("bench.benchmarks")]:
            del sys.modules[name]

    forget()
    yield importlib.import_module(f"bench.benchmarks.{request.param}")
    forget()


def benchmark_classes(module) -> list[type]:
    return [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if member.__module__ == module.__name__ and methods(member)
    ]


def methods(cls: type) -> list[str]:
    return [name for name, _ in inspect.getmembers(cls, inspect.isfunction) if name.startswith(PREFIXES)]


@pytest.mark.parametrize("benchmark_module", MODULES, indirect=True)
def test_every_benchmark_runs(benchmark_module):
    classes = benchmark_classes(benchmark_module)
    assert classes
    for cls in classes:
        assert len(cls.params) == len(cls.param_names)
        # measuring memory growth starts a process each time: one setting does
        settings = list(itertools.product(*cls.params))
        for method in methods(cls):
            chosen = settings[:1] if method == "track_memory_growth" else settings
            for setting in chosen:
                benchmark = cls()
                if hasattr(benchmark, "setup"):
                    benchmark.setup(*setting)
                value = getattr(benchmark, method)(*setting)
                assert (value is not None) == method.startswith("track_"), (cls.__name__, method, setting)


def test_suite_covers_the_engine_and_every_peer(monkeypatch):
    from bench.engine import implementations

    network = importlib.import_module("bench.benchmarks.bench_network")
    assert set(network.NAMES) == set(implementations())


def test_asv_accepts_the_suite():
    command = [sys.executable, "-m", "asv", "check", "--python=same", "--config", "bench/asv.conf.json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_headline_prints_and_writes_its_figures(tmp_path, capsys):
    path = tmp_path / "headline.json"
    assert headline.main(["--quick", "--json", str(path), "--no-memory", "--threads", "1"]) == 0
    record = json.loads(path.read_text())
    printed = capsys.readouterr().out
    for call in headline.CALLS:
        for name, row in record["results"][call].items():
            assert row["seconds"]["best"] > 0, name
    assert set(record["results"]["infer"]) >= {"pyfdsr", "plain", "tuned", "matmul", "pyfftw"}
    assert record["machine"]["build_config"]
    assert (
        record["parts"]["stack, forward + backward"]["flops"]
        > record["parts"]["stack, inference"]["flops"]
        > 0
    )
    assert "of FMA peak" in printed and "ratio" in printed


def test_crossover_writes_figures_and_numbers(tmp_path):
    assert crossover.main(["--quick", "--out", str(tmp_path), "--threads", "1"]) == 0
    for name in ("crossover", "growth"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        record = json.loads((tmp_path / f"{name}.json").read_text())
        with (tmp_path / f"{name}.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(record["rows"]) > 0
        assert all(float(row["seconds"]) > 0 for row in rows)
        assert record["machine"]["build_config"]
    sizes = {
        (row["padding"], row["size"], row["algorithm"])
        for row in json.loads((tmp_path / "crossover.json").read_text())["rows"]
    }
    assert len(sizes) == 2 * 3 * 3
