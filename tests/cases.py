"""Geometries shared by the tests.

Odd and even sizes, square and not, window unlike band, support unlike window, integer and real grids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Size = Any  # int, or a (y, x) pair


def pair(size: Size) -> tuple[Any, Any]:
    """Spread an int over both axes."""
    return size if isinstance(size, tuple) else (size, size)


@dataclass(frozen=True)
class Case:
    """One geometry: window S, output support T, band M, padded grid N, all per axis."""

    name: str
    window: Size
    band: Size
    grid: Size
    support: Size

    @property
    def centred(self) -> bool:
        """Whether the grid is a real number, for which only sums about the centre are defined."""
        return any(isinstance(length, float) for length in pair(self.grid))

    def __str__(self) -> str:
        return self.name


PAPER = Case("paper", 112, 112, 336, 112)
"""The geometry of the paper; too large for the O(N²) sums in every test."""

INTEGER_CASES = (
    Case("even", 8, 8, 24, 8),
    Case("odd", 7, 7, 21, 7),
    Case("odd-in-even-grid", 7, 5, 24, 7),
    Case("even-in-odd-grid", 8, 6, 25, 8),
    Case("mixed-parity-axes", (8, 7), (5, 6), (24, 21), (8, 7)),
    Case("non-square", (6, 10), (4, 12), (18, 30), (6, 10)),
    Case("window-wider-than-band", 12, 5, 30, 12),
    Case("band-wider-than-window", 5, 12, 30, 5),
    Case("support-wider-than-window", 6, 8, 24, 13),
    Case("support-narrower-than-window", 12, 8, 24, 5),
    Case("parity-change-even-to-odd", 8, 7, 24, 9),
    Case("parity-change-odd-to-even", 9, 8, 25, 8),
    Case("parity-change-one-axis", (8, 9), (7, 8), (24, 25), (9, 9)),
    Case("no-padding", 16, 16, 16, 16),
    Case("no-padding-odd", 15, 15, 15, 15),
    Case("whole-grid-in", 20, 7, 20, 8),
    Case("whole-grid-out", 7, 9, 21, 21),
    Case("prime-grid", 9, 11, 37, 10),
    Case("one-sample", 1, 1, 3, 1),
    Case("one-row", (1, 9), (1, 7), (4, 27), (1, 9)),
    Case("two", 2, 2, 2, 2),
)
"""Integer padded grids."""

REAL_CASES = (
    Case("real-even", 8, 8, 24.5, 8),
    Case("real-odd", 7, 7, 20.25, 7),
    Case("real-integral", 8, 7, 24.0, 8),
    Case("real-non-square", (6, 9), (5, 8), (18.75, 27.5), (6, 9)),
    Case("real-parity-change", 8, 7, 23.1, 9),
    Case("real-one-axis", (8, 7), (6, 5), (24.5, 21.0), (7, 8)),
)
"""Real-number grids, as polychromatic light needs."""

CASES = INTEGER_CASES + REAL_CASES
"""Every small geometry."""

LOW_RANK_CASES = (
    Case("low-rank", (81, 70), (77, 90), (400, 391), (81, 70)),
    Case("low-rank-parity-change", (80, 81), (77, 80), (400, 391), (81, 80)),
    Case("low-rank-whole-grid-in", (200, 191), (77, 80), (200, 191), (41, 40)),
    Case("low-rank-real", (60, 50), (80, 73), (380.5, 390.25), (71, 80)),
)
"""Geometries whose matrices have a rank low enough for skeletons, in all layers or all but the first."""
