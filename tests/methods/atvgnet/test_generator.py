"""ATVGnet whole: eq. 4, identity and pose, and building it again."""

import inspect
import json

import pytest
import torch

from avfuse.data.synthetic import synthetic_clip
from avfuse.faces.crops import read_landmarks
from avfuse.geometry.box import box_from_landmarks, crop, frame_to_crop
from avfuse.methods.atvgnet import ATVGnet

SIZE = 32


class TestLandmarks:
    def test_the_references_own_coefficients_give_the_reference(self, tiny, shapes):
        """Whoever the six components cannot describe stays who they are."""
        model, stranger = tiny(), shapes[:2] + torch.randn(2, 68, 2)
        same = model.shape.coefficients(stranger).unsqueeze(1).expand(-1, 3, -1)
        expected = stranger.unsqueeze(1).expand(-1, 3, -1, -1)
        torch.testing.assert_close(
            model.landmarks_of(same, stranger), expected, atol=1e-3, rtol=1e-4
        )

    def test_move_from_it_as_eq_4_says(self, tiny, shapes):
        """On the mean face, M + h_t·Uᵀ and M + h_p·Uᵀ differ by what predicted and true do."""
        model, still, h = tiny(), shapes[:1], torch.randn(1, 4, 6)
        pca = model.shape
        eq_4 = [pca.mean + pca.offsets(x) for x in (h, pca.coefficients(still).unsqueeze(1))]
        predicted = pca.alignment(still).apply(model.landmarks_of(h, still)[0])
        moved = predicted - pca.aligned(still)
        torch.testing.assert_close(moved, (eq_4[0] - eq_4[1])[0], atol=1e-3, rtol=1e-3)

    def test_keep_the_references_pose(self, tiny, shapes):
        model, still, h = tiny(), shapes[:1], torch.randn(1, 3, 6)
        turned = torch.stack([-still[..., 1], still[..., 0]], -1) * 1.5 + 4  # a quarter turn
        upright = model.landmarks_of(h, still)
        expected = torch.stack([-upright[..., 1], upright[..., 0]], -1) * 1.5 + 4
        torch.testing.assert_close(model.landmarks_of(h, turned), expected, atol=1e-2, rtol=1e-3)

    def test_boost_all_components_but_the_first(self, tiny, shapes):
        plain, boosted, still = tiny(), tiny(boost=2.0), shapes[:1]
        own = plain.shape.coefficients(still).unsqueeze(1)
        for k, factor in ((0, 1.0), (1, 2.0), (5, 2.0)):
            h = own.clone()
            h[..., k] += 1
            moved = plain.landmarks_of(h, still) - still
            twice = boosted.landmarks_of(h, still) - still
            torch.testing.assert_close(twice, factor * moved, atol=1e-3, rtol=1e-3)


class TestSpeak:
    @pytest.fixture
    def given(self, shapes):
        return torch.rand(2, 3, SIZE, SIZE), shapes[:2], torch.randn(2, 5, 80, 8)

    def test_is_both_networks_one_after_the_other(self, tiny, given):
        model, (image, still, mel) = tiny(), given
        coefficients, _ = model.predict(mel, still)
        expected = model(image, still, model.landmarks_of(coefficients, still))
        assert torch.equal(model.speak(*given)[0].image, expected.image)

    def test_nothing_moves_before_components_were_fitted(self, given):
        """Landmarks stay the reference's, and nothing is NaN."""
        model = ATVGnet(channels=(4, 4, 6, 6, 8), blocks=1, audio_width=2, mel_steps=8, size=SIZE)
        painted, landmarks = model.eval().speak(*given)
        assert painted.image.isfinite().all()
        torch.testing.assert_close(landmarks, given[1].unsqueeze(1).expand_as(landmarks))


def test_is_built_again_from_its_configuration(tiny, shapes):
    model = tiny(blend=False, components=4, boost=1.5)
    assert set(model.config) == set(inspect.signature(ATVGnet).parameters)
    assert json.loads(json.dumps(model.config)) == model.config  # plain values
    again = ATVGnet.build(model.config).eval()
    again.load_state_dict(model.state_dict())
    given = torch.rand(1, 3, SIZE, SIZE), shapes[:1], torch.randn(1, 2, 80, 8)
    assert torch.equal(again.speak(*given)[0].image, model.speak(*given)[0].image)


def test_reads_the_landmarks_of_a_reference():
    clip = synthetic_clip(11, seconds=0.04, size=256)
    box = box_from_landmarks(clip.landmarks[0])
    image = torch.from_numpy(crop(clip.frames[0], box, 128)).permute(2, 0, 1)[None] / 255
    matrix = frame_to_crop(box, 128)
    true = clip.landmarks[0] @ matrix[:, :2].T + matrix[:, 2]
    error = (read_landmarks(image)[0] - torch.from_numpy(true)).norm(dim=-1).mean()
    assert error < 4  # pixels of 128
