"""The whole generation on made media: what comes out, and what is left as it was."""

import itertools
import threading
import time
import tracemalloc
import weakref
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from avfuse import Generator, InputError, NoFusion, generate
from avfuse.data.synthetic import synthetic_clip
from avfuse.faces.choose import OneFace
from avfuse.faces.tracker import FixedBox
from avfuse.geometry.box import Box, crop
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.speaker import Speaker
from avfuse.sound.feed import MelFeed
from avfuse.sound.mel import SAMPLE_RATE
from avfuse.speaking.speech import Speech
from avfuse.speaking.stopwatch import Stopwatch
from avfuse.types import Planes
from avfuse.video.audio import duration, mono_blocks, read_audio
from avfuse.video.bounce import forth_and_back
from avfuse.video.paste import paste
from avfuse.video.picture import write_picture
from avfuse.video.read import TimedFrame, frames, probe
from avfuse.video.write import VideoWriter

BOX = (30.0, 30.0, 130.0, 130.0)


def psnr(first, second):
    return 10 * np.log10(255**2 / max(np.mean((first.astype(float) - second) ** 2), 1e-9))


def images(path):
    return [frame.image for frame in frames(path, exact=True)]


@pytest.fixture
def speak(face, speech, generator, tmp_path):
    """Generate with the tiny model, anything of it changed."""

    def run(**changes):
        output = tmp_path / "out.mp4"
        inputs = {"face": face, "audio": speech, "output": output, "box": BOX, "model": generator}
        report = generate(**{**inputs, "quiet": True, **changes})
        return output, report

    return run


