"""What every method promises. Methods are found, not listed: a new folder is tested."""

import copy
import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from avfuse.errors import InputError
from avfuse.files.weights import read_header
from avfuse.fusion.naming import strategies
from avfuse.method import Method, method_named, methods, name_of
from avfuse.model_file import load, save
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.nest import mapped, tensors_of
from avfuse.runtime.parity import largest_error, trial
from avfuse.runtime.speaker import Past, Speaker
from avfuse.sound.mel import SAMPLE_RATE, mel_spectrogram, mel_windows
from avfuse.speaking.generate import generate
from avfuse.speaking.stream import Stream
from avfuse.types import Seen
from avfuse.video.audio import read_audio
from avfuse.video.read import frames, probe
from avfuse.video.write import VideoWriter

FRAMES = 7
LEVELS = 0.01  # what rounding may do, of 255
VARIANTS = {"everybodys_talkin": {"colours": "skin", "first_frame": True}}
"""Options by which a method prepares or draws in another way."""
SPOKEN = 0.6  # seconds: more than a stream's chunk of 8 frames, and than there is footage


def found():
    """Every method, small; where sound gets in by a strategy, by each of them."""
    for name in methods():
        tiny = dict(method_named(name).tiny)
        yield pytest.param(name, tiny, id=name)
        if name in VARIANTS:
            yield pytest.param(name, {**tiny, **VARIANTS[name]}, id=f"{name}-variant")
        for strategy in strategies() if "fusion" in tiny else ():
            inner = {"inner": {"class_path": "ChannelConcat", "init_args": {}}}
            options = inner if strategy in ("GivenLips", "LandmarkCascade", "LipShape") else {}
            fusion = {"class_path": strategy, "init_args": options}
            yield pytest.param(name, {**tiny, "fusion": fusion}, id=f"{name}-{strategy}")


def lively(method):
    """Random weights and norms that let everything through: a network at rest promises nothing."""
    torch.manual_seed(1)
    for part in method.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.uniform_(-0.2, 0.2)
            part.running_var.uniform_(0.5, 2)
    for name, value in method.named_buffers():
        if not value.any() and value.is_floating_point() and "running" not in name:
            value.uniform_(0.05, 0.2)  # what is fitted to data, such as principal components
    return method.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def built():
    """Methods that were built already, by name and configuration."""
    return {}


