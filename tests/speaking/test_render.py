"""Renderings by a teacher: what is made, what is kept, who is skipped; and a training on them."""

import shutil

import pytest

from avfuse import InputError
from avfuse.cli import main
from avfuse.data.synthetic import synthetic_clip
from avfuse.data.taught import MANIFEST, read_manifest
from avfuse.speaking.cast import planned
from avfuse.speaking.render import Teacher, render_pairs
from avfuse.video.audio import duration


@pytest.fixture
def folders(tmp_path, face, made):
    """Two people and three recordings."""
    people, speech = tmp_path / "people", tmp_path / "speech"
    (people / "more").mkdir(parents=True)
    speech.mkdir()
    shutil.copy(face, people / "anna.mp4")
    shutil.copy(face, people / "more" / "ben.mp4")
    for words in (1, 2, 3):
        waveform = synthetic_clip(words, seconds=0.6, size=32).waveform
        made.speech(speech / f"{words}.wav", waveform)
    return people, speech, tmp_path / "pairs"


def words(folders, model, *more):
    people, speech, output = folders
    return ["render-pairs", f"--people={people}", f"--speech={speech}", f"--output={output}",
            f"--model={model}", "--device=cpu", "--quiet", *more]  # fmt: skip


class TestDraw:
    @staticmethod
    def drawn(people, speech, count=2, seed=0):
        plan = planned(people, speech, people / "out", count, seed)
        return {(job.person, job.recording.name) for job in plan}

    def test_each_person_says_so_many(self, folders):
        people, speech, _ = folders
        drawn = self.drawn(people, speech)
        assert sorted(person for person, _ in drawn) == ["anna", "anna", "more__ben", "more__ben"]
        assert drawn == self.drawn(people, speech)
        assert len({frozenset(self.drawn(people, speech, seed=s)) for s in range(8)}) > 1
        assert len(self.drawn(people, speech, count=550)) == 6

    def test_who_joins_changes_nothing_for_others(self, folders):
        people, speech, _ = folders
        before = self.drawn(people, speech)
        shutil.copy(people / "anna.mp4", people / "aaron.mp4")
        assert before < self.drawn(people, speech)

    def test_nobody_says_their_own_words(self, folders):
        people, _, _ = folders
        assert self.drawn(people, people) == {
            ("anna", "ben.mp4"),
            ("more__ben", "anna.mp4"),
        }

    def test_two_of_one_name(self, folders):
        people, speech, _ = folders
        shutil.copy(people / "anna.mp4", people / "anna.mov")
        with pytest.raises(InputError, match="have one name; rename one of them"):
            self.drawn(people, speech)


def test_rendered_kept_and_trained_on(folders, recipes, tiny_training, tmp_path):
    """From people and recordings to a step of training, the paper's scheme end to end.

    The bundled model is the teacher: what a random one renders is no face any more.
    """
    _, _, output = folders
    model = "default"
    assert main(words(folders, model, "--count=2", "--seconds=0.4")) == 0
    lines = read_manifest(output)
    assert len(lines) == 4
    for line in lines:
        assert duration(output / line.video) == pytest.approx(0.4, abs=0.05)
        assert line.seconds == pytest.approx(0.4, abs=0.05)
    stamps = {line.video: (output / line.video).stat().st_mtime_ns for line in lines}
    (output / lines[0].video).unlink()
    assert main(words(folders, model, "--count=2", "--seconds=0.4")) == 0
    again = {line.video: (output / line.video).stat().st_mtime_ns for line in lines}
    assert {video for video in stamps if stamps[video] != again[video]} == {lines[0].video}
    assert sorted(read_manifest(output)) == sorted(lines)
    fit = ["fit", f"--config={recipes / 'base.yaml'}", *tiny_training, "--model.fusion=NoFusion",
           "--data.synthetic=0", f"--data.pairs={output}"]  # fmt: skip
    assert main(fit) == 0
    assert list((tmp_path / "run").rglob("last.ckpt"))


def test_a_lost_line_is_written_again(folders, model):
    people, speech, output = folders
    render_pairs(people, speech, output, teacher=Teacher(str(model), "cpu"), count=1, quiet=True)
    before = read_manifest(output)
    (output / MANIFEST).unlink()
    done = render_pairs(
        people, speech, output, teacher=Teacher(str(model), "cpu"), count=1, quiet=True
    )
    assert (done.made, done.kept) == (0, 2)
    assert [line._replace(seconds=0) for line in read_manifest(output)] == [
        line._replace(seconds=0) for line in before
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_who_fails_is_skipped_and_listed(folders, model, capsys, jobs):
    people, speech, output = folders
    (people / "bad.mp4").write_bytes(b"no video")
    (speech / "1.wav").write_bytes(b"no sound")
    assert main(words(folders, model, "--count=3", f"--jobs={jobs}")) == 1
    assert {line.person for line in read_manifest(output)} == {"anna", "more__ben"}
    assert len(read_manifest(output)) == 4  # both say what can be heard
    said = capsys.readouterr().err
    assert "skipped bad: " in said
    assert said.count("1.wav") >= 2


def test_another_model_goes_elsewhere(folders, model, tmp_path):
    assert main(words(folders, model, "--count=1")) == 0
    other = shutil.copy(model, tmp_path / "other.safetensors")
    assert main(words(folders, other, "--count=1")) == 2


@pytest.mark.parametrize("more", ["--count=0", "--jobs=0", "--seconds=0"])
def test_numbers_that_make_nothing(folders, model, more, capsys):
    assert main(words(folders, model, more)) == 2
    assert "expected at least one each" in capsys.readouterr().err
