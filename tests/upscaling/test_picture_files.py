"""Pictures of 8 and 16 bits, grey and coloured, with transparency, profile and orientation."""

import re

import numpy as np
import pytest

from pyfdsr.upscaling import Picture, PictureError, jobs_of, read_picture, write_picture
from pyfdsr.upscaling import files as files_module

Image = pytest.importorskip("PIL.Image")
ImageCms = pytest.importorskip("PIL.ImageCms")
ImageOps = pytest.importorskip("PIL.ImageOps")

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RANDOM = np.random.default_rng(0)


def picture(dtype=np.uint8, channels=3, alpha=False, profile=None, size=(13, 9)):
    white = np.iinfo(dtype).max
    draw = [RANDOM.integers(0, white, (*size, n), dtype, endpoint=True) for n in (channels, 1)]
    return Picture(draw[0], draw[1][:, :, 0] if alpha else None, profile)


def assert_equal(actual, expected):
    assert actual.colours.dtype == expected.colours.dtype
    assert np.array_equal(actual.colours, expected.colours)
    assert (actual.alpha is None) == (expected.alpha is None)
    assert expected.alpha is None or np.array_equal(actual.alpha, expected.alpha)
    assert actual.profile == expected.profile


@pytest.mark.parametrize("profile", [None, PROFILE])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("ending", [".png", ".TIF"])
def test_written_pictures_are_read_again(tmp_path, ending, dtype, channels, alpha, profile):
    expected, path = picture(dtype, channels, alpha, profile), tmp_path / f"picture{ending}"
    write_picture(path, expected)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    if (ending, dtype, channels, alpha) == (".TIF", np.uint16, 1, True):
        expected = Picture(expected.colours.repeat(3, 2), expected.alpha, profile)
    assert_equal(read_picture(path), expected)
    with Image.open(path) as opened:  # others can read it, too, and see the profile
        opened.load()
        assert opened.info.get("icc_profile") == profile and opened.size == (9, 13)


def test_jpeg_keeps_profile_and_takes_16_bits(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)
    smooth = np.broadcast_to(ramp[None, :, None], (48, 64, 3))
    write_picture(tmp_path / "a.jpg", Picture(smooth, None, PROFILE))
    read = read_picture(tmp_path / "a.jpg")
    assert read.profile == PROFILE and read.colours.dtype == np.uint8
    assert np.abs(read.colours - smooth / 257).max() < 4
    write_picture(tmp_path / "b.jpeg", Picture(smooth[..., :1]))
    assert read_picture(tmp_path / "b.jpeg").colours.shape == (48, 64, 1)


