"""Where trainings run: processes on this machine, or tasks of a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any, Protocol

from pyfdsr.training.optional import require

__all__ = ["EXECUTORS", "Executor", "LocalExecutor", "RayExecutor", "Slice", "make_executor"]

_POLL = 0.1
_GRACE = 120  # seconds that a worker has for its last step and checkpoint


class Slice(Protocol):
    """A training on its way."""

    def done(self) -> bool:
        """Whether it has ended."""

    def stop(self) -> None:
        """Ask it to end after the step in hand."""

    def wait(self) -> None:
        """Wait for its end, not forever."""

    def problem(self) -> str | None:
        """Return why it failed, once it is done; None if it did not."""


class Executor(Protocol):
    """Starts trainings, at most `slots` at a time, each with `threads` threads."""

    slots: int
    threads: int

    def start(self, folder: Path, seconds: float) -> Slice:
        """Train the run in `folder` for so many seconds."""

    def close(self) -> None:
        """Give back what was taken."""


def _command(folder: Path, seconds: float, threads: int, device: str) -> list[str]:
    module = "pyfdsr.experiments.worker"
    return [sys.executable, "-m", module, str(folder), f"{seconds:.3f}", str(threads), device]


def _environment(threads: int) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": str(threads)}


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it said nothing"


def _in_child(folder: Path, seconds: float, threads: int, device: str) -> None:
    """Train in a forked process, with its own log and out of reach of the terminal's Ctrl-C."""
    os.setsid()
    with open(folder / "training.log", "wb", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    from .worker import run_worker

    sys.exit(run_worker(str(folder), seconds, threads, device))


class _Process:
    def __init__(self, context: Any, folder: Path, seconds: float, threads: int, device: str) -> None:
        self._log = folder / "training.log"
        arguments = (folder, seconds, threads, device)
        self._process = context.Process(target=_in_child, args=arguments, daemon=False)
        self._process.start()

    def done(self) -> bool:
        return self._process.exitcode is not None

    def stop(self) -> None:
        self._process.terminate()

    def wait(self) -> None:
        self._process.join(_GRACE)
        if not self.done():
            self._process.kill()
            self._process.join()

    def problem(self) -> str | None:
        code = self._process.exitcode
        if code in (0, -signal.SIGTERM):
            return None
        if code is not None and code < 0:
            return f"ended by signal {-code}"
        return _last_line(self._log)


class LocalExecutor:
    """Processes on this machine.

    A script that uses it needs the guard ``if __name__ == "__main__":``, as all of multiprocessing.

    Parameters
    ----------
    slots : int
        Trainings side by side.
    cores : int or None
        Shared among them; None takes all.
    device : str
        That trains, of torch.

    Examples
    --------
    >>> LocalExecutor(slots=2, cores=4).threads
    2
    """

    def __init__(self, slots: int = 1, cores: int | None = None, device: str = "cpu") -> None:
        self.slots, self.device = slots, device
        self.threads = max(1, (cores or len(os.sched_getaffinity(0))) // slots)

        # One process loads torch and never uses it; those forked from it begin at once.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["pyfdsr.experiments.loaded"])

    def start(self, folder: Path, seconds: float) -> Slice:
        return _Process(self._context, folder, seconds, self.threads, self.device)

    def close(self) -> None:
        """Nothing was taken."""


def _train(command: list[str], environment: dict[str, str], log: str) -> int:
    """Run a worker as a task of the cluster; a cancelled task stops it as on Ctrl-C."""
    import os
    import signal
    import subprocess
    import time

    # Which GPU a task has, the cluster says where it runs.
    own = {name: value for name, value in os.environ.items() if name == "CUDA_VISIBLE_DEVICES"}
    environment = {**environment, **own}
    with open(log, "wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        while process.poll() is None:  # a cancellation does not end a system call that waits
            time.sleep(_POLL)
        return process.returncode
    except BaseException:
        process.send_signal(signal.SIGTERM)
        process.wait(_GRACE)
        raise


class _Task:
    def __init__(self, ray: Any, reference: Any, folder: Path) -> None:
        self._ray, self._reference, self._folder = ray, reference, folder

    def done(self) -> bool:
        return bool(self._ray.wait([self._reference], timeout=0)[0])

    def stop(self) -> None:
        if not self.done():
            self._ray.cancel(self._reference)

    def wait(self) -> None:
        self._ray.wait([self._reference], timeout=_GRACE)

    def problem(self) -> str | None:
        try:
            code = self._ray.get(self._reference)
        except self._ray.exceptions.TaskCancelledError:
            return None
        except self._ray.exceptions.RayError as error:
            return str(error).strip().splitlines()[-1]
        return _last_line(self._folder / "training.log") if code else None


class RayExecutor:
    """Tasks of a Ray cluster, which must see the same files under the same names.

    Parameters
    ----------
    slots : int or None
        Trainings at a time; None: as many as the cluster has processors, or GPUs for those on CUDA devices.
    threads : int
        Processors of each.
    device : str
        That trains: "cpu", or "cuda" for a GPU of the cluster each.

    Raises
    ------
    ImportError
        If ray is not installed; names the pip command.
    ValueError
        For another device, or "cuda" on a cluster without GPUs.
    """

    def __init__(self, slots: int | None = None, threads: int = 1, device: str = "cpu") -> None:
        if device not in ("cpu", "cuda"):
            raise ValueError(
                f"device={device!r}: must be 'cpu' or 'cuda' on a Ray cluster, which deals GPUs out"
            )
        self._ray = require("ray", "--executor ray", extra="ray")
        self._mine = not self._ray.is_initialized()
        if self._mine:
            # RAY_ADDRESS names a cluster; else one is made on this machine.
            self._ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
        self.threads, self.device = threads, device
        self._gpus = 1 if device == "cuda" else 0
        found = self._ray.cluster_resources()
        together = int(found.get("GPU", 0) if self._gpus else found.get("CPU", 1) // threads)
        if self._gpus and not together:
            self.close()
            raise ValueError(f"device={device!r}: must be 'cpu' on a Ray cluster without GPUs")
        self.slots = slots or max(1, together)

    def start(self, folder: Path, seconds: float) -> Slice:
        task = self._ray.remote(_train).options(num_cpus=self.threads, num_gpus=self._gpus, max_retries=0)
        folder = folder.resolve()
        reference = task.remote(
            _command(folder, seconds, self.threads, self.device),
            _environment(self.threads),
            str(folder / "training.log"),
        )
        return _Task(self._ray, reference, folder)

    def close(self) -> None:
        if self._mine:
            self._ray.shutdown()


EXECUTORS = ("local", "ray")


def make_executor(name: str, slots: int | None, device: str = "cpu") -> Executor:
    """Return an executor by name.

    Raises
    ------
    ValueError
        For another name.
    ImportError
        If ray is asked for and not installed.
    """
    if name == "ray":
        return RayExecutor(slots, device=device)
    if name != "local":
        raise ValueError(f"executor={name!r}: must be one of {', '.join(map(repr, EXECUTORS))}")
    return LocalExecutor(slots or 1, device=device)
