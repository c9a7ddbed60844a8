"""Enlarging pictures with a super-resolution network: tiles without seams, colours, files and folders."""

from .tiling import upscale

__all__ = ["upscale"]
