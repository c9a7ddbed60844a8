"""One training in a process of its own: ``python -m pyfdsr.experiments.worker RUN SECONDS THREADS DEVICE``.

It continues the run in the folder RUN for so many seconds, then stops as on Ctrl-C: with a checkpoint.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

_LOADED = time.monotonic()

__all__ = ["run_worker"]


def run_worker(folder: str, seconds: float, threads: int, device: str, since: float | None = None) -> int:
    """Train, and return an exit code: 0 when done or out of time, 1 when it could not be done."""
    try:
        _train(folder, seconds, threads, device, time.monotonic() if since is None else since)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _train(folder: str, seconds: float, threads: int, device: str, since: float) -> None:
    from pyfdsr.training import RunFolder, Trainer, TrainingInterrupted
    from pyfdsr.training.image_sets import training_set
    from pyfdsr.training.interrupt import StopRequest

    run = RunFolder.open(folder)
    config = run.config().replace(threads=threads)
    train = training_set(config)
    trainer = Trainer(config, train.images, None, run, train_labels=train.labels, device=device)
    trainer.resume()
    # The images and imports took their share of the time; a step is taken in any case.
    left = max(0.01, seconds - (time.monotonic() - since))
    timer = threading.Timer(left, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    with StopRequest() as early:  # a stop before the loop listens waits for it, to have its checkpoint
        timer.start()
        try:
            _fit(trainer, early)
        except TrainingInterrupted as stopped:
            print(stopped, flush=True)
        finally:
            timer.cancel()


def _fit(trainer, early) -> None:
    class Listening(type(trainer.progress)):
        def begin(self, *position) -> None:
            if early.requested:
                signal.raise_signal(signal.SIGTERM)

    trainer.progress = Listening()
    trainer.fit()


if __name__ == "__main__":
    sys.exit(run_worker(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4], _LOADED))
