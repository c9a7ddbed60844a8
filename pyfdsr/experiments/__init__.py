"""The paper's experiments: which networks each needs, training them within a time, tables and figures.

Members load on first use.
"""

from importlib import import_module

_MEMBERS = {
    "EXPERIMENTS": "registry",
    "Experiment": "experiment",
    "Laboratory": "laboratory",
    "Outcome": "experiment",
    "Settings": "settings",
    "run_experiments": "runner",
}

__all__ = sorted(_MEMBERS)


def __getattr__(name):
    if name not in _MEMBERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MEMBERS[name]}"), name)


def __dir__():
    return __all__
