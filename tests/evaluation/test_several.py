"""Several models, of any method, and other systems' videos, in one table."""

import json

import pytest
import torch

from avfuse.cli import main
from avfuse.errors import InputError
from avfuse.evaluation.dubbing import DUBBING
from avfuse.evaluation.evaluate import evaluate_models
from avfuse.evaluation.first_frame import FIRST_FRAME, first_frame
from avfuse.evaluation.spoken import MODEL
from avfuse.method import Method, method_named, methods
from avfuse.model_file import save
from avfuse.speaking.generate import generate


def tiny(name):
    torch.manual_seed(0)
    method = method_named(name).build(dict(method_named(name).tiny))
    for value in method.buffers():
        if value.is_floating_point() and not value.any():
            value.fill_(0.1)  # what is fitted to data
    return method.eval().requires_grad_(False)


STILLS = [name for name in methods() if not method_named(name).footage]


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A model that speaks from a still picture."""
    path = tmp_path_factory.mktemp("still") / "still.safetensors"
    save(tiny(STILLS[0]), path)
    return path


def words(folder, cache, output, *more):
    return [
        "evaluate",
        "--clips",
        str(folder),
        "--cache",
        str(cache),
        "--output",
        str(output),
        *more,
    ]


def test_two_methods_share_a_table(folder, cache, model, still, tmp_path, capsys):
    output, sheet = tmp_path / "out.json", tmp_path / "sheet.png"
    more = ["--model", str(model), "--model", str(still), "--sheet", str(sheet), "--quiet"]
    assert main(words(folder, cache, output, *more)) == 0
    rows = [row["method"] for row in json.loads(output.read_text())["rows"]]
    each = [
        f"{name}{what}" for name in ("tiny", "still") for what in (", silence", ", other sound", "")
    ]
    assert rows == ["truth", "copy first frame", *each]
    assert sheet.exists()


def test_two_of_one_name_are_refused(folder, cache, model, tmp_path):
    other = tmp_path / model.name
    other.write_bytes(model.read_bytes())
    with pytest.raises(InputError, match="two rows would be called 'tiny'"):
        evaluate_models(folder, tmp_path / "o.json", models=[model, other], cache=cache, quiet=True)


def test_a_still_cannot_be_dubbed(folder, cache, still, tmp_path):
    with pytest.raises(InputError, match="dubbing changes footage, and this model speaks from a"):
        evaluate_models(
            folder, tmp_path / "o.json", models=[still], protocol="dubbing", cache=cache, quiet=True
        )


class Whole(Method):
    """Facts alone."""

    paper, whole = "Nobody, Whole", True

    def prepare(self, heard, seen, person, state):
        raise NotImplementedError

    def draw(self, images, condition):
        raise NotImplementedError


@pytest.mark.parametrize("protocol", [FIRST_FRAME, DUBBING], ids=lambda p: p.name)
def test_whole_frames_go_by_videos_only(protocol):
    with pytest.raises(InputError, match="use videos for whole frames"):
        protocol.check(Whole())


@pytest.fixture(scope="module")
def scored(folder, cache, model, still, tmp_path_factory):
    """Two models and another system, by the videos protocol."""
    place = tmp_path_factory.mktemp("videos")
    beside = place / "theirs"
    for speaker in ("anna", "ben"):
        (beside / speaker).mkdir(parents=True)
        video = folder / speaker / "one.mp4"
        generate(video, video, beside / speaker / "one.mp4", model=model, quiet=True)
    return evaluate_models(
        folder,
        place / "out.json",
        models=[model, still],
        protocol="videos",
        beside={"theirs": beside},
        cache=cache,
        quiet=True,
    )


class TestVideos:
    """The protocol that takes any method."""

    def test_has_a_row_for_everybody(self, scored):
        rows = [row["method"] for row in scored["rows"]]
        assert rows == ["truth", "copy first frame", "theirs", "tiny", "still"]
        assert all(row["clips"] == 2 for row in scored["rows"])

    def test_the_copy_is_the_yardstick(self, scored):
        copy = next(row for row in scored["rows"] if row["method"] == "copy first frame")
        assert copy["over_copy"] == pytest.approx(0)

    def test_a_clip_that_a_system_lacks_is_skipped(self, folder, cache, model, tmp_path):
        beside = tmp_path / "theirs" / "anna"
        beside.mkdir(parents=True)
        (beside / "one.mp4").write_bytes((folder / "anna" / "one.mp4").read_bytes())
        scores = evaluate_models(
            folder,
            tmp_path / "out.json",
            models=[model],
            protocol="videos",
            beside={"theirs": beside.parent},
            cache=cache,
            quiet=True,
        )
        assert [skipped["clip"] for skipped in scores["skipped"]] == ["ben/one"]
        assert {row["method"] for row in scores["rows"]} > {MODEL, "theirs"}

    def test_others_go_with_videos_only(self, folder, cache, model, tmp_path, capsys):
        more = ["--model", str(model), "--beside", f"theirs={tmp_path}"]
        assert main(words(folder, cache, tmp_path / "o.json", *more)) == 2
        assert "go with --protocol videos" in capsys.readouterr().err


def test_models_that_are_shown_the_same_share_a_task(folder, cache, model, tmp_path, monkeypatch):
    asked = []

    def task(clip, size, framing):
        asked.append((size, framing))
        return first_frame(clip, size, framing)

    other = tmp_path / "other.safetensors"
    other.write_bytes(model.read_bytes())
    protocol = FIRST_FRAME._replace(task=task)
    monkeypatch.setattr("avfuse.evaluation.evaluate.PROTOCOLS", {protocol.name: protocol})
    options = {"models": [model, other], "cache": cache, "quiet": True}
    evaluate_models(folder, tmp_path / "o.json", **options)
    assert len(asked) == 2  # of two clips


def test_groups_of_their_own(folder, cache, model, tmp_path):
    output = tmp_path / "out.json"
    groups = ["--group", "her=anna", "--group", "him=ben/one", "--model", str(model), "--quiet"]
    assert main(words(folder, cache, output, *groups)) == 0
    rows = json.loads(output.read_text())["clips"]
    assert {(row["group"], row["clip"]) for row in rows} == {
        ("her", "anna/one"),
        ("him", "ben/one"),
    }


def test_several_folders(folder, cache, model, tmp_path):
    output = tmp_path / "out.json"
    more = ["--clips", str(folder / "ben"), "--unseen", "ben", "--model", str(model), "--quiet"]
    assert main(words(folder / "anna", cache, output, *more)) == 0
    assert {row["clip"] for row in json.loads(output.read_text())["clips"]} == {"ben/one"}


def test_a_group_without_a_name(folder, cache, tmp_path, capsys):
    assert main(words(folder, cache, tmp_path / "o.json", "--group", "anna")) == 2
    assert "anna: expected NAME=DIR, or of a group NAME=A,B" in capsys.readouterr().err
