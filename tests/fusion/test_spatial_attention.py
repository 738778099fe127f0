"""What ties sound to places, and what does not: the paper's argument of Fig. 8."""

import pytest
import torch
from jaxtyping import TypeCheckError

from avfuse import ChannelConcat, Condition, Dims, DynamicKernel, SpatialAttention

DIMS = Dims(visual=(8,), audio=12)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def speech():
    return Condition(torch.rand(1, 2, 12))


@pytest.mark.parametrize(
    ("strategy", "follows"),
    [(DynamicKernel, True), (ChannelConcat, True), (SpatialAttention, False)],
)
def test_sound_moves_with_the_face(strategy, follows):
    """A face elsewhere in the crop is changed in the same way, only elsewhere (VI-D)."""
    fusion = strategy(DIMS).eval()
    condition = fusion.prepare(speech()).fold()
    y = torch.zeros(2, 8, 16, 16)
    y[:, :, 6:10, 6:10] = torch.randn(2, 8, 4, 4)
    here, there = (fusion((x,), condition).features[-1] for x in (y, y.roll(4, 2)))
    assert torch.allclose(here.roll(4, 2), there, atol=1e-5) == follows


def test_maps_keep_their_place_at_any_size():
    """The picture twice as large: the same maps, twice as large."""
    fusion = SpatialAttention(DIMS).eval()
    with torch.no_grad():
        fusion.project.weight.zero_()
        corner = fusion.project.bias.zero_().view(16, 8, 8)
        corner[:, :2, :2] = 1.0  # sound in the upper left quarter of a quarter, nowhere else
    deaf = SpatialAttention(DIMS).eval()
    deaf.load_state_dict(fusion.state_dict())
    torch.nn.init.zeros_(deaf.project.bias)
    for size in (8, 16, 40):
        features = (torch.randn(2, 8, size, size),)
        heard, unheard = (f(features, f.prepare(speech()).fold()) for f in (fusion, deaf))
        difference = (heard.features[-1] - unheard.features[-1]).abs().amax(1)
        far = size // 2
        assert difference[:, : size // 8, : size // 8].min() > 0
        assert difference[:, far:, far:].max() == 0


def test_closed_attention_lets_nothing_in():
    fusion = SpatialAttention(DIMS).eval()
    closing = fusion.attend[1]
    torch.nn.init.zeros_(closing.weight)
    torch.nn.init.constant_(closing.bias, -1e4)
    features = (torch.randn(2, 8, 8, 8),)
    fused = fusion(features, fusion.prepare(speech()).fold())
    torch.testing.assert_close(fused.features[-1], fusion.middle(features[-1].clone()))


class TestAtTheImagesResolution:
    """The paper's own form (VI-D): 16 x H x W, where H x W is the image's."""

    PYRAMID = Dims(visual=(8, 12), audio=12)

    @pytest.fixture
    def fusion(self):
        return SpatialAttention(self.PYRAMID, place="image").eval()

    @staticmethod
    def pyramid(size=32):
        return torch.randn(2, 8, size, size), torch.randn(2, 12, size // 2, size // 2)

    def test_attention_is_of_the_images_size(self, fusion):
        seen = []
        fusion.attend.register_forward_hook(lambda _, __, found: seen.append(found.shape))
        fusion(self.pyramid(), fusion.prepare(speech()).fold())
        assert seen == [(2, 1, 64, 64)]  # the finest features are of half of it

    def test_sound_reaches_every_level(self, fusion):
        features = self.pyramid()
        one, other = (fusion(features, fusion.prepare(speech()).fold()) for _ in range(2))
        for a, b in zip(one.features, other.features, strict=True):
            assert not torch.equal(a, b)

    def test_sound_stays_in_its_place(self, fusion):
        """Maps that differ in one corner change the features near that corner only."""
        quiet, loud = torch.zeros(2, 2, 16, 8, 8)
        loud[:, :, 0, 0] = 1.0
        features = self.pyramid()
        fused = [fusion(features, Condition(m.flatten(1))).features[0] for m in (quiet, loud)]
        changed = (fused[1] - fused[0]).abs().amax((0, 1))
        assert changed[0, 0] > 0
        assert changed[16:].max() == changed[:, 16:].max() == 0

    def test_other_places_are_refused(self):
        with pytest.raises(TypeCheckError, match="place"):  # elsewhere than in tests, ValueError
            SpatialAttention(DIMS, place="skip")
