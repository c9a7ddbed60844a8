"""Shares a time among trainings by their weights; what was cut off goes on the next time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from pyfdsr.training import RunFolderError

from .executors import Executor, Slice
from .experiment import Training
from .laboratory import Laboratory, run_name

__all__ = ["distinct", "train_all"]

_POLL = 0.1


def distinct(trainings: Iterable[Training]) -> list[Training]:
    """Return the trainings without repetition, heaviest first; a shared one has the largest of its weights.

    Examples
    --------
    >>> from pyfdsr.training import TrainingConfig
    >>> config = TrainingConfig()
    >>> (one,) = distinct([Training("a", config, 1.0), Training("b", config, 3.0)])
    >>> one.label, one.weight
    ('a', 3.0)
    """
    found: dict[str, Training] = {}
    for training in trainings:
        name = run_name(training.config)
        earlier = found.get(name, training)
        found[name] = earlier._replace(weight=max(earlier.weight, training.weight))
    return sorted(found.values(), key=lambda training: -training.weight)


def train_all(
    laboratory: Laboratory,
    trainings: Iterable[Training],
    executor: Executor,
    seconds: float,
    tell: Callable[[str], None] = print,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, str]:
    """Train what is not finished, within a time.

    Each training in turn gets the share of the time left that its weight has among those waiting: the time
    of all slots of the executor without what trainings on their way were given. What it leaves goes to those
    after it.

    Parameters
    ----------
    laboratory : Laboratory
    trainings : iterable of Training
    executor : Executor
    seconds : float
        For everything, from now.
    tell : callable
        Is given a line for every training that ends.
    clock : callable
        Seconds, ever growing.

    Returns
    -------
    dict of str to str
        Why trainings failed, by label.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, once all trainings on their way have saved where they are.
    """
    waiting = [t for t in distinct(trainings) if not laboratory.finished(t.config)]
    end, problems = clock() + seconds, {}
    running: list[tuple[Training, Slice, float]] = []  # and until when
    try:
        while waiting or running:
            while waiting and len(running) < executor.slots and clock() < end:
                training = waiting.pop(0)
                weights = training.weight + sum(other.weight for other in waiting)
                now = clock()
                free = executor.slots * (end - now) - sum(max(0.0, until - now) for *_, until in running)
                share = min(end - now, max(0.0, free) * training.weight / weights)
                try:
                    run = laboratory.run(training.config)
                except RunFolderError as error:
                    problems[training.label] = str(error)
                    tell(_line(laboratory, training, str(error)))
                    continue
                running.append((training, executor.start(run.path, share), now + share))
            if clock() >= end:
                waiting = []
            for entry in [entry for entry in running if entry[1].done()]:
                running.remove(entry)
                training, part, _ = entry
                problem = part.problem()
                if problem is not None:
                    problems[training.label] = problem
                tell(_line(laboratory, training, problem))
            if running:
                time.sleep(_POLL)
    except BaseException:
        for _, part, _ in running:
            part.stop()
        for _, part, _ in running:
            part.wait()
        raise
    return problems


def _line(laboratory: Laboratory, training: Training, problem: str | None) -> str:
    if problem is not None:
        return f"{training.label}: failed, {problem}"
    done = laboratory.epochs_done(training.config)
    return f"{training.label}: {done} of {training.config.epochs} epochs"
