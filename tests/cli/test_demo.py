"""`avfuse demo`: everything out of nothing."""

import functools

import pytest

from avfuse import demo
from avfuse.cli import main
from avfuse.speaking import generate as pipeline
from avfuse.video.read import probe


@pytest.fixture(autouse=True)
def small(monkeypatch, generator):
    """A shorter clip and the tiny model; the rest is the real thing."""
    speak = functools.partial(pipeline.generate, model=generator)
    monkeypatch.setattr("avfuse.demo.generate", speak)
    monkeypatch.setattr("avfuse.demo.demo", functools.partial(demo.demo, seconds=0.6))


def test_makes_everything_out_of_nothing(tmp_path, capsys):
    assert main(["demo", str(tmp_path / "a" / "demo")]) == 0
    names = ["face.mp4", "frames.png", "speaking.mp4", "speech.wav"]
    assert sorted(p.name for p in (tmp_path / "a" / "demo").iterdir()) == names
    printed = [line.rpartition("/")[2] for line in capsys.readouterr().out.splitlines()]
    assert sorted(printed) == names
    speaking = probe(tmp_path / "a" / "demo" / "speaking.mp4")
    assert speaking.duration == pytest.approx(0.6, abs=0.05)


def test_a_folder_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["demo", str(tmp_path / "file" / "demo")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be made" in line


def test_a_seed_below_zero(tmp_path, capsys):
    assert main(["demo", str(tmp_path / "demo"), "--seed=-1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--seed -1 is below 0" in line
    assert not (tmp_path / "demo").exists()
