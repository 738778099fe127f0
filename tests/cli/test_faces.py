"""`avfuse faces`: the files, the words, and what it refuses."""

import json

import numpy as np
import pytest

from avfuse.cli import main
from avfuse.video.read import probe


def test_writes_both(face, tmp_path, capsys):
    output, listing = tmp_path / "overlay.mp4", tmp_path / "faces.json"
    assert main(["faces", str(face), "--output", str(output), "--json", str(listing)]) == 0
    assert len(json.loads(listing.read_text())["frames"]) == probe(output).frames == 15
    said = capsys.readouterr()
    assert said.out == f"{output}, {listing}: 15 frames, 15 with a face, tracks: 1\n"
    assert said.err == ""


def test_writes_the_mesh_where_it_is_asked_for(face, tmp_path):
    listing = tmp_path / "faces.json"
    for words, points in (([], None), (["--mesh", "--face-index", "0"], 468)):
        assert main(["faces", str(face), "--json", str(listing), "--quiet", *words]) == 0
        [one] = json.loads(listing.read_text())["frames"][0]["faces"]
        assert len(one.get("mesh", [])) == (points or 0)


def test_nobody_is_said_and_no_error(tmp_path, made, person, capfd):
    grey = person._replace(frames=np.full_like(person.frames, 128))
    path, listing = made.video(tmp_path / "grey.mp4", grey), tmp_path / "faces.json"
    assert main(["faces", str(path), "--json", str(listing), "--quiet"]) == 0
    assert capfd.readouterr() == ("", f"avfuse: {path}: no face found\n")
    assert len(json.loads(listing.read_text())["frames"]) == 15


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"--json": None}, "give --output FILE.mp4, --json FILE.json, or both"),
        ({"FILE": "nowhere.mp4"}, "nowhere.mp4: no such file"),
        ({"--json": "{tmp}/nowhere/faces.json"}, "cannot be written there"),
        ({"--json": "{face}"}, "is given twice"),
        ({"--output": "{tmp}/faces.json"}, "is given twice"),
        ({"--output": "{tmp}/overlay.avi"}, ".mp4, .mov, .mkv"),
        ({"--face-index": "1"}, "no face 1, at most 1 seen at a time; give --face-index 0"),
        ({"--face-index": "-1"}, "is negative"),
    ],
)
def test_bad_input(face, tmp_path, capfd, changes, says):
    before = face.read_bytes()
    given = {"FILE": "{face}", "--json": "{tmp}/faces.json", **changes}
    given = {k: v.format(tmp=tmp_path, face=face) for k, v in given.items() if v is not None}
    file = given.pop("FILE")
    assert main(["faces", file, *(word for pair in given.items() for word in pair)]) == 2
    said = capfd.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("avfuse: ")
    assert says in line
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []
    assert face.read_bytes() == before
