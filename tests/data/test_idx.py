"""The idx format: header, type codes, gzip, and every way in which a file can be damaged."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from pyfdsr.data import CorruptDataError
from pyfdsr.data.idx import read_bytes, read_idx, write_idx

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 4, 5), np.uint8)


def header(code: int, *shape: int) -> bytes:
    """An idx header, written out by the format's definition."""
    return bytes([0, 0, code, len(shape)]) + b"".join(struct.pack(">I", size) for size in shape)


def test_reads_bytes_laid_out_by_hand(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(header(0x08, 2, 1, 3) + bytes([1, 2, 3, 4, 5, 6]))
    values = read_idx(file)
    assert values.dtype == np.uint8
    assert values.tolist() == [[[1, 2, 3]], [[4, 5, 6]]]


def test_multi_byte_values_are_big_endian(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(header(0x0C, 2) + struct.pack(">ii", 258, -3))
    values = read_idx(file)
    assert values.tolist() == [258, -3]
    assert values.dtype.isnative


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_round_trip(tmp_path, dtype, suffix):
    file = tmp_path / f"file{suffix}"
    values = np.arange(24).reshape(2, 3, 4).astype(dtype)
    write_idx(file, values)
    again = read_idx(file)
    assert again.dtype == values.dtype
    np.testing.assert_array_equal(again, values)
    again[0] = 0  # writeable


def test_gzip_is_seen_from_the_content_not_the_name(tmp_path):
    write_idx(tmp_path / "file.gz", IMAGES)
    renamed = (tmp_path / "file.gz").rename(tmp_path / "file")
    np.testing.assert_array_equal(read_idx(renamed), IMAGES)
    write_idx(tmp_path / "plain", IMAGES)
    plain = (tmp_path / "plain").rename(tmp_path / "plain.gz")
    np.testing.assert_array_equal(read_idx(plain), IMAGES)


def test_a_gzipped_file_does_not_depend_on_the_time_of_day(tmp_path):
    write_idx(tmp_path / "file.gz", IMAGES)
    assert (tmp_path / "file.gz").read_bytes()[4:8] == bytes(4)  # the time stamp of the gzip header


def test_checksum_is_of_the_uncompressed_bytes(tmp_path):
    write_idx(tmp_path / "plain", IMAGES)
    content = (tmp_path / "plain").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    for level in (1, 9):
        (tmp_path / "again.gz").write_bytes(gzip.compress(content, level))
        np.testing.assert_array_equal(read_idx(tmp_path / "again.gz", digest), IMAGES)


def test_wrong_checksum_names_file_expected_and_got(tmp_path):
    file = tmp_path / "images"
    write_idx(file, IMAGES)
    got = hashlib.sha256(file.read_bytes()).hexdigest()
    with pytest.raises(CorruptDataError) as caught:
        read_bytes(file, "0" * 64)
    assert caught.value.file == str(file)
    assert str(file) in str(caught.value)
    assert "0" * 64 in str(caught.value) and got in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "idx header"),
        (b"\0\0\x08", "idx header"),
        (b"<!DOCTYPE html><html>not found</html>", "idx header"),
        (header(0x07, 2) + b"ab", "idx header"),
        (b"\0\0\x08\0", "idx header"),
        (header(0x08, 2, 3)[:-2], "12 bytes"),
        (header(0x08, 2, 3) + b"abcde", "18 bytes for shape"),
        (header(0x08, 2, 3) + b"abcdefg", "18 bytes for shape"),
        (header(0x08, 2**31, 2**31, 2**31), "for shape"),
        (gzip.compress(header(0x08, 2, 3) + b"abcdef")[:-9], "gzip"),
        (b"\x1f\x8bgarbage that is no gzip stream", "gzip"),
    ],
)
def test_damaged_files(tmp_path, content, words):
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(CorruptDataError, match=words):
        read_idx(file)


def test_every_truncation_is_noticed(tmp_path):
    write_idx(tmp_path / "whole", IMAGES)
    content = (tmp_path / "whole").read_bytes()
    for length in range(len(content)):
        (tmp_path / "part").write_bytes(content[:length])
        with pytest.raises(CorruptDataError):
            read_idx(tmp_path / "part")


def test_types_that_idx_cannot_hold(tmp_path):
    with pytest.raises(TypeError, match="complex64"):
        write_idx(tmp_path / "file", np.zeros(3, np.complex64))
