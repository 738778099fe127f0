"""`avfuse demo`: everything out of nothing, by whatever a method needs."""

import functools
from pathlib import Path

import cv2
import pytest
import torch

from avfuse import demo
from avfuse.cli import main
from avfuse.method import Method
from avfuse.model_file import BundledModel
from avfuse.sound.mel import Hearing
from avfuse.types import Drawn
from avfuse.video.read import probe


class Grey(Method):
    """Draws what it hears, as a shade of grey; subclasses say what they are shown."""

    footage = False
    size = 32
    hears = Hearing.centred(16)
    config = {}  # noqa: RUF012  a method's own

    def __init__(self):
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(0.5))

    def prepare(self, heard, seen, person, state):
        return (heard[0].mean((1, 2)).sigmoid(),), ()

    def draw(self, images, condition):
        (shade,) = condition
        return Drawn((self.level * shade.view(-1, 1, 1, 1)).expand(-1, 3, self.size, self.size))


class OfAPhoto(Grey):
    references = 1


class OfItsOwn(Grey):
    whole, fps, size = True, 50.0, 48


class OfAClip(OfItsOwn):
    references = 5


@pytest.fixture(autouse=True)
def small(monkeypatch, generator):
    """A shorter clip and the tiny model; the rest is the real thing."""
    monkeypatch.setattr("avfuse.demo.load", lambda _: generator)
    monkeypatch.setattr("avfuse.demo.demo", functools.partial(demo.demo, seconds=0.6))


@pytest.fixture
def with_models(monkeypatch):
    """Makes it look as if these were bundled: a name and a method's each."""

    def pretend(loaded=None, **models):
        known = [BundledModel(name, Path(name), 1.0, method, "") for name, method in models.items()]
        monkeypatch.setattr("avfuse.demo.bundled", lambda: iter(known))
        if loaded is not None:
            monkeypatch.setattr("avfuse.demo.load", loaded.__getitem__)

    return pretend


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


@pytest.mark.parametrize("kind", [OfAPhoto, OfAClip, OfItsOwn])
def test_what_a_method_needs_is_shown_to_it(kind, tmp_path, with_models):
    with_models({"grey": kind()}, default="dynamic_kernels", grey="toy")
    assert main(["demo", str(tmp_path), "--method=toy", "--quiet"]) == 0
    names = {"speech.wav", "speaking.mp4", "frames.png"}
    filmed = kind is not OfItsOwn
    assert {path.name for path in tmp_path.iterdir()} == names | ({"face.mp4"} if filmed else set())
    speaking = probe(tmp_path / "speaking.mp4")
    assert speaking.duration == pytest.approx(0.6, abs=0.05)
    assert speaking.width == (384 if kind is OfAPhoto else 48)
    assert cv2.imread(str(tmp_path / "frames.png")).shape[1] == 1536


def test_the_usual_model_goes_first(tmp_path, with_models):
    asked = []
    with_models(default="toy", another="toy")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyError):
        patch.setattr("avfuse.demo.load", lambda name: asked.append(name) or {}[name])
        demo.demo(tmp_path, method="toy")
    assert asked == ["default"]


def test_a_method_without_a_model(tmp_path, capsys, with_models):
    with_models(default="dynamic_kernels", small="atvgnet")
    assert main(["demo", str(tmp_path / "demo"), "--method=wav2lip"]) == 2
    said = "no model of wav2lip comes with the package; bundled are default (dynamic_kernels), "
    assert capsys.readouterr().err == f"avfuse: {said}small (atvgnet)\n"
    assert main(["demo", str(tmp_path / "demo"), "--method=nobody"]) == 2
    assert "method 'nobody' is unknown; expected" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
