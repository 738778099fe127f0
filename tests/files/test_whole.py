"""Whole files: the old one or the new one, and nothing beside it."""

import pytest

from avfuse.errors import InputError
from avfuse.files.whole import write_whole


@pytest.mark.parametrize(("content", "bytes_"), [("α\n", "α\n".encode()), (b"\0\1", b"\0\1")])
def test_writes_over_what_stood_there(tmp_path, content, bytes_):
    path = tmp_path / "file"
    path.write_text("old")
    write_whole(path, content)
    assert path.read_bytes() == bytes_
    assert list(tmp_path.iterdir()) == [path]


def test_keeps_what_stood_there_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(InputError, match=r"file: cannot be written \(No space left on device\)"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="choose another place"):
        write_whole(tmp_path / "nowhere" / "file", "text")


def test_a_name_as_long_as_it_may_be(tmp_path):
    path = tmp_path / ("n" * 255)
    write_whole(path, "text")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(tmp_path / ("n" * 256), "text")
