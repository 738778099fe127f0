"""The whole: what each frame is told, how long it waits, and what its options change."""

import pytest
import torch

from avfuse import InputError, Stream
from avfuse.methods.live_speech_portraits import LiveSpeechPortraits
from avfuse.methods.live_speech_portraits.control import Filmed, Given, Held
from avfuse.methods.live_speech_portraits.method import Given as Maps
from avfuse.methods.live_speech_portraits.speech import MEL
from avfuse.sound.mel import mel_spectrogram, mel_windows


@pytest.fixture
def heard():
    """Makes the windows of frames in a row."""
    sound = torch.randn(32_000, generator=torch.Generator().manual_seed(0)) * 0.1

    def make(method, count):
        times = torch.arange(count, dtype=torch.float64) / 60
        return mel_windows(mel_spectrogram(sound, MEL), times, method.hears)

    return make


def test_waits_for_18_frames_of_sound_and_3_of_smoothing():
    method = LiveSpeechPortraits(**{**LiveSpeechPortraits.tiny, "ahead": 18})
    assert method.hears.steps == 2 * (1 + 18 + 3)
    assert method.hears.delay == pytest.approx(22 / 60 + 0.016, abs=0.002)


def test_equals_its_parts_over_the_whole_clip(tiny, heard):
    """The motion of frames in a row is that of networks that see all of the sound at once."""
    method = tiny(mouth_smoothing=0.0, rotation_smoothing=0.0, translation_smoothing=0.0)
    windows = heard(method, 12)
    motion, _ = method.move(windows, None)
    mel = torch.cat([windows[0].T[:-2], windows[..., -2:].mT.flatten(0, 1)])
    h, _ = method.speech(mel[None])
    early, _ = method.mouth(h[0].unflatten(0, (-1, 2)).flatten(1)[None])
    face = method.person.spoken(early[0, method.ahead :], torch.arange(12))
    torch.testing.assert_close(motion.face, face)


def test_pieces_move_as_the_whole(tiny, heard):
    method = tiny()
    windows = heard(method, 40)
    whole, _ = method.move(windows, None)
    first, state = method.move(windows[:1], None)
    second, state = method.move(windows[1:17], state)
    third, _ = method.move(windows[17:], state)
    for every, *parts in zip(whole, first, second, third, strict=True):
        torch.testing.assert_close(torch.cat(parts), every, rtol=1e-4, atol=1e-5)


def test_another_seed_moves_the_head_otherwise(tiny, heard):
    plain, other, still = tiny(), tiny(seed=1), tiny(variety=0.0)
    other.load_state_dict(plain.state_dict())
    still.load_state_dict(plain.state_dict())
    one, two, three = (m.move(heard(m, 20), None)[0] for m in (plain, other, still))
    assert not torch.allclose(one.poses, two.poses)
    assert not torch.allclose(one.poses, three.poses)
    torch.testing.assert_close(one.face, two.face)  # lips are no matter of chance


def test_poses_are_smooth(tiny, heard):
    rough, smooth = tiny(rotation_smoothing=0.0, ahead=12), tiny(ahead=12)
    smooth.load_state_dict(rough.state_dict())
    shaking = [
        m.move(heard(m, 40), None)[0].poses[:, :3].diff(n=2, dim=0).std() for m in (rough, smooth)
    ]
    assert shaking[1] < 0.2 * shaking[0]


def test_control_takes_the_heads_place(tiny, heard):
    method = tiny()
    windows = heard(method, 5)
    free, _ = method.move(windows, None)
    method.control = Held()
    held, _ = method.move(windows, None)
    torch.testing.assert_close(held.poses, method.person.pose_mean.expand(5, -1))
    torch.testing.assert_close(held.face, free.face)
    method.control = Given(torch.full((1, 6), 0.5))
    assert (method.move(windows, None)[0].poses == 0.5).all()
    method.control = Filmed()
    assert torch.equal(method.move(windows, None)[0].poses, method.person.poses[[0] * 5])


def test_maps_show_face_and_shoulders(tiny, heard):
    method, without = tiny(), tiny(shoulders=0)
    motion, _ = method.move(heard(method, 3), None)
    motion = motion._replace(poses=method.person.pose_mean.expand(3, -1))
    maps = method.drawn(motion)
    assert maps.shape == (3, 1, 64, 64)
    lower = without.drawn(motion)[:, :, 56:]
    assert maps[:, :, 56:].sum() > lower.sum()
    assert torch.equal(maps[:, :, :32], without.drawn(motion)[:, :, :32])


def test_candidates_and_map_are_what_is_drawn(tiny):
    method, map_ = tiny(), torch.rand(2, 1, 64, 64)
    method.person.candidates.copy_(torch.randint(0, 255, (4, 3, 64, 64)))
    looks = method.person.candidates.flatten(0, 1).float() / 255
    wanted = method.renderer(torch.cat([map_, looks.expand(2, -1, -1, -1)], 1))
    torch.testing.assert_close(method.draw(None, Maps(map_)).colour, wanted)


@pytest.mark.parametrize(
    "options", [{"candidates": 0}, {"shoulders": 0}, {"residuals": 0}, {"residuals": 2}]
)
def test_table_3s_variants_draw(tiny, heard, options):
    method = tiny(**options)
    given, _ = method.prepare(heard(method, 2)[None], None, (), None)
    assert method.draw(None, given).colour.shape == (2, 3, 64, 64)


def test_state_does_not_grow(tiny, heard):
    method = tiny()
    windows = heard(method, 60)
    _, short = method.move(windows[:5], None)
    _, long = method.move(windows, None)
    shapes = [
        [t.shape for t in state.pose] + [t.shape for t in state.waiting] for state in (short, long)
    ]
    assert shapes[0] == shapes[1]


def test_another_rate_is_refused(tiny):
    with pytest.raises(InputError, match="60 frames a second"):
        Stream(tiny(), fps=25)
    assert Stream(tiny(), fps=60).fps == 60


def test_a_size_that_does_not_halve_is_refused(tiny):
    with pytest.raises(ValueError, match="that 8 divides"):
        tiny(size=60)


def test_is_as_large_as_the_papers():
    """Section 4.3: 4.064, 3.064, 4.267 and 76.204 million parameters."""
    method = LiveSpeechPortraits(bank=10, moments=1)
    parts = (method.speech, method.mouth, method.pose, method.renderer)
    counts = [sum(p.numel() for p in part.parameters()) for part in parts]
    counts[2] += 128 * 128  # nobody reads it; see HeadPose
    assert [round(count / 1e6, 3) for count in counts] == [4.064, 3.064, 4.267, 76.204]
