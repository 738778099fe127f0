"""LSE: the comparison against a loop, the network against its published facts."""

import numpy as np
import pytest
import torch
from torchmetrics import MetricCollection

from avfuse.errors import InputError
from avfuse.metrics import LSEC, LSED, SyncNet, lse, mfcc, sync_score


@pytest.fixture(scope="module")
def network() -> SyncNet:
    """Random, though with statistics that let differences through to the end."""
    torch.manual_seed(0)
    return SyncNet().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def clip():
    """Nine frames of changing noise and their sound."""
    generator = torch.Generator().manual_seed(0)
    return (
        torch.rand(9, 3, 224, 224, generator=generator),
        torch.randn(9 * 640, generator=generator) * 0.1,
    )


def by_loop(faces, sound, reach):
    """Frame by frame and shift by shift."""
    faces, sound = faces.double().numpy(), sound.double().numpy()
    curve = []
    for shift in range(-reach, reach + 1):
        distances = []
        for index, face in enumerate(faces):
            other = index + shift
            there = sound[other] if 0 <= other < len(sound) else np.zeros_like(face)
            distances.append(np.sqrt(((face - there) ** 2).sum()))
        curve.append(np.mean(distances))
    return min(curve), np.median(curve) - min(curve), reach - 15 - (int(np.argmin(curve)) - 15)


@pytest.mark.parametrize("frames", [1, 12, 40])
def test_score_agrees_with_a_loop(frames):
    faces, sound = torch.randn(2, frames, 8, generator=torch.Generator().manual_seed(frames))
    score = sync_score(faces, sound)
    distance, confidence, offset = by_loop(faces, sound, 15)
    assert score.distance == pytest.approx(distance, rel=1e-5)
    assert score.confidence == pytest.approx(confidence, abs=1e-5)
    assert score.offset == offset


@pytest.mark.parametrize("late", [-4, 0, 7])
def test_offset_says_how_early_the_sound_is(late):
    """Embeddings that agree `late` frames later."""
    common = torch.randn(80, 16, generator=torch.Generator().manual_seed(0))
    faces, sound = common[20:60], common[20 - late : 60 - late]
    score = sync_score(faces, sound)
    assert score.offset == -late
    assert score.confidence > 1


def test_parameters_are_those_of_syncnet(network):
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(13.6e6, rel=0.005)


def test_weights_are_named_as_they_are_passed_around(network):
    """Places of convolutions, norms and linear layers in `syncnet_v2.model`."""
    places = {
        "netcnnaud": (0, 1, 4, 5, 8, 9, 11, 12, 14, 15, 18, 19),
        "netcnnlip": (0, 1, 4, 5, 8, 9, 11, 12, 14, 15, 18, 19),
        "netfcaud": (0, 1, 3),
        "netfclip": (0, 1, 3),
    }
    want = {f"{part}.{place}" for part, numbers in places.items() for place in numbers}
    assert {name.rpartition(".")[0] for name in network.state_dict()} == want


def test_embeddings_are_1024_wide(network):
    assert network.faces(torch.rand(2, 3, 5, 224, 224)).shape == (2, 1024)
    assert network.sound(torch.rand(2, 1, 13, 20)).shape == (2, 1024)


def test_windows_of_frames_and_sound_go_together(network, clip):
    """BGR from 0 to 255 and four MFCC steps a frame; the last window is left out."""
    frames, waveform = clip
    bgr = (frames * 255).round()[:, [2, 1, 0]]
    steps = mfcc(waveform)
    faces = [network.faces(bgr[None, i : i + 5].transpose(1, 2))[0] for i in range(4)]
    sound = [network.sound(steps[None, None, 4 * i : 4 * i + 20].mT)[0] for i in range(4)]
    want = sync_score(torch.stack(faces), torch.stack(sound))
    score = lse(frames, waveform, network)
    assert score.distance == pytest.approx(want.distance.item(), rel=1e-4)
    assert score.confidence == pytest.approx(want.confidence.item(), rel=1e-3)
    assert score.offset == want.offset


@pytest.mark.parametrize("seconds", [0.2, 9 / 25])
def test_the_shorter_of_both_counts(network, clip, seconds):
    frames, waveform = clip
    if seconds < 0.24:
        with pytest.raises(ValueError, match=r"9 frames and 0\.20 s of sound hold no window"):
            lse(frames, waveform[: round(seconds * 16000)], network)
        return
    longer = torch.cat([waveform, waveform])
    assert lse(frames, longer, network).distance > 0


def test_faces_of_another_size(network):
    with pytest.raises(ValueError, match="expected \\(T, 3, 224, 224\\)"):
        lse.__wrapped__(torch.rand(9, 3, 96, 96), torch.rand(9 * 640), network)


def test_both_metrics_share_one_pass(network, clip, monkeypatch):
    passes = []
    faces = network.faces
    monkeypatch.setattr(network, "faces", lambda frames: passes.append(1) or faces(frames))
    scores = MetricCollection([LSED(network), LSEC(network)])
    scores.update(*clip)
    first = len(passes)
    scores.update(*clip)
    assert len(passes) == first + 1
    want = lse(*clip, network)
    assert scores.compute()["LSED"] == pytest.approx(want.distance.item(), rel=1e-5)
    assert scores.compute()["LSEC"] == pytest.approx(want.confidence.item(), rel=1e-5)


def test_loads_what_it_saved_and_nothing_else(network, tmp_path):
    torch.save(
        network.state_dict(), tmp_path / "weights.model", _use_new_zipfile_serialization=False
    )
    loaded = SyncNet.load(tmp_path / "weights.model")
    assert not loaded.training
    assert all(
        torch.equal(a, b) for a, b in zip(network.parameters(), loaded.parameters(), strict=True)
    )
    torch.save({"netcnnaud.0.weight": torch.zeros(3)}, tmp_path / "other.model")
    with pytest.raises(InputError, match=r"does not hold the weights of SyncNet \(syncnet_v2"):
        SyncNet.load(tmp_path / "other.model")
