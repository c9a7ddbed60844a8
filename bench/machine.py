"""What was measured on: recorded beside every result."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path


def cpu_model() -> str:
    """The processor's name, as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions(
    names: tuple[str, ...] = ("pyfdsr", "torch", "numpy", "pyfftw", "fft-conv-pytorch"),
) -> dict[str, str | None]:
    """Installed versions by distribution name, ``None`` where there is none."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def build_config() -> dict | None:
    """``pyfdsr.build_config()``, or ``None`` where the compiled module cannot be imported."""
    try:
        import pyfdsr

        return dict(pyfdsr.build_config())
    except (ImportError, AttributeError):
        return None


def describe() -> dict:
    """Machine, versions and build in one dictionary for JSON.

    Examples
    --------
    >>> sorted(describe())
    ['build_config', 'cores', 'cpu', 'load_average', 'python', 'system', 'versions']
    """
    return {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions(),
        "build_config": build_config(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def busy_warning(description: dict) -> list[str]:
    """Line that warns of other processes, none on an idle machine.

    Examples
    --------
    >>> busy_warning({"load_average": 0.1, "cores": 2})
    []
    >>> busy_warning({"load_average": 1.5, "cores": 2})
    ['warning   load average 1.5 on 2 cores: other processes disturb every time below']
    """
    load, cores = description["load_average"], description["cores"]
    # this process alone has not run long enough to raise the average
    if load is None or load <= 0.5 * cores:
        return []
    return [f"warning   load average {load:.1f} on {cores} cores: other processes disturb every time below"]
