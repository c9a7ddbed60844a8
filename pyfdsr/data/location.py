"""Where a data set lies: the folders searched, in order, and what to say when it is in none of them."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from .catalogue import DataFile, Dataset, catalogue_entry
from .errors import DataNotFoundError

SYSTEM_FOLDERS = ("/usr/share/datasets", "/usr/local/share/datasets")


def cache_folder() -> Path:
    """Where downloads are kept: ``$XDG_CACHE_HOME/pyfdsr/data``, by default ``~/.cache/pyfdsr/data``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pyfdsr" / "data"


def search_folders(entry: Dataset, root: str | os.PathLike | None = None) -> list[Path]:
    """Folders in which to look for a data set, first choice first.

    Parameters
    ----------
    entry : Dataset
        The data set.
    root : path or None
        A folder given by the caller. It may hold the files themselves or a sub-folder for the data set.

    Returns
    -------
    list of Path
        ``root``; each folder of the environment variable ``PYFDSR_DATA`` (separated as in ``PATH``); folders
        of system packages and of installed npm and PyPI packages; the cache.
    """
    folders = [] if root is None else [Path(root).expanduser(), *_below(Path(root).expanduser(), entry)]
    for shared in filter(None, os.environ.get("PYFDSR_DATA", "").split(os.pathsep)):
        shared = Path(shared).expanduser()
        folders += _below(shared, entry)
        # Data sets share file names: a flat folder counts only if it is named after this one.
        if shared.name in entry.folders:
            folders.append(shared)
    for system in SYSTEM_FOLDERS:
        folders += _below(Path(system), entry)[:1]
    folders += [Path(folder) for folder in entry.package_folders]
    folders += _python_package_folder(entry)
    return [*folders, cache_folder() / entry.name]


def _below(folder: Path, entry: Dataset) -> list[Path]:
    return [folder / name for name in entry.folders]


def _python_package_folder(entry: Dataset) -> list[Path]:
    if not entry.python_folder:
        return []
    package, *rest = Path(entry.python_folder).parts
    # find_spec locates the package without importing it (animal_mnist would import TensorFlow).
    spec = importlib.util.find_spec(package)
    return [Path(place).joinpath(*rest) for place in (spec and spec.submodule_search_locations) or ()]


def present_file(folder: Path, file: DataFile) -> Path | None:
    """The copy of a file in a folder under any of its names, plain or (but for .npy) gzipped; or None."""
    names = [file.name]
    if file.name.endswith(".npy"):
        names += [file.name.replace(" ", "_"), f"full_numpy_bitmap_{file.name}"]  # as browsers save it
    else:
        names.append(file.name.replace("-idx", ".idx"))  # as older unpackers wrote it
        names = [name + suffix for name in names for suffix in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def present_files(folder: Path, files: tuple[DataFile, ...]) -> list[Path] | None:
    """The copies of all files in one folder, or None unless all are there."""
    found = [present_file(folder, file) for file in files]
    return None if not found or None in found else found


def find(name: str, root: str | os.PathLike | None = None, split: str = "train") -> Path | None:
    """The folder from which ``load`` would read a named data set, or None if it would have to download it.

    Parameters
    ----------
    name : str
        A name of :func:`pyfdsr.data.datasets`.
    root : path or None
        As in :func:`pyfdsr.data.load`.
    split : str
        ``"train"`` or ``"test"``.

    Raises
    ------
    ValueError
        If there is no data set of that name.

    Examples
    --------
    >>> from pyfdsr import data
    >>> data.find("embedded").name
    'embedded'
    """
    entry = catalogue_entry(name)
    if entry is None:
        raise ValueError(f"name must be that of a known data set, got {name!r}")
    if entry.layout == "embedded":
        return Path(__file__).with_name("embedded")
    for folder in search_folders(entry, root):
        if present_files(folder, entry.files[split]):
            return folder
    return None


def not_found(
    entry: Dataset, files: tuple[DataFile, ...], folders: list[Path], download_report: str
) -> DataNotFoundError:
    """The error for a data set that is nowhere: what was wanted, where it was looked for, how to get it."""
    wanted = ", ".join(file.name if file.name.endswith(".npy") else f"{file.name}[.gz]" for file in files)
    lines = [f"{entry.name}: no folder holds all of {wanted}", "looked in:"]
    for folder in dict.fromkeys(folders):
        lacking = [file.name for file in files if present_file(folder, file) is None]
        partly = f" (lacks {', '.join(lacking)})" if 0 < len(lacking) < len(files) else ""
        lines.append(f"  {folder.absolute()}{partly}")
    lines += [download_report, "to get it:"]
    lines += [f"  {way}" for way in entry.packages]
    url = entry.archive.url if entry.archive else files[0].url.rpartition("/")[0]
    if url:
        lines.append(f"  public home {url}")
    lines.append("  then put the files in a folder and pass it as root= or set PYFDSR_DATA to it")
    return DataNotFoundError("\n".join(lines))
