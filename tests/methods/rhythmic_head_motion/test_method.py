"""Rhythmic Head Motion as a method: whom it meets, how the head moves, and what bad input does."""

import numpy as np
import pytest
import torch

from avfuse import InputError, generate
from avfuse.methods.rhythmic_head_motion import RhythmicHeadMotion
from avfuse.methods.rhythmic_head_motion.method import evenly
from avfuse.runtime.parity import trial
from avfuse.types import Seen
from avfuse.video.picture import write_picture
from avfuse.video.read import frames, probe

FRAMES = 6


@pytest.fixture
def heard():
    return torch.randn(1, FRAMES, 80, 22)


@pytest.fixture
def seen(tiny):
    return trial(tiny()).references


def poses(method, seen, heard, said=None):
    person = method.meet(seen, said)
    return method.move(heard, person, None)[1], person


class TestMeeting:
    def test_a_photo_is_one_reference_and_moves_as_anybody(self, tiny, seen, heard):
        method = tiny()
        person = method.meet(seen.part(slice(1)), None)
        assert len(person.images) == len(person.poses) == 1
        assert torch.equal(person.rhythm.mean[0], person.poses[0])
        anybody = method.motion.know(person.poses[None], None)
        assert torch.equal(person.rhythm.weights.weight, anybody.weights.weight)

    def test_of_a_clip_k_frames_are_references_and_all_are_motion(self, tiny, seen):
        person = tiny(shots=3).meet(seen, torch.randn(len(seen.images), 80, 22))
        assert person.chosen.tolist() == [0, 4, 7]
        assert len(person.poses) == len(seen.images) == 8

    def test_more_references_than_frames_are_the_frames(self, tiny, seen):
        assert len(tiny(shots=99).meet(seen.part(slice(5)), None).images) == 5
        assert evenly(3, 8).tolist() == [0, 1, 2]

    def test_its_motion_and_its_sound_make_the_weights(self, tiny, seen):
        method, said = tiny(), torch.randn(len(seen.images), 80, 22)
        weights = method.meet(seen, said).rhythm.weights.weight
        assert not torch.equal(method.meet(seen, None).rhythm.weights.weight, weights)
        back = Seen(seen.images.flip(0), seen.landmarks.flip(0))
        assert not torch.equal(method.meet(back, said).rhythm.weights.weight, weights)


class TestMotion:
    def test_learnt(self, tiny, seen, heard):
        one, _ = poses(tiny(), seen, heard)
        other, _ = poses(tiny(), seen, 2 * heard)
        assert not torch.equal(one, other)

    def test_given_is_the_clips_own_forth_and_back(self, tiny, seen, heard):
        long = heard.repeat(1, 3, 1, 1)
        made, person = poses(tiny(motion="given"), seen, long)
        there = len(person.poses)
        assert torch.equal(made[:there], person.poses)
        assert torch.equal(made[there], person.poses[there - 2])

    def test_still_is_the_least_rotated(self, tiny, seen, heard):
        made, person = poses(tiny(motion="still"), seen, heard)
        least = person.poses[:, :3].norm(dim=1).argmin()
        assert torch.equal(made, person.poses[least].expand(FRAMES, -1))

    def test_a_file(self, tiny, seen, heard, tmp_path):
        given = torch.tensor([[0.1, 0.0, 0, 0, 0, -1.2], [0.0, 0.2, 0, 0, 0, -1.2]])
        np.savetxt(tmp_path / "poses.txt", given)
        made, _ = poses(tiny(motion=str(tmp_path / "poses.txt")), seen, heard)
        torch.testing.assert_close(made, given.repeat(3, 1))

    def test_what_is_no_motion_is_refused_in_one_line(self, tiny):
        with pytest.raises(InputError, match="sideways: cannot be read as poses") as error:
            tiny(motion="sideways")
        assert "\n" not in str(error.value)

    def test_landmarks_follow_the_pose_and_the_sound(self, tiny, seen, heard):
        method = tiny(motion="still")
        person = method.meet(seen, None)
        one, other = (method.move(x, person, None)[0] for x in (heard, heard + 1))
        assert not torch.equal(one, other)
        turned, _, _ = tiny(motion="given").move(heard, person, None)
        assert not torch.allclose(one, turned, atol=1e-3)