@pytest.fixture(scope="module")
def glimpse(tmp_path_factory, made, person):
    """A video of six frames, which whoever speaks for longer goes through forth and back."""
    few = person._replace(
        frames=person.frames[:6], waveform=person.waveform[: 6 * SAMPLE_RATE // 25],
        landmarks=person.landmarks[:6], times=person.times[:6],
    )  # fmt: skip
    return made.video(tmp_path_factory.mktemp("glimpse") / "face.mp4", few, sound=False, crf=8)


@pytest.fixture(scope="module")
def sentence(tmp_path_factory, made, speech):
    waveform = read_audio(speech).numpy()[: round(SPOKEN * SAMPLE_RATE)]
    return made.speech(tmp_path_factory.mktemp("sentence") / "speech.wav", waveform)


def test_methods_are_found():
    known = {"dynamic_kernels", "atvgnet", "everybodys_talkin", "rhythmic_head_motion", "wav2lip"}
    assert known <= set(methods())


def test_an_unknown_one_is_named_with_the_known():
    with pytest.raises(InputError, match=r"'nobody' is unknown; expected .*dynamic_kernels"):
        method_named("nobody")


@pytest.mark.parametrize(("name", "config"), list(found()))
class TestContract:
    @pytest.fixture
    def method(self, name, config, built):
        key = name, json.dumps(config)
        if key not in built:
            torch.manual_seed(0)
            built[key] = lively(method_named(name).build(config))
        return built[key]

    @pytest.fixture
    def heard(self, method):
        """Windows of a noise that never repeats."""
        noise = torch.randn(32_000, generator=torch.Generator().manual_seed(0)) * 0.1
        times = torch.arange(FRAMES, dtype=torch.float64) / 25 + 0.3
        return mel_windows(mel_spectrogram(noise, method.hears.mel), times, method.hears)

    @pytest.fixture
    def seen(self, method):
        """The trial's frames, over and over."""
        given = trial(method).seen
        if given is None:
            return None
        places = torch.arange(FRAMES) % len(given.images)
        points = None if given.landmarks is None else given.landmarks[places]
        return Seen(given.images[places], points)

    @pytest.fixture
    def speaker(self, method):
        return Speaker(EagerRunner(method), trial(method).references)

    def test_it_says_what_it_is(self, method, name):
        assert isinstance(method, Method)
        assert name_of(type(method)) == name
        assert method.paper
        assert method.paper.isprintable()
        assert method.hears.steps >= method.hears.ahead
        assert method.size > 0

    def test_is_built_again_from_its_configuration(self, method, name):
        again = method_named(name).build(json.loads(json.dumps(method.config)))
        assert again.config == method.config
        shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (method, again)]
        assert shapes[0] == shapes[1]

    def test_is_saved_and_loaded_as_one_file(self, method, name, tmp_path):
        path = tmp_path / "model.safetensors"
        save(method, path, credit="nobody")
        header = read_header(path)
        assert (header["format"], header["method"], header["credit"]) == ("2", name, "nobody")
        loaded = load(path)
        assert type(loaded) is type(method)
        assert loaded.config == method.config
        for key, value in loaded.state_dict().items():
            torch.testing.assert_close(value, method.state_dict()[key], rtol=1e-3, atol=1e-4)

    def test_a_clip_cut_anywhere_gives_the_same_frames(self, speaker, heard, seen):
        whole = speaker.step(heard, seen)
        for cuts in ((0, 3, 4, FRAMES), (0, 1, 2, 3, 4, 5, 6, FRAMES)):
            speaker.past = Past()
            parts = [
                speaker.step(heard[a:b], None if seen is None else seen.part(slice(a, b)))
                for a, b in pairwise(cuts)
            ]
            for plane, *pieces in zip(whole, *parts, strict=True):
                if plane is not None:
                    torch.testing.assert_close(torch.cat(pieces), plane, rtol=1e-4, atol=LEVELS)

    def test_state_goes_in_and_out_openly(self, speaker, heard, seen):
        first = speaker.step(heard[:3], None if seen is None else seen.part(slice(3)))
        speaker.past = Past()
        again = speaker.step(heard[:3], None if seen is None else seen.part(slice(3)))
        torch.testing.assert_close(tensors_of(again), tensors_of(first), rtol=0, atol=0)

    def test_sound_that_comes_later_changes_nothing(self, speaker, heard, seen):
        now, later = 4, heard.clone()
        later[now:] = 3.0
        planes = speaker.step(heard, seen)
        speaker.past = Past()
        for one, other in zip(planes, speaker.step(later, seen), strict=True):
            if one is not None:
                torch.testing.assert_close(other[:now], one[:now], rtol=1e-4, atol=LEVELS)

    def test_windows_reach_as_far_ahead_as_it_says(self, method):
        time = torch.tensor([1.0], dtype=torch.float64)
        last = int(method.hears.starts(time)) + method.hears.steps - 1
        assert abs(last - (method.hears.mel.rate + method.hears.ahead - 0.5)) <= 0.5

    @torch.inference_mode()
    def test_draw_permutes_with_its_frames(self, method, heard, seen):
        person = method.meet(trial(method).references, None)
        condition, _ = method.prepare(heard[None], seen, person, None)
        assert all(len(tensor) == FRAMES for tensor in tensors_of(condition))
        images = None if seen is None else seen.images
        order = torch.randperm(FRAMES, generator=torch.Generator().manual_seed(0))
        runner = EagerRunner(method)
        planes = runner.draw(images, condition)
        shuffled = runner.draw(
            None if images is None else images[order], mapped(condition, lambda t: t[order])
        )
        for one, other in zip(planes, shuffled, strict=True):
            if one is not None:
                torch.testing.assert_close(other, one[order], rtol=1e-4, atol=LEVELS)

    def test_a_frame_that_is_not_drawn_is_heard_all_the_same(self, speaker, heard, seen):
        whole = speaker.step(heard, seen)
        speaker.past = Past()
        shown = [0, 1, 4, 6]
        some = speaker.step(heard, seen, shown)
        if not method_named(name_of(type(speaker.runner.method))).whole:
            assert len(some.colour) == len(shown)
        if type(speaker.runner.method).finish is Method.finish:  # or what is not drawn is not kept
            torch.testing.assert_close(some.colour, whole.colour[shown], rtol=1e-4, atol=LEVELS)

    def test_nothing_is_drawn_of_no_frames(self, speaker, heard, seen):
        assert list(speaker.step(heard, seen, []).each()) == []
        assert len(speaker.step(heard[:1], None if seen is None else seen.part(slice(1))).colour)

    def test_lean_is_the_same(self, method):
        lean = EagerRunner(method.lean(torch.float32))
        assert largest_error(lean, EagerRunner(method), trial(method)) < 0.1

    def test_a_copy_shares_nothing(self, method, heard, seen):
        """What goes from frame to frame stands in the state, not in the module."""
        before = copy.deepcopy(method.state_dict())
        Speaker(EagerRunner(method), trial(method).references).step(heard, seen)
        for key, value in method.state_dict().items():
            assert torch.equal(value, before[key])

    def test_generate_writes_a_clip(self, method, glimpse, sentence, tmp_path):
        given = None if method.whole and not method.references else glimpse
        report = generate(given, sentence, tmp_path / "out.mp4", model=method, quiet=True)
        info = probe(tmp_path / "out.mp4")
        assert report.frames == report.frames_with_face == round(SPOKEN * info.fps)
        wanted = (method.size,) * 2 if method.whole else probe(glimpse)[:2]
        assert info[:2] == wanted

    def test_a_stream_shows_what_generate_writes(
        self, method, glimpse, sentence, tmp_path, monkeypatch
    ):
        """To a level, whose sums depend on where they lie in memory; after a reset too."""
        write, written = VideoWriter.write, []

        def kept(self, image, time):
            written.append(image)
            write(self, image, time)

        given = None if method.whole and not method.references else glimpse
        with monkeypatch.context() as patched:
            patched.setattr(VideoWriter, "write", kept)
            generate(given, sentence, tmp_path / "o.mp4", model=method, runner="eager", quiet=True)
        sound = read_audio(sentence).numpy()
        with Stream(method, given, runner="eager", chunk=8) as stream:
            for _ in range(2):
                soon, late = list(stream.push(sound)), list(stream.flush())
                assert len(soon) >= 8
                assert len(soon) + len(late) == len(written)
                for frame, other in zip(soon + late, written, strict=True):
                    assert np.abs(frame.image.astype(int) - other).max() <= 1
                stream.reset()
        empty = given is None or method.whole
        before = 0 if empty else next(frames(glimpse, exact=True)).image
        assert np.abs(written[0].astype(int) - before).max() > 10  # or nothing was drawn at all

    def test_bad_input_is_one_line(self, method, speech, face, tmp_path):
        needs = method.footage or method.references
        wrong = None if needs else face
        with pytest.raises(InputError, match="face") as error:
            generate(wrong, speech, tmp_path / "out.mp4", model=method, quiet=True)
        assert "\n" not in str(error.value)
        assert not (tmp_path / "out.mp4").exists()

    def test_weights_of_nobody_are_not_recognised(self, method):
        assert not type(method).recognises(["nobody.weight"])
