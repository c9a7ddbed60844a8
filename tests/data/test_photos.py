"""Photographs: orientation, split, tiles, what is kept on disk, pixels picked for the small image."""

import os

import numpy as np
import pytest

from pyfdsr import data
from pyfdsr.data import CorruptDataError, DataNotFoundError, SkippedFilesWarning
from pyfdsr.data.photo_tiles import cut_tiles
from pyfdsr.data.photos import split_photos

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def picture(width, height, seed=0):
    """A smooth picture, different for each seed."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    for index in range(10):
        path = tmp_path / "photos" / "deep" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(40 + index, 36, index).save(path)
    return tmp_path / "photos"


def load(folder, *arguments, **options):
    return data.load_photos(folder, *arguments, cache=folder.parent / "cache", **options)


def test_photographs_are_split_before_they_are_cut(folder):
    train, test, whole = (load(folder, split, size=16, tiles=20) for split in ("train", "test", "all"))
    assert (len(train.files), len(test.files), len(whole.files)) == (7, 3, 10)
    assert sorted(train.files + test.files) == list(whole.files)
    assert load(folder, "train", size=16, seed=1).files != train.files
    assert len(train) > 2 * len(train.files)
    assert set(train.photo.tolist()) == set(range(7))


def test_a_new_photograph_moves_at_most_one_other():
    names = [f"{index}.jpg" for index in range(40)]
    before = set(split_photos(names, "train"))
    after = set(split_photos([*names, "new.jpg"], "train")) - {"new.jpg"}
    assert len(before ^ after) <= 1


def test_the_central_square_is_resized_and_red_comes_first(tmp_path):
    image = Image.new("RGB", (60, 32), "blue")
    image.paste("red", (14, 0, 46, 32))
    (tmp_path / "photos").mkdir()
    image.save(tmp_path / "photos" / "one.png")
    photos = load(tmp_path / "photos", "all", size=16)
    assert photos.take([0]).shape == (1, 3, 16, 16)
    assert photos.take([0])[0, :, 8, 4].tolist() == [255, 0, 0]


def test_the_camera_orientation_is_honoured(tmp_path):
    (tmp_path / "photos").mkdir()
    image = picture(48, 48)
    turned = Image.Exif()
    turned[0x0112] = 6  # to be seen turned by a quarter, clockwise
    image.save(tmp_path / "photos" / "turned.png", exif=turned)
    found = load(tmp_path / "photos", "all", size=48).take([0])[0]
    assert np.array_equal(found.transpose(1, 2, 0), np.asarray(image.transpose(Image.Transpose.ROTATE_270)))


def test_files_that_cannot_be_used_are_left_out_with_one_warning(folder):
    (folder / "broken.jpg").write_bytes(b"no image")
    picture(100, 12).save(folder / "flat.png")
    with pytest.warns(SkippedFilesWarning, match="^2 of 12 image files could not be read") as caught:
        photos = load(folder, "all", size=16)
    assert len(caught) == 1
    assert len(photos) == 10 and sorted(os.path.basename(name) for name in photos.skipped) == [
        "broken.jpg",
        "flat.png",
    ]


def test_squares_are_kept_until_the_photograph_changes(folder, monkeypatch):
    first = load(folder, "all", size=16, tiles=5)
    from pyfdsr.data import photo_tiles

    opened = []
    original = photo_tiles.upright_image
    monkeypatch.setattr(photo_tiles, "upright_image", lambda path: opened.append(path) or original(path))
    again = load(folder, "all", size=16, tiles=5)
    assert opened == [] and again.fingerprint() == first.fingerprint()
    changed = folder / "deep" / "3.png"
    picture(50, 50, 99).save(changed)
    os.utime(changed, ns=(1, 1))
    later = load(folder, "all", size=16, tiles=5)
    assert [path.name for path in opened] == ["3.png"]
    assert later.fingerprint() != first.fingerprint()


def test_a_photograph_of_the_same_size_in_bytes_is_told_by_its_time(tmp_path):
    path = tmp_path / "photos" / "one.bmp"
    path.parent.mkdir()
    prints = []
    for seed in range(2):
        picture(40, 40, seed).save(path)
        os.utime(path, ns=(seed, seed))
        prints.append(load(path.parent, "all", size=16).fingerprint())
    assert prints[0] != prints[1]


def test_tiles_cover_the_photograph_at_each_scale():
    values = np.arange(48 * 32, dtype=np.uint32).reshape(32, 48)
    coded = np.stack([values >> 8, values & 255, np.zeros_like(values)], -1).astype(np.uint8)
    tiles = cut_tiles(Image.fromarray(coded), 16, 1000)
    # The finest scale here is the photograph itself, of two tiles' height.
    seen = {tuple(pixel) for pixel in tiles[-15:].reshape(-1, 3).tolist()}
    assert seen == {tuple(pixel) for pixel in coded.reshape(-1, 3).tolist()}
    assert len(cut_tiles(Image.fromarray(coded), 16, 7)) <= 7


def test_the_small_image_is_that_of_nearest_exact():
    torch = pytest.importorskip("torch")
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 48), np.uint8)
    small = data.downsample_nearest(images, 8)
    assert np.array_equal(small, images[:, :, 4::8, 4::8])
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images).float(), scale_factor=1 / 8, mode="nearest-exact"
    )
    assert np.array_equal(small, expected.numpy())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "validation"}, "split='validation': must be 'train', 'test' or 'all'"),
        ({"share": 1.0}, "share=1.0: must be above 0 and below 1"),
        ({"size": 0}, "size=0: must be an integer of 1 or greater"),
        ({"tiles": -1}, "tiles=-1: must be an integer of 0 or greater"),
    ],
)
def test_bad_arguments_are_named(folder, arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load_photos(folder, **arguments)


def test_missing_photographs_are_named(tmp_path, folder):
    with pytest.raises(DataNotFoundError, match="nowhere is not a folder.*make photos"):
        load(tmp_path / "nowhere")
    with pytest.raises(CorruptDataError, match="expected test photographs of 64 pixels"):
        load(folder, "test", size=64)
    with pytest.raises(ValueError, match="images have 12x16 pixels: must be multiples of factor=8"):
        data.downsample_nearest(np.zeros((12, 16)), 8)
