"""Everybody's Talkin' as a method: what bad footage does, and what its options change."""

import pytest
import torch

from avfuse import InputError, generate
from avfuse.methods.everybodys_talkin import EverybodysTalkin
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.speaker import Speaker
from avfuse.types import Seen
from avfuse.video.picture import write_picture

SIZE, FRAMES = 32, 5


@pytest.fixture
def seen(shapes):
    return Seen((torch.rand(FRAMES, SIZE, SIZE, 3) * 255).byte(), shapes[:FRAMES].clone())


@pytest.fixture
def heard():
    return torch.randn(FRAMES, 80, 80)


def shown(method, heard, seen):
    return Speaker(EagerRunner(method)).step(heard, seen).colour


def test_frames_without_a_face_are_as_if_they_were_not_there(tiny, heard, seen):
    method = tiny()
    there = [0, 2, 4]
    gaps = seen.landmarks.clone()
    gaps[[1, 3]] = float("nan")
    some = Speaker(EagerRunner(method)).step(heard, seen._replace(landmarks=gaps), there)
    alone = shown(method, heard[there], Seen(seen.images[there], seen.landmarks[there]))
    torch.testing.assert_close(some.colour, alone, rtol=1e-4, atol=0.05)


def test_a_face_that_comes_late_begins_then(tiny, heard, seen):
    method = tiny()
    gaps = seen.landmarks.clone()
    gaps[:2] = float("nan")
    speaker = Speaker(EagerRunner(method))
    assert len(speaker.step(heard[:2], Seen(seen.images[:2], gaps[:2]), []).colour) == 0
    late = speaker.step(heard[2:], seen.part(slice(2, None))).colour
    alone = shown(method, heard[2:], seen.part(slice(2, None)))
    torch.testing.assert_close(late, alone)


def test_what_the_lips_of_the_footage_say_is_not_seen(tiny, heard, seen):
    """The square hides them, and lies where the head is, not where the lips are."""
    method = tiny(deflicker=0.0)
    condition, _ = method.prepare(heard[None], seen, (), None)
    mouth = seen.images.clone()
    for image, points in zip(mouth, seen.landmarks, strict=True):
        (x0, y0), (x1, y1) = points[48:68].min(0)[0].int(), points[48:68].max(0)[0].int() + 1
        image[y0:y1, x0:x1] = 0
    other, _ = method.prepare(heard[None], seen._replace(images=mouth), (), None)
    assert torch.equal(condition.stack, other.stack)


@pytest.mark.parametrize("options", [{"id_removing": False}, {"regress": "landmarks"}])
def test_ablations_speak(tiny, heard, seen, options):
    method = tiny(**options)
    assert EverybodysTalkin.build(method.config).config == method.config
    louder = shown(method, heard + 1, seen)
    assert not torch.equal(shown(method, heard, seen), louder)


def test_without_deflicker_frames_are_as_drawn(tiny, heard, seen):
    with_it, without = tiny(), tiny(deflicker=0.0)
    without.load_state_dict(with_it.state_dict())
    drawn, smooth = (shown(method, heard, seen) for method in (without, with_it))
    assert torch.equal(drawn[0], smooth[0])
    assert not torch.equal(drawn[1:], smooth[1:])


def test_noise_is_of_any_colour_or_near_the_skins(tiny):
    for colours, least in (("filmed", 0.0), ("skin", 0.25)):
        noise = tiny(colours=colours).noise
        assert noise.min() == pytest.approx(least, abs=0.01)
        assert noise.max() == pytest.approx(1 - least, abs=0.01)


@pytest.mark.parametrize("first_frame", [False, True])
def test_the_first_frame_is_seen_for_good_where_that_is_asked_for(tiny, heard, seen, first_frame):
    """Its mouth too; without, nothing of it is."""
    method = tiny(deflicker=0.0, history=1, first_frame=first_frame)
    mouth = seen.images.clone()
    x, y = seen.landmarks[0, 48:].mean(0).int()
    mouth[0, y - 1 : y + 2, x - 1 : x + 2] = 0
    drawn, other = (shown(method, heard, s) for s in (seen, seen._replace(images=mouth)))
    assert torch.equal(drawn[-1], other[-1]) != first_frame


def test_a_size_that_does_not_halve_is_refused(plan):
    with pytest.raises(ValueError, match="size=30"):
        EverybodysTalkin(**{**plan, "size": 30})


class TestGenerate:
    @pytest.fixture
    def model(self):
        torch.manual_seed(0)
        method = EverybodysTalkin(**EverybodysTalkin.tiny)
        method.regressed.spread.fill_(0.1)
        return method.eval().requires_grad_(False)

    def test_a_photo_and_footage_of_three_frames_are_footage(
        self, model, person, speech, tmp_path, made
    ):
        write_picture(tmp_path / "photo.png", person.frames[0])
        few = person._replace(
            frames=person.frames[:3], landmarks=person.landmarks[:3], times=person.times[:3]
        )
        made.video(tmp_path / "short.mp4", few, sound=False)
        for name in ("photo.png", "short.mp4"):
            path = tmp_path / f"{name}.out.mp4"
            report = generate(tmp_path / name, speech, path, model=model, quiet=True)
            assert report.frames == report.frames_with_face > 3

    def test_a_box_says_nothing_of_the_mouth(self, model, face, speech, tmp_path):
        box = (20.0, 20.0, 120.0, 120.0)
        with pytest.raises(InputError, match="give no --box"):
            generate(face, speech, tmp_path / "o.mp4", model=model, box=box, quiet=True)
