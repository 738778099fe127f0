"""`avfuse person`: footage to a model, through a kill; what cannot be used, in one line."""

import json
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import torch
import yaml

from avfuse import load
from avfuse.cli import main
from avfuse.data.preprocess import find_videos
from avfuse.files.recipes import copy_recipes
from avfuse.methods.live_speech_portraits.take import write_take
from avfuse.methods.live_speech_portraits.tracked import takes_folder

STAGES = ("mouth", "pose", "renderer")


@pytest.fixture
def recipes(tmp_path, plan):
    """The library's, of a tiny model and in two epochs of two steps."""
    copy_recipes(tmp_path / "recipes")
    folder = tmp_path / "recipes" / "papers" / "live_speech_portraits"
    for stage in STAGES:
        model = {**plan, **({"critic": [4, 4], "scales": 1} if stage == "renderer" else {})}
        frames = {} if stage == "renderer" else {"frames": 60}
        data = {"batch": 2, "epoch": 2, "least": 5.0, **frames}
        told = {"model": model, "data": data, "trainer": {"max_epochs": 2, "accelerator": "cpu"}}
        (folder / stage / "person.yaml").write_text(yaml.safe_dump(told))
    return folder


@pytest.fixture
def tracked(tmp_path):
    """Lays takes down where a film's would be kept, as if it had been tracked; returns the film."""

    def lay(takes):
        film, work = tmp_path / "film.mp4", tmp_path / "anna.work"
        film.write_bytes(b"a film")
        folder = takes_folder(find_videos(film), work / "takes", 64)
        folder.mkdir(parents=True)
        for number, take in enumerate(takes):
            write_take(take, folder / f"{number:05d}-0.safetensors")
        (folder / "complete").touch()
        return film

    return lay


@pytest.fixture
def words(tmp_path, recipes):
    def make(film):
        out = tmp_path / "anna.safetensors"
        return ["person", str(film), f"--output={out}", f"--recipes={recipes}", "--quiet"]

    return make


@pytest.fixture
def refused(words, capsys):
    def run(film, *more):
        assert main([*words(film), *more]) == 2
        (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("avfuse: ")
                   and not x.startswith("avfuse: recipe")]  # fmt: skip
        return line

    return run


def test_makes_a_person_who_speaks(tracked, words, takes, tmp_path, speech):
    assert main([*words(tracked(takes)), "--credit=nobody"]) == 0
    model = tmp_path / "anna.safetensors"
    assert load(model).trained == STAGES
    assert int(load(model).person.count) > 0
    told = json.loads(model.with_suffix(".json").read_text())["held back"]
    assert [*told] == [*STAGES]
    assert [row["epoch"] for row in told["mouth"]] == [0, 1]
    assert {"d_l", "d_v"} <= told["mouth"][0].keys()
    assert {"l1", "psnr"} <= told["renderer"][0].keys()
    picture = cv2.imread(str(model.with_suffix(".png")))
    assert picture.std() > 10
    assert main(["generate", f"--model={model}", f"--audio={speech}", "--quiet",
                 f"--output={tmp_path / 'out.mp4'}"]) == 0  # fmt: skip


@pytest.mark.slow
def test_goes_on_where_it_was_killed(tracked, words, takes, tmp_path):
    """Killed in the second stage: the first is not trained again, and a file comes out."""
    given, work = words(tracked(takes)), tmp_path / "anna.work"
    command = [sys.executable, "-m", "avfuse.cli", *given]
    # One epoch of the pose network is done, a hundred are to come.
    told = tmp_path / "recipes/papers/live_speech_portraits/pose/person.yaml"
    long = told.read_text().replace("max_epochs: 2", "max_epochs: 400")
    short, _ = told.read_text(), told.write_text(long)
    process = subprocess.Popen(command)
    try:
        _wait(work / "pose" / "last.ckpt")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "anna.safetensors").exists()
    assert not (work / "pose" / "done").exists()
    epoch = torch.load(work / "pose" / "last.ckpt", weights_only=True)["epoch"]
    first = (work / "mouth" / "last.ckpt").stat().st_mtime_ns
    told.write_text(short.replace("max_epochs: 2", f"max_epochs: {epoch + 3}"))
    assert main(given) == 0
    assert (work / "mouth" / "last.ckpt").stat().st_mtime_ns == first
    rows = json.loads((tmp_path / "anna.json").read_text())["held back"]["pose"]
    assert [row["epoch"] for row in rows] == [*range(epoch + 3)]
    assert load(tmp_path / "anna.safetensors").trained == STAGES


def _wait(path, seconds=300):
    for _ in range(10 * seconds):
        if path.exists():
            return
        time.sleep(0.1)
    raise TimeoutError(path)


def test_time_ends_a_training(tracked, words, takes, recipes, tmp_path):
    for stage in STAGES:
        told = recipes / stage / "person.yaml"
        told.write_text(told.read_text().replace("max_epochs: 2", "max_epochs: 100000"))
    assert main([*words(tracked(takes)), "--minutes=0.1"]) == 0
    assert load(tmp_path / "anna.safetensors").trained == STAGES


class TestBadInput:
    def test_too_short(self, tracked, refused, takes):
        assert "4 s that show the face; a person takes 5 s" in refused(tracked(takes[:2]))

    def test_no_shoulders(self, tracked, refused, takes):
        bare = [take._replace(shoulders=take.shoulders[:, :0]) for take in takes]
        film = tracked(bare)
        assert "no shoulders are seen" in refused(film)

    def test_or_a_person_without(self, tracked, words, takes, tmp_path):
        bare = [take._replace(shoulders=take.shoulders[:, :0]) for take in takes]
        assert main([*words(tracked(bare)), "--set=model.shoulders=0"]) == 0

    def test_no_speech(self, tracked, refused, takes):
        mute = [take._replace(mel=torch.full_like(take.mel, -4.0)) for take in takes]
        assert "nobody is heard to speak" in refused(tracked(mute))

    def test_slow_footage(self, refused, made, person, tmp_path):
        slow = person._replace(frames=person.frames[::2], times=person.times[::2])
        assert "12.6 frames a second; lips cannot be followed" in refused(
            made.video(tmp_path / "slow.mp4", slow)
        )

    def test_several_people(self, refused, made, person, tmp_path):
        both = person._replace(frames=np.concatenate([person.frames] * 2, 2))
        line = refused(made.video(tmp_path / "both.mp4", both))
        assert "shows several people; give footage of one person alone" in line

    def test_work_on_other_footage(self, tracked, words, refused, takes, tmp_path):
        film = tracked(takes)
        assert main(words(film)) == 0
        film.write_bytes(b"another film")
        assert "other footage" in refused(film)

    def test_nobody_there(self, refused, tmp_path):
        assert "nowhere" in refused(tmp_path / "nowhere")

    def test_a_file_of_another_version(self, tracked, words, takes, tmp_path, speech, capsys):
        from safetensors.torch import load_file, save_file

        assert main(words(tracked(takes))) == 0
        model = tmp_path / "anna.safetensors"
        save_file(load_file(model), tmp_path / "new.safetensors", {"format": "9"})
        capsys.readouterr()
        assert main(["generate", f"--model={tmp_path / 'new.safetensors'}", f"--audio={speech}",
                     f"--output={tmp_path / 'out.mp4'}"]) == 2  # fmt: skip
        assert "has model format 9, expected" in capsys.readouterr().err
