"""What can go wrong with image files: nothing found, or something found that is not what it should be."""

from __future__ import annotations


class DataNotFoundError(FileNotFoundError):
    """No copy of a data set was found and none could be downloaded.

    The message names the files wanted, every folder looked in and the packages that carry the files.
    """


class CorruptDataError(ValueError):
    """A data file was found but its content is not what it should be.

    Parameters
    ----------
    file : str
        The file, as a path or as ``archive: member``.
    expected : str
        What the file should have held.
    got : str
        What it holds.

    Examples
    --------
    >>> from pyfdsr.data import CorruptDataError
    >>> str(CorruptDataError("a.npy", "28x28 images", "27x28 images"))
    'a.npy is corrupt or of another kind: expected 28x28 images, got 27x28 images'
    """

    def __init__(self, file: str, expected: str, got: str) -> None:
        super().__init__(str(file), expected, got)
        self.file = str(file)
        self.expected = expected
        self.got = got

    def __str__(self) -> str:
        return f"{self.file} is corrupt or of another kind: expected {self.expected}, got {self.got}"


class SkippedFilesWarning(UserWarning):
    """Some files of an image folder could not be read and were left out."""
