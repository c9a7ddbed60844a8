"""``pyfdsr info``."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pyfdsr.training.optional import require

from .display import console

__all__ = ["environment", "info"]

_PACKAGES = (
    "numpy", "torch", "numba", "matplotlib", "rich", "typer", "safetensors", "pooch", "tensorboard", "ray",
)  # fmt: skip


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def environment() -> dict[str, Any]:
    """Return versions, build configuration and threads, as reports record them."""
    import pyfdsr

    facts: dict[str, Any] = {
        "pyfdsr": pyfdsr.__version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor cores": os.cpu_count(),
        "threads": pyfdsr.get_num_threads(),
    }
    facts |= {f"build: {name}": value for name, value in pyfdsr.build_config().items()}
    return facts | {name: _version(name) for name in _PACKAGES}


def info() -> None:
    """Show versions, how the engine was built, threads, and which data sets are on this machine.

    Downloads nothing. [bold]PYFDSR_ISA[/bold] (avx512, avx2, portable) forces an instruction set,
    [bold]PYFDSR_DATA[/bold] names folders to look for data sets in.
    """
    from pyfdsr import data

    table_class = require("rich.table", "tables").Table
    facts = table_class(show_header=False, box=None)
    for name, value in environment().items():
        facts.add_row(name, str(value))
    sets = table_class(title="data sets", title_justify="left", title_style="bold")
    for column in ("name", "images (train, test)", "where"):
        sets.add_column(column, overflow="fold")
    for entry in data.datasets():
        folder = data.find(entry.name)
        sizes = ", ".join(str(size) if size else "varies" for size in entry.sizes)
        sets.add_row(entry.name, sizes, str(folder) if folder else "not found; downloaded when asked for")
    out = console()
    out.print(facts)
    out.print(sets)
