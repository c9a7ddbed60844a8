"""Networks of the literature, built from the library's layers."""

from .aosrnn import AOSRNN

__all__ = ["AOSRNN"]