@pytest.mark.parametrize("orientation", range(1, 10))
def test_orientation_is_applied(tmp_path, orientation):
    image = Image.fromarray(picture().colours)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    assert np.array_equal(read_picture(tmp_path / "a.png").colours, expected)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_a_tiff_is_applied_once(tmp_path, orientation, channels):
    seen = picture(channels=channels).colours
    turned = {1: seen, 2: seen[:, ::-1], 3: seen[::-1, ::-1], 4: seen[::-1], 5: seen.swapaxes(0, 1)}
    turned |= {6: np.rot90(seen), 7: seen[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(seen, -1)}
    stored = np.ascontiguousarray(turned[orientation])
    Image.fromarray(stored[:, :, 0] if channels == 1 else stored).save(
        tmp_path / "a.tif", tiffinfo={0x0112: orientation}
    )
    assert np.array_equal(read_picture(tmp_path / "a.tif").colours, seen)


def test_deep_colours_of_other_kinds_are_refused(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4, 4), np.uint16), photometric="separated")
    with pytest.raises(PictureError, match="16-bit colours of kind SEPARATED, must be grey or RGB"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("mode", ["1", "P", "PA", "L", "LA", "RGB", "RGBA", "CMYK", "I;16"])
def test_modes(tmp_path, mode):
    drawn = Image.fromarray(picture().colours)
    if mode == "I;16":
        image = Image.fromarray(picture(np.uint16, 1).colours[:, :, 0])
    else:
        image = drawn.convert("L").convert("PA") if mode == "PA" else drawn.convert(mode)
    ending = "tif" if mode in ("CMYK", "PA") else "png"
    image.save(tmp_path / f"a.{ending}", icc_profile=PROFILE)
    read = read_picture(tmp_path / f"a.{ending}")
    grey = mode in ("1", "L", "LA", "I;16")
    assert read.colours.shape == (13, 9, 1 if grey else 3)
    assert (read.alpha is not None) == (mode in ("LA", "PA", "RGBA"))
    assert read.colours.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    assert read.profile == (None if mode == "CMYK" else PROFILE)
    if mode in ("L", "1"):
        assert np.array_equal(read.colours[:, :, 0], np.asarray(image.convert("L")))
    if mode in ("P", "CMYK"):
        assert np.array_equal(read.colours, np.asarray(image.convert("RGB")))


def test_a_transparent_colour_becomes_alpha(tmp_path):
    Image.fromarray(np.array([[0, 7, 255]], np.uint8)).save(tmp_path / "a.png", transparency=7)
    read = read_picture(tmp_path / "a.png")
    assert read.alpha.tolist() == [[255, 0, 255]] and read.colours[0, :, 0].tolist() == [0, 7, 255]


def test_other_deep_tiffs(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    values = picture(np.uint16, 3).colours
    tifffile.imwrite(
        tmp_path / "planar.tif", np.moveaxis(values, 2, 0), photometric="rgb", planarconfig="separate"
    )
    tifffile.imwrite(tmp_path / "white.tif", values[..., 0], photometric="miniswhite")
    tifffile.imwrite(tmp_path / "zip.tif", values, photometric="rgb", compression="zlib")
    assert np.array_equal(read_picture(tmp_path / "planar.tif").colours, values)
    assert np.array_equal(read_picture(tmp_path / "white.tif").colours[..., 0], 65535 - values[..., 0])
    assert np.array_equal(read_picture(tmp_path / "zip.tif").colours, values)


def test_what_cannot_be_read_is_named(tmp_path):
    tifffile = pytest.importorskip("tifffile")

    def refuses(name, message, **arguments):
        with pytest.raises(PictureError, match=rf"{re.escape(str(tmp_path / name))}: {message}"):
            read_picture(tmp_path / name, **arguments)

    refuses("none.png", "cannot be read: No such file")
    (tmp_path / "text.png").write_text("not a picture")
    refuses("text.png", "is no picture that can be read, or damaged")
    Image.fromarray(picture(size=(60, 50)).colours).save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    refuses("cut.png", "")
    write_picture(tmp_path / "deep.png", picture(np.uint16, size=(60, 50)))
    whole = (tmp_path / "deep.png").read_bytes()
    (tmp_path / "deep.png").write_bytes(whole[: len(whole) // 2])
    refuses("deep.png", "")
    Image.fromarray(picture().colours).save(tmp_path / "a.webp")
    refuses("a.webp", "is of format WEBP, must be PNG, JPEG or TIFF")
    tifffile.imwrite(tmp_path / "float.tif", np.ones((4, 4), np.float32))
    refuses("float.tif", "has floating point or signed samples of 32 bits")
    page = Image.fromarray(picture().colours)
    page.save(tmp_path / "two.tif", save_all=True, append_images=[page])
    refuses("two.tif", "has 2 pages, must have one")
    write_picture(tmp_path / "a.png", picture())
    refuses("a.png", "has 9×13 pixels, more than the 116 allowed", most_pixels=116)
    assert read_picture(tmp_path / "a.png", most_pixels=117).colours.shape == (13, 9, 3)


def test_pillows_own_limit_is_an_error_like_others(tmp_path, monkeypatch):
    write_picture(tmp_path / "a.png", picture())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # warns from here, which is for the caller to limit
    assert read_picture(tmp_path / "a.png").colours.shape == (13, 9, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)  # refuses
    with pytest.raises(PictureError, match=r"a\.png: is too large \("):
        read_picture(tmp_path / "a.png")


def test_what_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    for name, given, message in (
        ("a.webp", picture(), "must end in one of .png, .jpg"),
        ("a.jpg", picture(alpha=True), "JPEG has no transparency"),
        ("missing/a.png", picture(), "cannot be written: No such file"),
        ("missing/b.png", picture(np.uint16), "cannot be written: No such file"),
    ):
        with pytest.raises(PictureError, match=rf"{name}: {message}"):
            write_picture(tmp_path / name, given)
    assert not list(tmp_path.iterdir())
    target = tmp_path / "a.png"
    target.write_bytes(b"old")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files_module.os, "replace", stop)
    for dtype in (np.uint8, np.uint16):
        with pytest.raises(KeyboardInterrupt):
            write_picture(target, picture(dtype))
        assert [file.name for file in tmp_path.iterdir()] == ["a.png"] and target.read_bytes() == b"old"


def test_missing_packages_say_how_to_get_them(tmp_path, monkeypatch):
    write_picture(tmp_path / "a.png", picture(np.uint16))
    monkeypatch.setitem(__import__("sys").modules, "png", None)
    with pytest.raises(ImportError, match=re.escape('pip install "pyfdsr[images]"')):
        read_picture(tmp_path / "a.png")


def test_jobs(tmp_path):
    for name in ("in/b.jpg", "in/sub/a.PNG", "in/.hidden/c.png", "in/notes.txt", "in/out/old.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    source = tmp_path / "in"

    def pairs(*arguments):
        return [(j.source.relative_to(tmp_path).as_posix(), j.target.relative_to(tmp_path).as_posix())
                for j in jobs_of(*arguments)]  # fmt: skip

    assert pairs(source, source / "out") == [
        ("in/b.jpg", "in/out/b.jpg"),
        ("in/sub/a.PNG", "in/out/sub/a.PNG"),
    ]
    assert pairs(source / "b.jpg", tmp_path / "big.png") == [("in/b.jpg", "big.png")]
    assert pairs(source / "b.jpg", source / "sub") == [("in/b.jpg", "in/sub/b.jpg")]
    assert pairs(source / "b.jpg", tmp_path / "new") == [("in/b.jpg", "new/b.jpg")]
    for arguments, message in (
        ((tmp_path / "none", source), "none: there is no such file or folder"),
        ((source / ".hidden" / "..", source / "b.jpg"), "b.jpg: is a file, must be a folder"),
    ):
        with pytest.raises(PictureError, match=message):
            jobs_of(*arguments)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PictureError, match="empty: holds no picture"):
        jobs_of(tmp_path / "empty", source)
