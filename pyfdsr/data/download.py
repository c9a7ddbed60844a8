"""Downloads into the cache: with a progress line, a checksum test and an atomic rename (needs pooch)."""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import unquote

from .catalogue import Archive, DataFile, Dataset
from .errors import CorruptDataError
from .idx import read_bytes
from .location import present_file

_TIMEOUT = (10, 60)  # seconds to connect, seconds without a byte
_CHUNK = 1 << 16


class DownloadError(OSError):
    """A file could not be fetched; the message says why."""


class _ProgressLine:
    """One line on stderr, rewritten while a file comes in; silent where stderr is no terminal."""

    def __init__(self, name: str, total: int) -> None:
        self._name = name
        self._total = total
        self._shown = ""
        self._visible = sys.stderr.isatty()

    def show(self, done: int) -> None:
        line = f"downloading {self._name}: {done / 1e6:.1f}"
        line += f" of {self._total / 1e6:.1f} MB ({100 * done // self._total} %)" if self._total else " MB"
        if self._visible and line != self._shown:
            self._shown = line
            print(f"\r{line}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._visible:
            print(file=sys.stderr)


def fetch_files(entry: Dataset, files: tuple[DataFile, ...], folder: Path) -> list[Path]:
    """Fetch the missing files of a data set into a folder.

    A file appears in the folder only when it is complete and its checksum is right; whatever goes wrong
    before, the folder stays as it was.

    Parameters
    ----------
    entry : Dataset
        The data set.
    files : tuple of DataFile
        The files wanted; those already in ``folder`` are kept.
    folder : Path
        Created if need be.

    Returns
    -------
    list of Path
        The files, in the order of ``files``.

    Raises
    ------
    DownloadError
        If a server cannot be reached or refuses, or the data set has no public download.
    CorruptDataError
        If what came has another checksum.
    OSError
        If the folder cannot be written, or the disk is full.
    """
    missing = [file for file in files if present_file(folder, file) is None]
    if entry.archive is None and not all(file.url for file in missing):
        raise DownloadError("it has no public download of single files")
    folder.mkdir(parents=True, exist_ok=True)
    # In the folder itself, so that the renames below stay on one disk and are atomic.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as staging:
        if missing and entry.archive is not None:
            _fetch_archive(entry.archive, missing, Path(staging), folder)
        else:
            for file in missing:
                _fetch_file(file, Path(staging), folder)
    return [present_file(folder, file) for file in files]


def _fetch_file(file: DataFile, staging: Path, folder: Path) -> None:
    suffix = ".gz" if file.url.endswith(".gz") else ""
    arrived = _retrieve(file.url, file.download_sha256, staging, file.name + suffix)
    if file.sha256:
        try:
            read_bytes(arrived, file.sha256)
        except CorruptDataError as reason:
            raise CorruptDataError(file.url, reason.expected, reason.got) from None
    os.replace(arrived, folder / arrived.name)


def _fetch_archive(archive: Archive, files: list[DataFile], staging: Path, folder: Path) -> None:
    arrived = _retrieve(archive.url, archive.sha256, staging, "archive.zip")
    try:
        with zipfile.ZipFile(arrived) as opened:
            for file in files:
                target = staging / f"{file.name}.gz"
                target.write_bytes(opened.read(f"{archive.folder}/{file.name}.gz"))
                os.replace(target, folder / target.name)
    except (zipfile.BadZipFile, KeyError) as reason:
        raise CorruptDataError(archive.url, f"a zip archive with {files[0].name}.gz", f"{reason}") from reason


def _retrieve(url: str, sha256: str, staging: Path, name: str) -> Path:
    try:
        import pooch
        import requests
    except ImportError as reason:
        raise DownloadError(f"downloading needs the package pooch ({reason})") from reason
    pooch.get_logger().setLevel("WARNING")  # the progress line says it already
    try:
        arrived = Path(pooch.retrieve(url, known_hash=None, fname=name, path=staging, downloader=_stream))
    except requests.exceptions.RequestException as reason:
        raise DownloadError(f"{url}: {_in_words(reason)}") from reason
    # Compared here rather than by pooch, whose error could not be told from others.
    if sha256 and (got := pooch.file_hash(str(arrived))) != sha256:
        raise CorruptDataError(url, f"SHA-256 {sha256}", got)
    return arrived


def _stream(url: str, output_file: str, _pooch=None) -> None:
    """Write what a server sends to a file (the downloader that pooch calls)."""
    import requests

    # As stored: a checksum of packed bytes must not meet bytes that were unpacked on the way.
    headers = {"Accept-Encoding": "identity"}
    with requests.get(url, stream=True, timeout=_TIMEOUT, headers=headers) as response:
        response.raise_for_status()
        progress = _ProgressLine(
            unquote(url.rpartition("/")[2]), int(response.headers.get("content-length", 0))
        )
        done = 0
        try:
            with open(output_file, "wb") as file:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    progress.show(done)
        finally:
            progress.close()


def _in_words(reason: Exception) -> str:
    import requests

    if isinstance(reason, requests.exceptions.HTTPError):
        return f"the server answered {reason.response.status_code} {reason.response.reason}"
    if isinstance(reason, requests.exceptions.Timeout):
        return "the server did not answer in time"
    if isinstance(reason, requests.exceptions.ConnectionError):
        return "no connection to the server (is there a network?)"
    return f"the download broke off ({reason})"
