"""Training losses: of the all-optical network, and of super-resolution by convolutions.

Members load on first use.
"""

from importlib import import_module

_MEMBERS = {
    "FeatureDistance": "features",
    "FeatureLoss": "features",
    "LossTerms": "super_resolution",
    "MeanGradientError": "gradient_error",
    "WeightedSum": "weighted_sum",
    "mge_loss": "gradient_error",
    "parse_loss": "weighted_sum",
    "super_resolution_loss": "super_resolution",
    "super_resolution_loss_reference": "super_resolution",
}

__all__ = sorted(_MEMBERS)


def __getattr__(name):
    if name not in _MEMBERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MEMBERS[name]}"), name)


def __dir__():
    return __all__
