"""What configurations of training runs have in common: checks of fields, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from typing import Any, ClassVar

__all__ = ["Settings", "check_choice", "check_integer", "check_number"]


def check_integer(name: str, value: Any, least: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}={value!r}: must be an integer of {least} or greater")


def check_number(name: str, value: Any, least: float, inclusive: bool) -> None:
    """Raise ValueError unless `value` is a finite number above `least`, or equal to it where allowed."""
    real = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not real or value < least or (value == least and not inclusive):
        raise ValueError(
            f"{name}={value!r}: must be a number {'of at least' if inclusive else 'above'} {least}"
        )


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    choices = tuple(choices)
    if value not in choices:
        raise ValueError(f"{name}={value!r}: must be one of {', '.join(map(repr, choices))}")


class Settings:
    """Base of frozen dataclasses that a run folder keeps as config.json.

    Attributes
    ----------
    network : str
        Which network the settings are for: what ``pyfdsr train`` calls it.
    """

    network: ClassVar[str]

    def to_json(self) -> str:
        """Return the configuration as indented JSON with a trailing newline."""
        return json.dumps({"network": self.network, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Read what :meth:`to_json` wrote; a field that is absent takes its default.

        Raises
        ------
        ValueError
            When the text is no JSON object, is about another network, or has an unknown field.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("a training configuration must be a JSON object")
        network = values.pop("network", cls.network)
        if network != cls.network:
            raise ValueError(f"it is about a network {network!r}, and {cls.network!r} is needed here")
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r} in the training configuration")
        return cls(**values)

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with some fields changed, validated again."""
        return replace(self, **changes)
