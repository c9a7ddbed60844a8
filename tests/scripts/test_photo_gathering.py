"""Photographs out of packages: containers, licences, near-copies, what is no photograph."""

import io
import struct
import zlib

import numpy as np
import pytest

from scripts import gather_photos
from scripts.package_licences import copyright_paragraphs, licence_of
from scripts.photo_sources import Source
from scripts.qt_resources import ResourceError, resource_files

Image = pytest.importorskip("PIL.Image")


def container(files, version=2):
    """A Qt resource container with a folder ``a`` of files, of which the second is compressed."""
    names, data, nodes = b"", b"", []
    offsets = []
    for name in ("a", *files):
        offsets.append(len(names))
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    stamp = b"" if version < 2 else bytes(8)
    nodes.append(struct.pack(">IHII", 0, 2, 1, 1) + stamp)
    nodes.append(struct.pack(">IHII", offsets[0], 2, len(files), 2) + stamp)
    for index, content in enumerate(files.values()):
        packed = struct.pack(">I", len(content)) + zlib.compress(content) if index == 1 else content
        nodes.append(struct.pack(">IHHHI", offsets[1 + index], int(index == 1), 0, 0, len(data)) + stamp)
        data += struct.pack(">I", len(packed)) + packed
    tree = b"".join(nodes)
    return (
        b"qres"
        + struct.pack(">4I", version, 20, 20 + len(tree), 20 + len(tree) + len(data))
        + tree
        + data
        + names
    )


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_gives_its_files(tmp_path, version):
    files = {"one.webp": b"first", "zwölf.webp": b"second" * 50}
    (tmp_path / "x.rcc").write_bytes(container(files, version))
    found = dict(resource_files(tmp_path / "x.rcc"))
    assert found == {f"a/{name}": content for name, content in files.items()}


def test_other_and_damaged_containers_are_refused(tmp_path):
    path = tmp_path / "x.rcc"
    path.write_bytes(b"RIFF")
    with pytest.raises(ResourceError, match="x.rcc is not a Qt resource container"):
        list(resource_files(path))
    whole = container({"one": b"first"})
    path.write_bytes(whole[:60])
    with pytest.raises(ResourceError, match="x.rcc is damaged"):
        list(resource_files(path))


STATEMENT = """Format: x

Files: *
Copyright: 2014, All
License: GPL-3+
 text

Files: pictures/*.jpg
 pictures/more/b.png
Copyright: 2018, Somebody
License: CC-BY-4.0
"""


def test_the_last_paragraph_that_matches_holds(tmp_path):
    assert copyright_paragraphs(STATEMENT)[1] == (
        ["pictures/*.jpg", "pictures/more/b.png"], "CC-BY-4.0", "2018, Somebody",
    )  # fmt: skip
    source = Source("debian", "thing", source_root="usr/share/|")
    folder = tmp_path / "usr/share/doc/thing"
    folder.mkdir(parents=True)
    assert licence_of(source, tmp_path, "usr/share/pictures/a.jpg") == "unknown"
    (folder / "copyright").write_text(STATEMENT)
    assert licence_of(source, tmp_path, "usr/share/pictures/a.jpg") == "CC-BY-4.0, 2018, Somebody"
    assert licence_of(source, tmp_path, "usr/share/pictures/more/b.webp") == "CC-BY-4.0, 2018, Somebody"
    assert licence_of(source, tmp_path, "usr/share/drawings/a.jpg") == "GPL-3+, 2014, All"


def encoded(seed, size=(300, 280), mode="RGB", kind="PNG"):
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    image = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def test_what_is_no_photograph_is_named():
    assert gather_photos.photo_fault(encoded(0)) == ""
    assert gather_photos.photo_fault(encoded(0, (300, 200))) == "300x200, shorter than 256"
    assert gather_photos.photo_fault(encoded(0, mode="RGBA")) == "mode RGBA, not RGB"
    assert gather_photos.photo_fault(b"<svg>").startswith("unreadable")
    grey = io.BytesIO()
    Image.new("RGB", (300, 300), (9, 9, 9)).save(grey, "PNG")
    assert gather_photos.photo_fault(grey.getvalue()) == "grey"


def test_the_largest_of_near_copies_is_kept():
    contents = {"small": encoded(0), "large": encoded(0, (600, 560), kind="JPEG"), "other": encoded(1)}
    photos = [
        {"package": "p", "inside": name, "width": 600 if name == "large" else 300, "height": 280,
         "bits": gather_photos.fingerprint(content)}
        for name, content in contents.items()
    ]  # fmt: skip
    kept, dropped = gather_photos.without_near_copies(photos)
    assert [photo["inside"] for photo in kept] == ["large", "other"]
    assert dropped[0]["fault"] == "near-copy of large"


def test_a_package_that_fails_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    def photos_of(source):
        if source.package == "bad":
            raise gather_photos.PackageError("npm is not on this machine")
        photo = {"package": "good", "inside": "in/side.png", "width": 300, "height": 280, "licence": "CC0"}
        content = encoded(0)
        return [photo | {"version": "1", "bits": 0, "content": content}], []

    monkeypatch.setattr(gather_photos, "SOURCES", (Source("npm", "bad"), Source("pypi", "good")))
    monkeypatch.setattr(gather_photos, "photos_of", photos_of)
    monkeypatch.setattr("sys.argv", ["gather", str(tmp_path / "out")])
    assert gather_photos.main() == 1
    assert "npm package bad: npm is not on this machine" in capsys.readouterr().err
    assert (tmp_path / "out" / "good" / "side.png").read_bytes() == encoded(0)
    assert '"licence": "CC0"' in (tmp_path / "out" / "manifest.json").read_text()