class TestOutput:
    def test_keeps_size_and_rate_and_is_as_long_as_the_sound(self, speak, face, speech):
        """The sound is longer than the video, which runs back and forth."""
        output, report = speak()
        info = probe(output)
        assert info[:2] == probe(face)[:2] == (160, 160)
        assert info.fps == pytest.approx(25)
        assert info.duration == pytest.approx(duration(speech), abs=1 / 25)
        assert report.frames == report.frames_with_face == 25
        assert report.fps == pytest.approx(25)

    def test_sound_shorter_than_the_video(self, speak, made, tmp_path):
        short = made.speech(tmp_path / "short.wav", np.full(4800, 0.1, np.float32))
        output, report = speak(audio=short)
        assert report.frames == 8
        assert duration(output) == pytest.approx(0.3, abs=1 / 25)

    def test_runs_forth_and_back(self, speak, face):
        source, result = images(face), images(speak()[0])
        shown = [*range(15), *range(13, 3, -1)]
        for image, number in zip(result, shown, strict=True):
            others = [psnr(image[:25], s[:25]) for s in source]
            assert others[number] > max(others) - 1  # neighbours may look alike

    def test_another_rate(self, speak, made, tmp_path):
        slow = made.video(tmp_path / "slow.mp4", synthetic_clip(11, seconds=0.8, fps=12.5, size=96))
        output, report = speak(face=slow, box=(20.0, 20.0, 76.0, 76.0))
        assert probe(output).fps == pytest.approx(12.5)
        assert report.frames == 13

    def test_is_shown_like_the_face_video(self, speak, face, person, tmp_path):
        """Pixels that are not square, colours of HDR."""
        like = probe(face)._replace(aspect=Fraction(16, 15), primaries=9, transfer=18)
        wide = tmp_path / "wide.mp4"
        with VideoWriter(wide, 160, 160, 25.0, like=like) as writer:
            for image, time in zip(person.frames, person.times, strict=True):
                writer.write(image, float(time))
        assert probe(speak(face=wide)[0])[-3:] == probe(wide)[-3:] == like[-3:]

    def test_outside_the_box_nothing_changes(self, speak, face):
        x0, y0, x1, y1 = map(int, BOX)
        outside = np.ones((160, 160), bool)
        outside[y0 - 1 : y1 + 1, x0 - 1 : x1 + 1] = False
        for before, after in zip(images(face), images(speak()[0]), strict=False):
            assert psnr(before[outside], after[outside]) > 36
            assert psnr(before[~outside], after[~outside]) < 30  # random weights show

    def test_carries_the_speech(self, speak, speech):
        heard, given = read_audio(speak()[0]), read_audio(speech)
        length = min(len(heard), len(given))
        assert np.corrcoef(heard[:length], given[:length])[0, 1] > 0.95

    def test_a_calls_speech_is_whole_though_its_picture_came_late(self, speak, person, tmp_path):
        call, tone = tmp_path / "call.mkv", 0.5 * np.sin(np.arange(2 * SAMPLE_RATE) / 8)
        with av.open(str(call), "w") as container:
            picture = container.add_stream("libx264", rate=25, width=64, height=64)
            sound = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono")
            frame = av.AudioFrame.from_ndarray(tone.astype(np.float32)[None], "fltp", "mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, 0
            container.mux(sound.encode(frame))
            for number in range(25):
                image = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
                image.pts, image.time_base = 25 + number, Fraction(1, 25)
                container.mux(picture.encode(image))
            container.mux([*picture.encode(None), *sound.encode(None)])
        output, report = speak(audio=call)
        assert report.frames == 50
        assert duration(output) == pytest.approx(2.0, abs=0.05)

    def test_a_photo(self, speak, person, tmp_path):
        write_picture(tmp_path / "photo.png", person.frames[0])
        output, report = speak(face=tmp_path / "photo.png")
        assert report.frames == 25
        assert probe(output).fps == pytest.approx(25)
        assert psnr(images(output)[20][:25], person.frames[0][:25]) > 30

    def test_finds_the_face_by_itself(self, speak, person):
        output, report = speak(box=None)
        assert report.frames_with_face == report.frames
        x, y = person.landmarks[0, 48:].mean(0).astype(int)
        mouth = np.s_[y - 8 : y + 8, x - 8 : x + 8]
        assert psnr(images(output)[0][mouth], person.frames[0][mouth]) < 30
        assert psnr(images(output)[0][:8], person.frames[0][:8]) > 33

    def test_frames_without_a_face_pass(self, speak, face, monkeypatch):
        class EveryOther(FixedBox):
            def track(self, given, most=1):
                for number, (frame, found) in enumerate(super().track(given, most)):
                    yield frame, found if number % 2 else ()

        monkeypatch.setattr("avfuse.faces.choose.FixedBox", EveryOther)
        output, report = speak()
        assert (report.frames, report.frames_with_face, report.frames_without_face) == (25, 12, 13)
        assert len(report.without_face) == 13
        assert report.without_face[1] == pytest.approx((0.08, 0.12))
        assert report.without_face[-1] == pytest.approx((0.96, 1.0))
        same = [psnr(a, b) for a, b in zip(images(face), images(output), strict=False)]
        assert min(same[::2]) > max(same[1::2]) + 3

    def test_a_mouth_fades_where_the_face_is_lost(self, speak, face, monkeypatch):
        class Half(FixedBox):
            def track(self, given, most=1):
                for frame, (found,) in super().track(given, most):
                    yield frame, (found._replace(presence=0.5 if frame.time > 0.3 else 1.0),)

        monkeypatch.setattr("avfuse.faces.choose.FixedBox", Half)
        output, report = speak()
        assert report.without_face == []
        before, after = (np.stack(images(path)).astype(int)[:15] for path in (face, output))
        change = np.abs(after - before)[:, 60:100, 60:100].mean((1, 2, 3))
        assert change[8:].mean() == pytest.approx(change[:8].mean() / 2, rel=0.2)

    def test_mouth_only_leaves_the_rest_of_the_face(self, speak, person):
        """A tiny untrained model changes the whole box, unless it may not."""
        x, y = person.landmarks[0, 27:36].mean(0).astype(int)
        nose = np.s_[y - 12 : y, x - 8 : x + 8]
        changed = {}
        for mouth_only in (False, True):
            output, _ = speak(box=None, mouth_only=mouth_only)
            changed[mouth_only] = psnr(images(output)[0][nose], person.frames[0][nose])
        assert changed[True] > 30 > changed[False] + 3

    def test_mouth_only_wants_to_know_where_the_mouth_is(self, speak):
        with pytest.raises(InputError, match="either a box or mouth only"):
            speak(mouth_only=True)

    def test_mouth_only_is_not_quietly_ignored(self, speak, monkeypatch):
        """A backend without landmarks cannot say where the mouth is."""
        blind = FixedBox(BOX)
        monkeypatch.setattr("avfuse.faces.choose.BuiltinTracker", lambda: blind)
        with pytest.raises(InputError, match="reads no landmarks"):
            speak(box=None, mouth_only=True)

    def test_without_blending_the_drawn_picture_covers_the_box(self, speak, face):
        torch.manual_seed(0)
        plain = Generator(NoFusion, channels=(4, 8), audio_width=2, size=64, blend=False)
        plain.heads.register_forward_hook(lambda *given: _grey(given[-1]))
        output, _ = speak(model=plain.eval())
        # Only detail that is finer than the network's crop is left of the frame.
        before, after = (
            np.abs(crop(images(path)[0], Box(*BOX), 64)[20:44, 20:44] - 127.5).mean()
            for path in (face, output)
        )
        assert after < 6 < 20 < before

    def test_a_model_by_its_path(self, speak, model):
        _, report = speak(model=model)
        assert report.model == str(model)


@pytest.fixture(scope="module")
def couple(tmp_path_factory, made, person):
    """A larger face on the left, and a smaller one."""
    small = synthetic_clip(900_002, seconds=0.6, size=128).frames
    canvas = np.full((15, 160, 300, 3), 128, np.uint8)
    canvas[:, :, :160], canvas[:, 16:144, 166:294] = person.frames, small
    path = tmp_path_factory.mktemp("couple") / "couple.mp4"
    return made.video(path, person._replace(frames=canvas), crf=8)


class TestSeveralFaces:
    @pytest.mark.parametrize("index", [0, 1])
    def test_one_of_them_speaks(self, speak, couple, index):
        output, report = speak(face=couple, box=None, face_index=index)
        assert report.frames_with_face == report.frames
        halves = np.s_[:, :158], np.s_[:, 168:]
        for before, after in zip(images(couple), images(output), strict=False):
            assert psnr(before[halves[index]], after[halves[index]]) < 30
            assert psnr(before[halves[1 - index]], after[halves[1 - index]]) > 33

    def test_a_third_is_not_there(self, speak, couple, tmp_path):
        with pytest.raises(InputError, match=r"no face 2, at most 2 seen .* --face-index 0 to 1"):
            speak(face=couple, box=None, face_index=2)
        assert not (tmp_path / "out.mp4").exists()


class TestReport:
    def test_says_what_passed_and_where_each_stage_was_at_work(self, speak):
        start = time.perf_counter()
        seconds = speak()[1].seconds
        passed = time.perf_counter() - start
        stages = {"start", "decode", "faces", "sound", "prepare", "generator", "paste", "encode"}
        assert set(seconds) == {"total"} | stages
        assert 0.8 * passed < seconds["total"] <= passed
        # Stages overlap, but none can have been at work for longer than all of it took.
        assert all(0 < seconds[stage] < seconds["total"] for stage in stages)
        one_thread = "start", "encode"
        assert sum(seconds[stage] for stage in one_thread) <= seconds["total"]
        another = "sound", "prepare", "generator", "paste"
        assert sum(seconds[stage] for stage in another) <= seconds["total"]

    @pytest.mark.parametrize("runner", ["eager", "fast-cpu"])
    def test_says_how_the_network_ran(self, speak, runner):
        assert speak(runner=runner)[1].runner == runner

    def test_runners_make_the_same_video(self, speak):
        one, other = (images(speak(runner=name)[0]) for name in ("eager", "fast-cpu"))
        assert min(psnr(a, b) for a, b in zip(one, other, strict=True)) > 40


@pytest.fixture
def written(monkeypatch):
    """The very frames that are written, and when."""
    frames, write = [], VideoWriter.write

    def kept(self, image, time):
        frames.append(TimedFrame(image, time))
        write(self, image, time)

    monkeypatch.setattr(VideoWriter, "write", kept)
    return frames


class TestOverlap:
    def test_changes_no_bit(self, speak, face, speech, generator, written):
        """The frames are those of one stage after the other."""
        speak(runner="eager")
        speech_of = Speech(Speaker(EagerRunner(generator)), Stopwatch())
        sound = MelFeed(mono_blocks(speech), generator.hears)
        frames = itertools.islice(forth_and_back(face, exact=True), 25)
        plain = list(speech_of.frames(OneFace(FixedBox(BOX)).track(frames), sound))
        for (expected, _), frame in zip(plain, written, strict=True):
            assert frame.time == expected.time
            np.testing.assert_array_equal(frame.image, expected.image)

    def test_an_error_of_any_stage_is_that_of_the_whole(self, speak, monkeypatch, tmp_path):
        def broken(*_, **__):
            raise LookupError("in the middle")

        for stage in ("video.bounce.TimedFrame", "faces.tracker.Face", "speaking.seen.crop"):
            with monkeypatch.context() as patched:
                patched.setattr(f"avfuse.{stage}", broken)
                with pytest.raises(LookupError, match="in the middle"):
                    speak()
            assert not any(t.name == "avfuse-ahead" for t in threading.enumerate())
            assert list(tmp_path.iterdir()) == []


class TestMemory:
    @pytest.mark.parametrize("seconds", [2, 12])
    def test_frames_alive_at_once_are_bounded(self, speak, made, tmp_path, monkeypatch, seconds):
        """What waits in all queues, what the network works on, and nothing behind the encoder."""
        alive, most = 0, 0

        def counted(*given, **options):
            nonlocal alive, most
            for frame in forth_and_back(*given, **options):
                alive, most = alive + 1, max(most, alive + 1)
                weakref.finalize(frame.image, gone)
                yield frame
                del frame

        def gone():
            nonlocal alive
            alive -= 1

        monkeypatch.setattr("avfuse.speaking.scene.forth_and_back", counted)
        silence = np.zeros(seconds * SAMPLE_RATE, np.float32)
        _, report = speak(audio=made.speech(tmp_path / "long.wav", silence))
        assert report.frames == 25 * seconds
        # 2 decoded, 8 tracked, 8 in the network, and those in the stages' hands.
        assert 8 <= most <= 2 + 8 + 8 + 4
        assert alive == 0

    def test_one_new_frame_a_frame(self, speak, monkeypatch, written):
        """The decoder's own array is what is pasted into, the paste's own is what is encoded."""
        decoded, pasted, results = [], [], []

        def kept(*given, **options):
            for frame in forth_and_back(*given, **options):
                decoded.append(frame.image)
                yield frame

        def pasting(frame, *given):
            pasted.append(frame)
            results.append(paste(frame, *given))
            return results[-1]

        monkeypatch.setattr("avfuse.speaking.scene.forth_and_back", kept)
        monkeypatch.setattr("avfuse.speaking.speech.paste", pasting)
        speak()
        assert all(a is b for a, b in zip(pasted, decoded, strict=False))
        assert all(a is b.image for a, b in zip(results, written, strict=True))

    def test_pasting_copies_the_frame_once(self):
        frame = np.zeros((2000, 2000, 3), np.uint8)
        planes = Planes(*(torch.ones(32, 32, *c) for c in ((3,), (), (2,))))
        paste(frame, Box(0.0, 0.0, 50.0, 50.0), planes)  # what is cached
        tracemalloc.start()
        paste(frame, Box(0.0, 0.0, 50.0, 50.0), planes)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert frame.nbytes <= peak < 1.1 * frame.nbytes


class TestRefuses:
    def test_a_video_without_a_face(self, speak, made, person, tmp_path):
        grey = person._replace(frames=np.full_like(person.frames, 128))
        video = made.video(tmp_path / "grey.mp4", grey)
        with pytest.raises(InputError, match=r"grey\.mp4: no face found; .*--box"):
            speak(face=video, box=None)
        assert not (tmp_path / "out.mp4").exists()

    @pytest.mark.parametrize("which", ["face", "audio"])
    def test_an_output_that_is_an_input(self, speak, made, person, tmp_path, which):
        video = made.video(tmp_path / "own.mp4", person)
        before = video.read_bytes()
        with pytest.raises(InputError, match="is an input too"):
            speak(**{which: video}, output=video)
        assert video.read_bytes() == before

    def test_sound_too_short_for_a_frame(self, speak, made, tmp_path):
        blip = made.speech(tmp_path / "blip.wav", np.full(8, 0.1, np.float32))
        with pytest.raises(InputError, match=r"blip\.wav: only 0\.50 ms of sound"):
            speak(audio=blip)
        assert not (tmp_path / "out.mp4").exists()

    def test_an_unknown_runner(self, speak):
        with pytest.raises(InputError, match="runner 'hare' is unknown; expected auto, eager"):
            speak(runner="hare")

    @pytest.mark.parametrize("device", ["cuda", "tpu"])
    def test_a_device_that_is_not_there(self, speak, device, monkeypatch):
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        with pytest.raises(InputError, match=f"device .?{device}"):
            speak(device=device)


def _grey(heads):
    """A grey picture under a mask that would let nothing through."""
    return torch.cat([torch.zeros_like(heads[:, :3]), torch.full_like(heads[:, 3:], -20.0)], 1)


def test_whole_seconds_of_sound_make_whole_seconds_of_frames(
    face, tmp_path, made, generator, monkeypatch
):
    """Timestamps that add up to a little less than the sound's length bring no frame more."""
    short = (f._replace(time=f.time * (1 - 1e-9)) for f in forth_and_back(face))
    monkeypatch.setattr("avfuse.speaking.scene.forth_and_back", lambda *_, **__: short)
    path = made.speech(tmp_path / "two.wav", np.zeros(2 * SAMPLE_RATE, np.float32))
    report = generate(face, path, tmp_path / "out.mp4", model=generator, quiet=True)
    assert report.frames == pytest.approx(2 * report.fps)
