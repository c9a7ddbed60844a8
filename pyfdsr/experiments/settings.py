"""On what scale the experiments run: data sets, images, epochs, size of the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyfdsr import data
from pyfdsr.training import TrainingConfig
from pyfdsr.training.image_sets import default_per_class

__all__ = ["Settings"]

_BASE = 112  # samples of the paper's window
# The other models were not seen to end dark, and a network that draws one intensity an epoch forgets the last
# one in a thousand steps.
_PAPERS_BATCHES = {"model", "intensity_robust"}


@dataclass(frozen=True)
class Settings:
    """Scale of the experiments.

    Parameters
    ----------
    digits, clothes, drawings : str
        Data sets that take the places of MNIST, FashionMNIST and Quick, Draw! in the experiments.
    data_root : str or None
        Folder to look in first.
    epochs : int
        Epochs of most trainings; the learning rate is halved four times on the way.
    headline_epochs : int
        Epochs of the paper's own network on digits, whose figures the paper prints.
    batch_size : int
        Images an optimiser step of the 4f networks but the headline's and intensity-robust ones. The paper
        takes 40 for 1000 epochs; 10 take as long an epoch, and four times the steps keep short trainings from
        ending at a dark output.
    per_class, limit : int or None
        Training images a class and in all.
    test_limit : int
    support : int
        Window of the networks, a multiple of 28; mask and grid follow.
    layers : int
        Units of the networks.
    seed : int

    Examples
    --------
    >>> config = Settings(support=28, layers=2, epochs=10).config("mnist", gamma=1e-6)
    >>> config.grid, config.num_layers, config.lr_halve_every, config.gamma
    (84, 2, 2, 1e-06)
    """

    digits: str = "mnist"
    clothes: str = "fashion-mnist"
    drawings: str = "quickdraw"
    data_root: str | None = None
    epochs: int = 20
    headline_epochs: int = 100
    batch_size: int = 10
    per_class: int | None = 1000
    limit: int | None = None
    test_limit: int = 1000
    support: int = _BASE
    layers: int = 10
    seed: int = 0

    @classmethod
    def found(cls, dataset: str | None = None, **values: Any) -> Settings:
        """Return settings with data sets that are on this machine.

        Parameters
        ----------
        dataset : str or None
            Takes the place of all three.
        **values
            Other fields.

        Notes
        -----
        Without Quick, Draw! the silhouettes of animal-mnist stand in, and without those the clothes. The
        other two are downloaded when their training begins, if they can be.
        """
        if dataset is not None:
            values = {"per_class": default_per_class(dataset), **values}
            return cls(digits=dataset, clothes=dataset, drawings=dataset, **values)
        root = values.get("data_root")
        for name in ("quickdraw", "animal-mnist"):
            if data.find(name, root) is not None:
                return cls(drawings=name, **values)
        return cls(drawings="fashion-mnist", **values)

    @property
    def sets(self) -> dict[str, str]:
        """Data sets by the names of those that the paper uses, or as "STAND-IN for NAME".

        Examples
        --------
        >>> list(Settings(drawings="animal-mnist").sets)
        ['MNIST', 'FashionMNIST', 'animal-mnist for Quick, Draw!']
        """
        named = (
            ("MNIST", "mnist", self.digits),
            ("FashionMNIST", "fashion-mnist", self.clothes),
            ("Quick, Draw!", "quickdraw", self.drawings),
        )
        return {
            name if dataset == papers else f"{dataset} for {name}": dataset for name, papers, dataset in named
        }

    @property
    def stand_ins(self) -> str:
        """A sentence about the data sets that stand in for others; empty if none does."""
        names = [name for name in self.sets if " for " in name]
        return f"Data sets that stand in: {', '.join(names)}. " if names else ""

    @property
    def scale(self) -> float:
        """Size of the window relative to the paper's."""
        return self.support / _BASE

    @property
    def headline(self) -> TrainingConfig:
        """The paper's own network on digits, trained for `headline_epochs` in the paper's batches.

        Long trainings end better with them: 100 epochs at 19.73 dB, in batches of 10 at 19.61 dB.
        """
        return self.config(
            self.digits, self.headline_epochs / self.epochs, batch_size=TrainingConfig.batch_size
        )

    def config(self, dataset: str, share: float = 1, **changes: Any) -> TrainingConfig:
        """Return the configuration of a training on `dataset`, the paper's but for `changes`.

        `share` multiplies the epochs. Joined sets contribute equally, to as many images as one has.
        """
        per_class, limit = self.per_class, self.limit
        if "animal-mnist" in dataset.split("+"):
            # Its classes hold fewer than a thousand images, not equally many: count images, of each set.
            per_class, limit = None, limit or (per_class and 10 * per_class)
        joined = dataset.count("+") + 1
        if joined > 1:
            limit = limit or (per_class and 10 * per_class)
            per_class, limit = None, limit and -(-limit // joined)
        epochs = max(1, round(share * self.epochs))
        values = {
            "dataset": dataset,
            "data_root": self.data_root,
            "per_class": per_class,
            "limit": limit,
            "test_limit": self.test_limit,
            "epochs": epochs,
            "batch_size": TrainingConfig.batch_size if _PAPERS_BATCHES & set(changes) else self.batch_size,
            "lr_halve_every": -(-epochs // 5),
            "num_layers": self.layers,
            "support": self.support,
            "band": self.support,
            "grid": 3 * self.support,
            "pitch": 4e-6 / self.scale,
            "seed": self.seed,
            "test_every": 0,
        }
        return TrainingConfig(**(values | changes))
