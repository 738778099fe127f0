"""ATVGnet by the contract: one picture, then sound in pieces of any length."""

import numpy as np
import pytest
import torch

from avfuse.geometry.box import Box
from avfuse.method import method_named, name_of
from avfuse.methods.atvgnet import ATVGnet
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.nest import mapped, tensors_of
from avfuse.runtime.parity import composed
from avfuse.runtime.speaker import Speaker
from avfuse.sound.mel import Hearing
from avfuse.types import Planes, Seen
from avfuse.video.paste import paste

SIZE, FRAMES = 32, 20
VARIANTS = [{}, {"blend": False}, {"recurrent": False}, {"background": "previous"}]


@pytest.fixture(params=VARIANTS, ids=str)
def model(tiny, request):
    return vivid(tiny(**request.param))


def vivid(model):
    """Weights large enough that frames differ from each other."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(2.5)
        model.at_net.decode.weight.mul_(100)
    return model


@pytest.fixture
def seen(shapes):
    return Seen(torch.randint(0, 256, (1, SIZE, SIZE, 3), dtype=torch.uint8), shapes[:1])


@pytest.fixture
def heard():
    return 3 * torch.randn(FRAMES, 80, 8)


def spoken(model, seen, heard, *cuts):
    """Planes of every frame, the sound given in pieces."""
    speaker, pieces = Speaker(EagerRunner(model), seen), torch.tensor_split(heard, cuts)
    parts = [speaker.step(piece, repeated(seen, len(piece))) for piece in pieces]
    return Planes(*(None if p[0] is None else torch.cat(p) for p in zip(*parts, strict=True)))


def repeated(seen, count):
    return Seen(*(x.expand(count, *x.shape[1:]) for x in seen))


def whole(model, seen, heard):
    """The same clip at once, as training has it; levels, channels second."""
    with torch.inference_mode():
        image = seen.images.permute(0, 3, 1, 2) / 255
        return 255 * model.speak(image, seen.landmarks, heard[None])[0].image[0]


def test_is_found_and_says_what_it_needs():
    assert method_named("atvgnet") is ATVGnet
    assert name_of(ATVGnet) == "atvgnet"
    facts = ATVGnet.footage, ATVGnet.references, ATVGnet.landmarks, ATVGnet.whole
    assert facts == (False, 1, True, False)


def test_hears_280_ms_of_which_half_come_later(tiny):
    assert tiny(mel_steps=28).hears == Hearing(28, 14)


class TestSpeaking:
    def test_is_what_is_trained(self, model, seen, heard):
        planes = spoken(model, seen, heard)
        made = composed(seen.images.expand(FRAMES, -1, -1, -1), planes)
        expected = whole(model, seen, heard)
        torch.testing.assert_close(made, expected, atol=1e-3, rtol=0)
        assert (expected[0] - expected[-1]).abs().max() > 0.5

    @pytest.mark.parametrize("cuts", [(1,), (7, 8), (2, 3, 19), tuple(range(1, FRAMES))])
    def test_may_be_cut_anywhere(self, model, seen, heard, cuts):
        once, pieces = (spoken(model, seen, heard, *c) for c in ((), cuts))
        for ours, theirs in zip(pieces, once, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=0)

    def test_what_comes_later_changes_nothing(self, model, seen, heard):
        other = heard.clone()
        other[12:] = torch.randn(FRAMES - 12, 80, 8)
        one, two = (spoken(model, seen, sound).colour for sound in (heard, other))
        torch.testing.assert_close(one[:12], two[:12], atol=1e-3, rtol=0)
        assert not torch.allclose(one[12:], two[12:], atol=1e-2)

    def test_order_matters(self, model, seen, heard):
        order = torch.randperm(FRAMES)
        straight, other = (spoken(model, seen, sound).colour for sound in (heard, heard[order]))
        assert not torch.allclose(other, straight[order], atol=1e-3)

    def test_order_in_a_batch_does_not(self, model, shapes, heard):
        image, mel = torch.rand(3, 3, SIZE, SIZE), heard[:18].unflatten(0, (3, 6))
        people = [2, 0, 1]
        straight = model.speak(image, shapes[:3], mel)[0].image
        other = model.speak(image[people], shapes[:3][people], mel[people])[0].image
        torch.testing.assert_close(other, straight[people], atol=1e-5, rtol=0)


class TestDraw:
    @pytest.fixture
    def condition(self, model, seen, heard):
        return model.prepare(heard[None], None, model.meet(seen, None), None)[0]

    def test_frames_stand_alone(self, model, condition):
        images, order = torch.rand(FRAMES, 3, SIZE, SIZE), torch.randperm(FRAMES)
        drawn = model.draw(images, condition)
        other = model.draw(images[order], mapped(condition, lambda tensor: tensor[order]))
        for ours, theirs in zip(other[:3], drawn[:3], strict=True):
            torch.testing.assert_close(ours, theirs[order], atol=1e-5, rtol=0)

    def test_what_is_the_same_for_all_frames_takes_no_memory(self, condition):
        assert all(len(tensor) == FRAMES for tensor in tensors_of(condition))
        assert condition.fine.stride(0) == condition.still.stride(0) == 0

    def test_keeps_the_pictures_own_texture(self, model, condition):
        """What changes, and no flow: at whatever resolution it is pasted."""
        images = torch.rand(FRAMES, 3, SIZE, SIZE)
        drawn = model.draw(images, condition)
        motion, _ = model.vg_net.draw(condition, torch.float32)
        assert torch.equal(drawn.colour, motion - images)
        assert not drawn.flow.any()
        assert drawn.mask.min() == 1 or model.config["blend"]

    def test_lean_does_the_same(self, model, seen, heard):
        lean = spoken(model.lean(torch.float32), seen, heard)
        torch.testing.assert_close(
            lean.colour, spoken(model, seen, heard).colour, atol=0.05, rtol=0
        )


class TestPrevious:
    """ATVG-P: a frame lies on the last one, which lay on the one before."""

    def test_written_frames_are_the_networks(self, tiny, seen, heard):
        model = vivid(tiny(background="previous"))
        expected = whole(model, seen, heard).permute(0, 2, 3, 1).clamp(0, 255)
        planes = spoken(model, seen, heard, 7, 8)
        box, photo = Box(0.0, 0.0, SIZE, SIZE), seen.images[0].numpy()
        inside = slice(3, -3)  # at the border of the crop the mask fades
        for made, true in zip(planes.each(), expected.numpy(), strict=True):
            pasted = paste(photo, box, made)[inside, inside].astype(float)
            assert np.abs(pasted - true[inside, inside]).max() <= 1.01
        apart = np.abs(expected[-1].numpy() - seen.images[0].numpy())
        assert apart.max() > 50

    def test_nothing_changes_where_nothing_was_drawn(self, tiny, seen, heard):
        model = tiny(background="previous")
        torch.nn.init.constant_(model.vg_net.decode[-1].bias[3], -200.0)
        planes = spoken(model, seen, heard)
        assert not planes.mask.any()
        assert planes.colour.isfinite().all()
