"""Noise on landmarks and turned heads, in numbers (Fig. 8)."""

import pytest
import torch

from avfuse import InputError
from avfuse.data.synthetic import synthetic_clip
from avfuse.methods.atvgnet.robustness import (
    Scores,
    by_yaw,
    example,
    main,
    procedural,
    tables,
    under_noise,
)
from avfuse.methods.atvgnet.shape import RIGID
from avfuse.methods.atvgnet.vg_net import Painted
from avfuse.model_file import save

PERFECT = Scores(100.0, 1.0, 0.0)


@pytest.fixture
def one(tiny, made, tmp_path):
    model = tiny()
    clip = made.clip_file(tmp_path / "clip.safetensors", synthetic_clip(5, seconds=0.2, size=96))
    return model, example(clip, model)


class TestExample:
    def test_the_frames_that_follow_lie_on_the_first_one(self, one):
        _, e = one
        assert len(e.truth) == e.heard.shape[1] == 4
        apart = (e.landmarks[0][:, RIGID] - e.still[:, RIGID]).norm(dim=-1)
        assert apart.max() < 0.5  # pixels of 32: what is left is smoothing and eyes

    def test_too_few_frames(self, tiny, made, tmp_path):
        clip = made.clip_file(
            tmp_path / "one.safetensors", synthetic_clip(5, seconds=0.04, size=64)
        )
        with pytest.raises(InputError, match="1 frames with landmarks; at least two"):
            example(clip, tiny())


class TestNoise:
    def test_what_really_happened_is_perfect(self, one, monkeypatch):
        """A network that draws the truth, whatever drives it, has nothing to lose."""
        model, e = one
        video = Painted(e.truth[None], torch.ones_like(e.truth[None, :, :1]), e.truth[None])
        monkeypatch.setattr(model, "forward", lambda *_: video)
        rows = under_noise(model, [e, e], (3.0,))
        assert list(rows) == ["no motion", "true landmarks", "AT-net's", "AT-net's, σ 3 px"]
        assert {*rows.values()} - {rows["no motion"]} == {PERFECT}
        assert rows["no motion"].psnr < 50

    def test_is_added_to_what_was_heard_in_pixels_of_128(self, one, monkeypatch):
        model, e = one
        heard, driving, draw = model.speak(e.image, e.still, e.heard)[1], [], model.forward

        def kept(image, still, landmarks):
            driving.append(landmarks)
            return draw(image, still, landmarks)

        monkeypatch.setattr(model, "forward", kept)
        under_noise(model, [e], (0.0, 1.0, 4.0))
        truth, plain, nothing, little, much = driving
        assert torch.equal(truth, e.landmarks)
        assert torch.equal(plain, nothing)
        torch.testing.assert_close(plain, heard)
        torch.testing.assert_close(much - plain, 4 * (little - plain), atol=1e-4, rtol=1e-4)
        assert (little - plain).std() == pytest.approx(32 / 128, rel=0.1)


class TestYaw:
    def test_each_counts_for_the_nearest_angle(self, one):
        model, e = one
        turned = [e._replace(yaw=yaw) for yaw in (-14.0, 3.0, 4.0)]
        assert list(by_yaw(model, turned, (20.0, 0.0, -10.0))) == [-10.0, 0.0]

    def test_procedural_heads_are_held_as_they_should(self, tiny):
        left, moving, right = procedural(tiny(), 1, 0.08, [-25.0, None, 25.0])
        assert (left.yaw, right.yaw) == (-25.0, 25.0)  # what was asked for, not what was fitted
        assert abs(moving.yaw) < 20
        nose = [float(e.still[0, 30, 0] - e.still[0, [0, 16], 0].mean()) for e in (left, right)]
        assert nose[0] < 0 < nose[1]


def test_tables():
    noise = {"no motion": Scores(30.0, 0.9, 1.0), "AT-net's": Scores(33.0, 0.95, 0.5)}
    text = tables(noise, {-10.0: (noise["AT-net's"], noise["no motion"])})
    assert "| AT-net's | 33.00 | 0.950 | 0.50 |" in text
    assert "| -10 | 33.00 | 0.950 | 0.50 | 3.00 |" in text


class TestMain:
    @pytest.fixture
    def path(self, tiny, tmp_path):
        save(tiny(), tmp_path / "atvgnet.safetensors")
        return str(tmp_path / "atvgnet.safetensors")

    def test_on_procedural_faces(self, path, capsys):
        words = ["--faces=1", "--seconds=0.12", "--sigma", "1", "--yaw", "0", "20"]
        assert main([path, *words]) == 0
        said = capsys.readouterr().out
        assert "| AT-net's, σ 1 px |" in said
        assert "\n| 20 |" in said

    def test_on_videos(self, path, face, tmp_path, capsys):
        words = [f"--clips={face.parent}", f"--cache={tmp_path / 'cache'}", "--sigma", "2"]
        assert main([path, *words]) == 0
        assert "| AT-net's, σ 2 px |" in capsys.readouterr().out

    def test_no_faces(self, path, capsys):
        assert main([path, "--faces=0"]) == 2
        assert "0 faces of 2 s; expected 1 or more" in capsys.readouterr().err

    def test_a_model_of_another_method(self, model, capsys):
        assert main([str(model)]) == 2
        assert "is of dynamic_kernels; give a model of atvgnet" in capsys.readouterr().err
