"""An experiment: the trainings it needs and what it makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pyfdsr.training import TrainingConfig

from .settings import Settings

__all__ = ["Experiment", "Outcome", "Row", "Training", "experiment"]


class Row(NamedTuple):
    """A line of a table: what was measured, our number, the paper's, a remark."""

    what: str
    ours: str
    paper: str = "–"
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes
    ----------
    rows : list of Row
    figures : list of (name, caption, matplotlib figure)
        Names are those of files, without ending.
    notes : list of str
    """

    rows: list[Row]
    figures: list[tuple[str, str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Training(NamedTuple):
    """A training that an experiment needs; the higher its `weight`, the earlier and the longer it may run."""

    label: str
    config: TrainingConfig
    weight: float


@dataclass(frozen=True)
class Experiment:
    """One experiment of the paper.

    Attributes
    ----------
    name, title : str
        Name on the command line; heading of the section.
    trainings : callable
        From :class:`Settings` to a dict of label to configuration.
    outcome : callable
        From a :class:`pyfdsr.experiments.Laboratory`, whose trainings are as far as they are, to an
        :class:`Outcome`.
    weight : float
        Importance of each training: its part of a budget that does not suffice, relative to what it needs.
    """

    name: str
    title: str
    trainings: Callable[[Settings], dict[str, TrainingConfig]]
    outcome: Callable[[Any], Outcome]
    weight: float = 1.0

    def wanted(self, settings: Settings) -> list[Training]:
        """Return the trainings, labelled with the experiment's name."""
        return [
            Training(f"{self.name}: {label}", config, self.weight * _effort(config))
            for label, config in self.trainings(settings).items()
        ]


# Time of an epoch beside that of the 4f network of the same size, measured at the paper's size.
_SLOWER = {"diffractive": 5, "polychromatic": 7}


def _effort(config: TrainingConfig) -> float:
    """Return about how long a training takes, in epochs of the paper's network."""
    size = config.support * config.band * (config.support + config.band) / (2 * 112**3)
    return config.epochs * _SLOWER.get(config.model, 1) * size * config.num_layers / 10


def experiment(
    name: str, title: str, trainings: Callable[[Settings], dict[str, TrainingConfig]], weight: float = 1.0
) -> Callable[[Callable[[Any], Outcome]], Experiment]:
    """Make an experiment of the decorated function, its outcome."""
    return lambda outcome: Experiment(name, title, trainings, outcome, weight)
