"""Enlarging pictures with a super-resolution network: tiles without seams, colours, files and folders."""

from .files import Picture, PictureError, read_picture, write_picture
from .folders import Job, jobs_of
from .pictures import calibrate_on, enlarge, match_histogram
from .tiling import upscale

__all__ = [
    "Job",
    "Picture",
    "PictureError",
    "calibrate_on",
    "enlarge",
    "jobs_of",
    "match_histogram",
    "read_picture",
    "upscale",
    "write_picture",
]
