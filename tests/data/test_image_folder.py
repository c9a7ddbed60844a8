"""Image folders: recursion, classes, grey conversion, central square, and files that cannot be read."""

import numpy as np
import pytest

from pyfdsr import data
from pyfdsr.data import CorruptDataError, DataNotFoundError, SkippedFilesWarning
from pyfdsr.data.image_folder import read_image

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def save(path, value=0, size=(28, 28), mode="L"):
    """An image file of one grey level or colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


@pytest.fixture
def folder(tmp_path):
    """Two classes of fourteen images each, at two depths, in two formats."""
    for index in range(14):
        save(tmp_path / "set" / "apple" / f"{index:02}.png", index)
        save(tmp_path / "set" / "pear" / "deep" / f"{index:02}.bmp", 100 + index)
    (tmp_path / "set" / "apple" / "notes.txt").write_text("no image")
    (tmp_path / "set" / ".hidden").mkdir()
    save(tmp_path / "set" / ".hidden" / "thumbnail.png")
    return tmp_path / "set"


def test_classes_are_the_first_sub_folders_and_alternate(folder):
    whole = data.load(folder, "all")
    assert whole.classes == ("apple", "pear")
    assert whole.labels.tolist() == [0, 1] * 14
    assert whole.images[:, 0, 0].tolist() == [value for index in range(14) for value in (index, 100 + index)]
    assert whole.skipped == ()


def test_train_and_test_parts_are_disjoint_and_stable(folder):
    train, test = data.load(folder, "train"), data.load(folder, "test")
    assert test.images[:, 0, 0].tolist() == [6, 106, 13, 113]
    assert sorted([*train.images[:, 0, 0], *test.images[:, 0, 0]]) == [*range(14), *range(100, 114)]


def test_per_class_and_limit(folder):
    assert data.load(folder, per_class=2).images[:, 0, 0].tolist() == [0, 100, 1, 101]
    assert data.load(folder, limit=3).images[:, 0, 0].tolist() == [0, 100, 1]


def test_a_corrupt_file_is_left_out_and_reported(folder):
    bad = folder / "apple" / "03.png"
    bad.write_bytes(bad.read_bytes()[:40])
    (folder / "pear" / "empty.jpg").write_bytes(b"")
    with pytest.warns(SkippedFilesWarning, match="2 of 29 image files .* left out") as caught:
        whole = data.load(folder, "all")
    assert len(caught) == 1
    assert str(bad) in whole.skipped and len(whole.skipped) == 2
    assert len(whole) == 27
    levels = whole.images[:, 0, 0]
    assert 3 not in levels
    np.testing.assert_array_equal(whole.labels, levels >= 100)  # labels still belong to their images


def test_nothing_readable(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(CorruptDataError, match="1 readable image files"):
        data.load(tmp_path, "all")


def test_nothing_there(tmp_path):
    with pytest.raises(DataNotFoundError, match="no image file"):
        data.load(tmp_path)


def test_train_and_test_folders_are_the_split_with_common_classes(tmp_path):
    for name, value in (("apple", 1), ("fig", 2), ("pear", 3)):
        save(tmp_path / "train" / name / "0.png", value)
    for name, value in (("apple", 11), ("pear", 13)):
        save(tmp_path / "test" / name / "0.png", value)
    train, test, whole = (data.load(tmp_path, split) for split in ("train", "test", "all"))
    assert train.images[:, 0, 0].tolist() == [1, 2, 3] and train.labels.tolist() == [0, 1, 2]
    assert test.images[:, 0, 0].tolist() == [11, 13] and test.labels.tolist() == [0, 2]
    assert test.classes == train.classes == ("apple", "fig", "pear")
    assert sorted(whole.images[:, 0, 0]) == [1, 2, 3, 11, 13]


def test_files_beside_sub_folders_leave_no_labels(folder):
    save(folder / "loose.png", 50)
    whole = data.load(folder, "all")
    assert whole.labels is None and whole.classes == () and len(whole) == 29


def test_central_square_of_a_wide_and_a_tall_image(tmp_path):
    levels = (
        np.repeat(np.array([[10, 10, 200, 200, 90, 90]], np.uint8), 2, axis=0).repeat(14, 0).repeat(14, 1)
    )
    Image.fromarray(levels).save(tmp_path / "wide.png")
    Image.fromarray(levels.T.copy()).save(tmp_path / "tall.png")
    for name in ("wide.png", "tall.png"):
        np.testing.assert_array_equal(read_image(tmp_path / name, 28), np.full((28, 28), 200, np.uint8))


def test_resized_to_the_size_asked_for(tmp_path):
    save(tmp_path / "a.png", 77, (300, 200))
    images = data.load(tmp_path, "all", image_size=112).images
    assert images.shape == (1, 112, 112) and (images == 77).all()


@pytest.mark.parametrize(
    ("mode", "value", "grey"),
    [("RGB", (255, 0, 0), 76), ("RGBA", (255, 255, 255, 0), 0), ("LA", (200, 255), 200), ("1", 1, 255)],
)
def test_grey_conversion(tmp_path, mode, value, grey):
    save(tmp_path / "a.png", value, mode=mode)
    assert (read_image(tmp_path / "a.png") == grey).all()


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    Image.fromarray(np.full((28, 28), 128 * 257, np.uint16)).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == 128).all()


def test_orientation_tag_is_honoured(tmp_path):
    levels = np.zeros((28, 28), np.uint8)
    levels[:14] = 255
    image = Image.fromarray(levels)
    tags = Image.Exif()
    tags[0x0112] = 3  # turned by 180 degrees
    image.save(tmp_path / "a.png", exif=tags)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), levels[::-1])
