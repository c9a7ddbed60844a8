"""All experiments by name, in the order of the report."""

from __future__ import annotations

from collections.abc import Sequence

from .experiment import Experiment
from .other_networks import CLASSIFY, D2NN, POLYCHROMATIC
from .quality import AMPLITUDE, DEPTH, FIG2, NA, WIDE
from .tradeoffs import ENERGY, EVERYTHING, FIG4, FIG5, FIG6

__all__ = ["EXPERIMENTS", "chosen"]

EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in (
        FIG2, NA, DEPTH, FIG4, WIDE, FIG5, FIG6, EVERYTHING, CLASSIFY, D2NN, POLYCHROMATIC, AMPLITUDE,
        ENERGY,
    )
}  # fmt: skip


def chosen(names: Sequence[str]) -> list[Experiment]:
    """Return the experiments of those names; "all" means all.

    Raises
    ------
    ValueError
        For an unknown name.

    Examples
    --------
    >>> [one.name for one in chosen(["energy", "fig2"])]
    ['fig2', 'energy']
    """
    unknown = [name for name in names if name not in (*EXPERIMENTS, "all")]
    if unknown or not names:
        shown = repr(unknown[0]) if unknown else "none"
        raise ValueError(f"experiment={shown}: must be one of {', '.join(EXPERIMENTS)}, or all")
    return [one for name, one in EXPERIMENTS.items() if name in names or "all" in names]
