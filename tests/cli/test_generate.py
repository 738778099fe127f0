"""`avfuse generate` on real files: what it says and writes, and what it never leaves behind."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from avfuse.cli import main
from avfuse.video.read import probe

BOX = "30,30,130,130"


@pytest.fixture
def output(tmp_path):
    """Something stands there already, and has to survive every failure."""
    path = tmp_path / "out" / "speaking.mp4"
    path.parent.mkdir()
    path.write_bytes(b"what stood there")
    return path


@pytest.fixture
def words(face, speech, model, output):
    """`avfuse generate` with every option as it should be, some of them changed."""

    def make(**changes):
        options = {"face": face, "audio": speech, "output": output, "model": model, "box": BOX}
        options = {**options, **changes}
        pairs = [(f"--{k.replace('_', '-')}", str(v)) for k, v in options.items() if v is not None]
        return ["generate", *(word for pair in pairs for word in pair)]

    return make


def damaged(path, like, share=0.5):
    content = like.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


class TestGenerate:
    def test_writes_a_video_and_a_report(self, words, output, tmp_path, capsys):
        report = tmp_path / "report.json"
        assert main(words(report=report)) == 0
        assert probe(output).duration == pytest.approx(1.0, abs=1 / 25)
        content = json.loads(report.read_text())
        assert set(content) == {
            "frames", "frames_with_face", "frames_without_face", "without_face", "fps", "seconds",
            "model", "device", "runner"
        }  # fmt: skip
        assert content["frames"] == content["frames_with_face"] == 25
        assert (content["frames_without_face"], content["without_face"]) == (0, [])
        assert content["device"] in {"cpu", "cuda"}
        said = capsys.readouterr()
        assert "25 frames, 25 with a face" in said.out
        assert said.err == ""  # no progress bar where nobody watches
        assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "report.json"]
        assert [p.name for p in output.parent.iterdir()] == [output.name]

    def test_quiet_says_nothing(self, words, capfd):
        assert main([*words(), "--quiet"]) == 0
        assert capfd.readouterr() == ("", "")

    def test_as_a_program(self, words, output):
        command = [sys.executable, "-m", "avfuse.cli", *words(face="nowhere.mp4")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr == "avfuse: nowhere.mp4: no such file; check the path\n"


class TestBadInput:
    """Exit code 2, one line that names what is wrong, and everything as it was."""

    @pytest.fixture
    def refused(self, words, output, capfd):
        def run(says, **changes):
            assert main(words(**changes)) == 2
            said = capfd.readouterr()
            assert said.out == ""
            (line,) = said.err.splitlines()
            assert line.startswith("avfuse: ")
            assert says in line
            assert output.read_bytes() == b"what stood there"
            assert [p.name for p in output.parent.iterdir()] == [output.name]

        return run

    @pytest.mark.parametrize("what", ["face", "audio"])
    def test_a_missing_file(self, refused, tmp_path, what):
        refused("nowhere.xyz", **{what: tmp_path / "nowhere.xyz"})

    @pytest.mark.parametrize("what", ["face", "audio"])
    def test_an_empty_file(self, refused, tmp_path, what):
        (tmp_path / "empty.mp4").touch()
        refused("empty.mp4", **{what: tmp_path / "empty.mp4"})

    @pytest.mark.parametrize("what", ["face", "audio"])
    def test_a_text_file(self, refused, tmp_path, what):
        (tmp_path / "text.mp4").write_text("no media at all\n" * 100)
        refused("text.mp4", **{what: tmp_path / "text.mp4"})

    @pytest.mark.parametrize("what", ["face", "audio"])
    def test_a_folder(self, refused, tmp_path, what):
        refused(str(tmp_path), **{what: tmp_path})

    @pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
    def test_a_truncated_video(self, refused, tmp_path, face, share):
        refused("cut.mp4", face=damaged(tmp_path / "cut.mp4", face, share))

    @pytest.mark.parametrize("share", [0.001, 0.5])
    def test_a_truncated_recording(self, refused, tmp_path, speech, share):
        refused("cut.wav", audio=damaged(tmp_path / "cut.wav", speech, share))

    def test_a_video_without_a_face(self, refused, tmp_path, made, person):
        grey = person._replace(frames=np.full_like(person.frames, 128))
        refused("no face found", face=made.video(tmp_path / "grey.mp4", grey), box=None)

    def test_a_video_without_sound(self, refused, tmp_path, made, person):
        silent = made.video(tmp_path / "silent.mp4", person, sound=False)
        refused("has no sound", audio=silent)

    def test_sound_of_no_length(self, refused, tmp_path, made):
        nothing = made.speech(tmp_path / "nothing.wav", np.zeros(0, np.float32))
        refused("nothing.wav", audio=nothing)

    def test_a_recording_as_the_face(self, refused, speech):
        refused("has no picture", face=speech)

    def test_an_output_without_a_folder(self, refused, tmp_path):
        refused("does not exist", output=tmp_path / "nowhere" / "out.mp4")

    def test_an_output_that_is_a_folder(self, refused, tmp_path):
        (tmp_path / "folder.mp4").mkdir()
        refused("is a folder", output=tmp_path / "folder.mp4")

    def test_an_output_of_an_unknown_kind(self, refused, tmp_path):
        refused(".mp4, .mov, .mkv", output=tmp_path / "out.avi")

    def test_a_report_that_cannot_be_written(self, refused, tmp_path):
        refused("nowhere", report=tmp_path / "nowhere" / "report.json")
        refused("no such name is possible", report=tmp_path / ("n" * 256))

    def test_an_unknown_model(self, refused):
        refused("see avfuse models", model="nobody")

    def test_a_model_that_is_none(self, refused, speech):
        refused("is not a model file", model=speech)

    @pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "9,9,1,1", "500,500,600,600"])
    def test_a_box_that_is_none(self, refused, box):
        refused("X0,Y0,X1,Y1", box=box)

    def test_a_face_that_is_not_there(self, refused):
        refused("no face 1, at most 1 seen at a time", face_index=1, box=None)

    def test_a_negative_face_index(self, refused):
        refused("is negative", face_index=-1, box=None)

    def test_a_box_and_a_face_index(self, refused):
        refused("give one of them", face_index=1)

    def test_a_gpu_that_is_not_there(self, refused, monkeypatch):
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        refused("--device cpu", device="cuda")

    def test_an_option_that_the_model_does_not_have(self, refused):
        refused("channels is no option of this model", set="channels=3")
        refused("expected OPTION=VALUE", set="motion")
        refused("cannot be read", set="motion=[")

    def test_an_unknown_runner(self, refused):
        refused("auto, eager, fast-cpu", runner="hare")

    def test_no_face_where_one_is_needed(self, refused):
        refused("give a video or photo of it", face=None, box=None)


class TestInterrupted:
    def test_leaves_nothing(self, words, output, tmp_path, monkeypatch, capfd):
        pasted = []

        def paste(frame, *_):
            pasted.append(frame)
            if len(pasted) > 3:
                raise KeyboardInterrupt
            return frame

        monkeypatch.setattr("avfuse.speaking.speech.paste", paste)
        assert main(words(report=tmp_path / "report.json")) == 130
        assert capfd.readouterr().err == "avfuse: interrupted; no file was left half written\n"
        assert output.read_bytes() == b"what stood there"
        assert [p.name for p in output.parent.iterdir()] == [output.name]
        assert not (tmp_path / "report.json").exists()

    @pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
    def test_by_a_signal(self, words, output, made, tmp_path, interruptible, ending):
        """In the middle of a long video, with every stage at work in its thread."""
        hours = made.speech(tmp_path / "long.wav", np.zeros(600 * 16_000, np.float32))
        command = [sys.executable, "-m", "avfuse.cli", *words(audio=hours)]
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, **interruptible
        ) as program:
            while not any(p.stat().st_size > 1000 for p in output.parent.glob(".speaking.*")):
                assert program.poll() is None
                time.sleep(0.05)
            program.send_signal(ending)
            _, said = program.communicate()
        assert program.returncode == 130
        assert said == "avfuse: interrupted; no file was left half written\n"
        assert output.read_bytes() == b"what stood there"
        assert [p.name for p in output.parent.iterdir()] == [output.name]