@pytest.mark.parametrize(
    "options",
    [{"space": False}, {"embedding": "average"}, {"composition": "matting"}, {"shots": 1}],
)
def test_ablations_are_drawn_and_built_again(tiny, seen, heard, options):
    method = tiny(**options)
    assert RhythmicHeadMotion.build(method.config).config == method.config
    given, _ = method.prepare(heard, None, method.meet(seen, None), None)
    assert len(given.guides) == (2 if method.space else 1)
    assert method.draw(None, given).colour.shape == (FRAMES, 3, 64, 64)


@pytest.mark.parametrize(
    "wrong", [{"size": 60}, {"shots": 0}, {"history": 0}, {"adaptive": 9}, {"channels": [4, 4]}]
)
def test_what_cannot_be_built_is_said(plan, wrong):
    with pytest.raises(ValueError, match="expected"):
        RhythmicHeadMotion(**{**plan, **wrong})


def test_the_papers_sizes():
    with torch.device("meta"):
        method = RhythmicHeadMotion()
    assert method.size == 256
    assert method.references == 64
    assert 0.27 < method.hears.steps / method.hears.mel.rate < 0.285
    weights = method.motion.decode.weight_shape
    assert weights[0] * weights[1] + 6 == 256 * 6 + 6


class TestGenerate:
    @pytest.fixture
    def model(self, tiny):
        return tiny()

    def spoken(self, model, face, speech, path, **options):
        generate(face, speech, path, model=model, options=options, quiet=True)
        return [frame.image for frame in frames(path, exact=True)]

    def test_a_photo_and_a_short_clip_will_do(self, model, person, speech, tmp_path, made):
        write_picture(tmp_path / "photo.png", person.frames[0])
        few = person._replace(
            frames=person.frames[:3], landmarks=person.landmarks[:3], times=person.times[:3]
        )
        made.video(tmp_path / "short.mp4", few, sound=False)
        for name in ("photo.png", "short.mp4"):
            shown = self.spoken(model, tmp_path / name, speech, tmp_path / f"{name}.out.mp4")
            assert len(shown) == round(probe(tmp_path / f"{name}.out.mp4").fps)

    def test_motion_and_references_are_options_of_the_verb(self, model, face, speech, tmp_path):
        still, given = (
            self.spoken(model, face, speech, tmp_path / f"{motion}.mp4", motion=motion, shots=2)
            for motion in ("still", "given")
        )
        assert any((a != b).any() for a, b in zip(still, given, strict=True))

    def test_a_face_that_comes_late_is_met_then(self, model, person, speech, tmp_path, made):
        late = person._replace(frames=person.frames.copy())
        late.frames[:4] = 128
        made.video(tmp_path / "late.mp4", late, crf=8)
        assert self.spoken(model, tmp_path / "late.mp4", speech, tmp_path / "out.mp4")

    def test_sound_shorter_than_the_window(self, model, face, tmp_path, made):
        short = made.speech(tmp_path / "short.wav", 0.1 * np.ones(1600, np.float32))
        assert len(self.spoken(model, face, short, tmp_path / "out.mp4")) >= 2

    def test_nobody_is_one_line(self, model, speech, tmp_path):
        write_picture(tmp_path / "grey.png", np.full((120, 120, 3), 128, np.uint8))
        with pytest.raises(InputError) as error:
            self.spoken(model, tmp_path / "grey.png", speech, tmp_path / "out.mp4")
        assert "\n" not in str(error.value)
        assert not (tmp_path / "out.mp4").exists()
