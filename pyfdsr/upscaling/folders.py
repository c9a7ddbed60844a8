"""Which files are to be enlarged, and where the results go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .files import SUFFIXES, PictureError

__all__ = ["Job", "jobs_of"]


@dataclass(frozen=True)
class Job:
    """One picture to read and one to write."""

    source: Path
    target: Path


def jobs_of(source: Path, target: Path) -> list[Job]:
    """Pair the pictures of a file or folder with the files to be written.

    Parameters
    ----------
    source : Path
        A file, or a folder, which is searched recursively for .png, .jpg, .jpeg, .tif and .tiff; hidden
        files and folders, and what lies in `target`, are left out.
    target : Path
        A file (or a folder that exists, or ends in no suffix, for the source's name); for a folder, the
        folder that gets its sub-folders and names.

    Raises
    ------
    PictureError
        If `source` does not exist or holds no picture, or `target` is a file where a folder is needed.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "trip").mkdir()
    >>> _ = (folder / "trip" / "sea.PNG").write_bytes(b"")
    >>> [job.target.relative_to(folder).as_posix() for job in jobs_of(folder, folder / "large")]
    ['large/trip/sea.PNG']
    """
    if source.is_dir():
        if target.exists() and not target.is_dir():
            raise PictureError(f"{target}: is a file, must be a folder, as {source} is")
        found = [file for file in sorted(source.rglob("*")) if _is_wanted(file, source, target)]
        if not found:
            raise PictureError(f"{source}: holds no picture ({', '.join(SUFFIXES)})")
        return [Job(file, target / file.relative_to(source)) for file in found]
    if not source.exists():
        raise PictureError(f"{source}: there is no such file or folder")
    if target.is_dir() or (not target.suffix and not target.exists()):
        target = target / source.name
    return [Job(source, target)]


def _is_wanted(file: Path, source: Path, target: Path) -> bool:
    parts = file.relative_to(source).parts
    hidden = any(part.startswith(".") for part in parts)
    inside = target.resolve() in file.resolve().parents and target.resolve() != source.resolve()
    return file.suffix.lower() in SUFFIXES and not hidden and not inside and file.is_file()
