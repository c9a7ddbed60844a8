"""Peak of the resident memory of a process, and processes of their own to measure it in."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

MEBIBYTE = 1024 * 1024


def begin_peak() -> int:
    """Bytes held now; on Linux the process's peak restarts from there."""
    try:
        # sets VmHWM back to the present size; else the peak of importing torch would hide growth below it
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except OSError:
        return peak()


def peak() -> int:
    """Most bytes held since `begin_peak`, or, where that cannot be asked for, since the process began."""
    try:
        return _status("VmHWM")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")


def in_fresh_process(module: str, request: dict) -> int:
    """Let ``module.answer(request)`` run in a process of its own, whose last line is the number returned.

    Parameters
    ----------
    module
        Name of a module with a function ``answer``.
    request
        What JSON can carry; the key ``name`` says in an error what was measured.

    Returns
    -------
    int
        The number printed.

    Raises
    ------
    RuntimeError
        The process failed; the message carries its last words.
    """
    # the parent's module path, so that the child imports the same pyfdsr whatever the working folder
    start = (
        "import json, sys; request = json.loads(sys.argv[1]); sys.path[:] = request.pop('path');"
        f"from {module} import answer; answer(request)"
    )
    command = [sys.executable, "-c", start, json.dumps({**request, "path": sys.path})]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"measuring memory of {request['name']!r} failed: {done.stderr.strip()[-2000:]}")
    return int(json.loads(done.stdout.splitlines()[-1]))
