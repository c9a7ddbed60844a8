"""What may change when a run is continued."""

from __future__ import annotations

from typing import Any

__all__ = ["resumed_run"]


def resumed_run(
    run: Any,
    config: Any,
    asked: dict[str, Any],
    changeable: tuple[str, ...],
    options: dict[str, str] | None = None,
) -> Any:
    """Return the configuration of a run with the changes that the command line asks for.

    Parameters
    ----------
    run : pyfdsr.training.RunFolder
    config : pyfdsr.training.settings.Settings
        As the run began.
    asked : dict
        Fields given on the command line, and their values.
    changeable : tuple of str
        Fields that do not alter the steps already taken.
    options : dict, optional
        What an option is called where its name is not that of the field.

    Returns
    -------
    Settings

    Raises
    ------
    ValueError
        When another field is to change.
    """

    def option(name: str) -> str:
        return (options or {}).get(name, "--" + name.replace("_", "-"))

    changes = {name: value for name, value in asked.items() if value != getattr(config, name)}
    for name, value in changes.items():
        if name not in changeable:
            raise ValueError(
                f"{option(name)} {value}: the run in {run.path} has {getattr(config, name)!r}; a run is "
                f"continued as it began (only {', '.join(map(option, changeable))} may change)"
            )
    return config.replace(**changes)
