"""Train what experiments need, score it, write the report."""

from __future__ import annotations

import dataclasses
import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyfdsr._files import write_bytes_atomically
from pyfdsr.report import Chapter, chapters_markdown, chapters_page, figure_png
from pyfdsr.training import TrainingInterrupted
from pyfdsr.training.devices import is_host, usable_device

from .executors import make_executor
from .experiment import Experiment
from .laboratory import Laboratory, run_name
from .registry import chosen
from .scheduler import distinct, train_all
from .settings import Settings
from .side_by_side import best_slots

__all__ = ["run_experiments"]

_COLUMNS = ("what", "ours", "paper", "note")


def run_experiments(
    names: Sequence[str],
    folder: Path,
    settings: Settings,
    minutes: float,
    executor: str = "local",
    jobs: int | None = None,
    environment: dict[str, Any] | None = None,
    tell: Callable[[str], None] = print,
    device: str = "cpu",
) -> dict[str, str]:
    """Train, score and report.

    Parameters
    ----------
    names : sequence of str
        Experiments, or "all".
    folder : Path
        ``runs/`` with the trained networks, ``figures/``, ``report.html``, ``report.md``, ``results.json``.
    settings : Settings
    minutes : float
        For training what is missing; 0 trains nothing. Scoring takes its own time.
    executor : {"local", "ray"}
    jobs : int or None
        Trainings at a time; None measures whether several on one thread each are faster than one on all.
    environment : dict or None
        Versions and such, recorded in the report.
    tell : callable
        Is given a line for every step.
    device : str
        That trains and scores, of torch; a Ray cluster trains on GPUs of its own for "cuda", and the CPU here
        scores. Scores that are kept already stay.

    Returns
    -------
    dict of str to str
        What failed, by training or experiment, and why; the rest is done nevertheless.

    Raises
    ------
    ValueError
        For an unknown name or executor, a negative time, or a device that cannot be used.
    ImportError
        If ray is asked for and not installed.
    TrainingInterrupted
        After Ctrl-C or SIGTERM, once every training has saved where it is.
    """
    experiments = chosen(names)
    if not minutes >= 0:
        raise ValueError(f"minutes={minutes!r}: must be 0 or greater")
    folder = Path(folder)
    where = usable_device("cpu" if executor == "ray" else device)
    laboratory = Laboratory(folder, settings, where)
    wanted = [training for one in experiments for training in one.wanted(settings)]
    problems = {}
    if minutes > 0 and not all(laboratory.finished(training.config) for training in wanted):
        if executor == "local" and jobs is None and is_host(where):
            jobs = best_slots(wanted[0].config)
            tell(f"{jobs} training{'s' if jobs > 1 else ''} at a time, as measured")
        place = make_executor(executor, jobs, device)
        try:
            with _terminated_as_interrupted():
                problems |= train_all(laboratory, wanted, place, 60 * minutes, tell)
        except KeyboardInterrupt:
            raise TrainingInterrupted(
                f"interrupted; {folder} has every network as far as it came: the same command goes on"
            ) from None
        finally:
            place.close()
    chapters = []
    for one in experiments:
        tell(f"scoring {one.name}")
        try:
            chapters.append(_chapter(one, laboratory))
        except (RuntimeError, ValueError, OSError, LookupError) as error:
            problems[one.name] = str(error)
            state = f"Failed: {error}"
            chapters.append(Chapter(f"{one.title} ({one.name})", state, _COLUMNS, []))
    _write(folder, chapters, laboratory, wanted, problems, {**(environment or {}), "device": device})
    return problems


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end the training as Ctrl-C does, not leave its processes behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _chapter(one: Experiment, laboratory: Laboratory) -> Chapter:
    outcome = one.outcome(laboratory)
    notes = list(outcome.notes) if outcome.rows else ["Nothing trained yet."]
    figures = [(f"{name}.png", caption, figure_png(figure)) for name, caption, figure in outcome.figures]
    state = _state(one, laboratory)
    return Chapter(f"{one.title} ({one.name})", state, _COLUMNS, outcome.rows, figures, notes)


def _state(one: Experiment, laboratory: Laboratory) -> str:
    """Return how far the networks of an experiment are, in a sentence."""
    wanted = one.wanted(laboratory.settings)
    done = [f"{laboratory.epochs_done(part.config)} of {part.config.epochs} epochs" for part in wanted]
    if len(set(done)) == 1:
        return f"{len(wanted)} network{'s' if len(wanted) > 1 else ''}, trained for {done[0]}."
    parts = (f"{part.label.partition(': ')[2]} {far}" for part, far in zip(wanted, done, strict=True))
    return f"Trained so far: {'; '.join(parts)}."


def _write(folder, chapters, laboratory, wanted, problems, environment) -> None:
    settings = laboratory.settings
    title = "Passive all-optical super-resolution: the paper's experiments"
    lead = (
        "Kleiner, Michaeli and Michaeli (2025), doi 10.1515/nanoph-2025-0294. Ours beside the paper's, whose "
        "networks were trained for 1000 epochs. PSNR: input → output, means over the test images. "
        f"{settings.stand_ins}"
    )
    runs = {
        training.label: f"{run_name(training.config)}: {_different(training.config)}"
        for training in distinct(wanted)
    }
    tables = {
        "Settings": dataclasses.asdict(settings),
        "Trainings: folder and what differs from the defaults": runs,
        "Environment": environment,
    }
    if problems:
        tables = {"What failed": problems, **tables}
    files = {folder / "figures" / name: png for chapter in chapters for name, _, png in chapter.figures}
    files[folder / "report.html"] = chapters_page(title, lead, chapters, tables).encode()
    files[folder / "report.md"] = chapters_markdown(title, lead, chapters, tables, "figures").encode()
    results = {chapter.title: [list(row) for row in chapter.rows] for chapter in chapters}
    numbers = {"results": results, "settings": dataclasses.asdict(settings), "environment": environment}
    files[folder / "results.json"] = (json.dumps(numbers, indent=2, default=str) + "\n").encode()
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        write_bytes_atomically(path, content)


def _different(config: Any) -> str:
    changed = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != field.default
    }
    return ", ".join(f"{name}={value}" for name, value in changed.items())
