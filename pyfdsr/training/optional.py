"""Optional packages, imported where they are used, with an error that says how to get them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["require"]


def require(module: str, purpose: str, extra: str = "train") -> ModuleType:
    """Import `module`, or say which pip command provides it.

    Parameters
    ----------
    module : str
        Dotted name of the module.
    purpose : str
        What it is needed for, as it reads in "... is needed for <purpose>".
    extra : str
        Extra of the pyfdsr distribution that contains the package.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        Naming the package and the pip command.

    Examples
    --------
    >>> require("json", "reading configurations").loads("1")
    1
    >>> require("not_a_package.part", "the example")
    Traceback (most recent call last):
        ...
    ImportError: the package not_a_package is needed for the example: pip install "pyfdsr[train]"
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise ImportError(
            f'the package {package} is needed for {purpose}: pip install "pyfdsr[{extra}]"', name=package
        ) from error
