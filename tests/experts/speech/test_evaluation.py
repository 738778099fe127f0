"""How the speech encoder is judged."""

import numpy as np
import pytest
import torch

from avfuse.experts.speech import evaluation
from avfuse.experts.speech.encoder import PhoneNet, load_phone_net
from avfuse.experts.speech.evaluation import named_right, named_silent, pink, table
from avfuse.experts.speech.probe import (
    Heard,
    Ridge,
    correlation,
    encoded,
    loudness,
    read_heard,
    score,
    with_context,
)
from avfuse.experts.speech.voices import invented_speech


def heard(seed, late=0):
    """A clip whose lips follow one mel band, `late` moments behind it."""
    mel = torch.randn(80, 400, generator=torch.Generator().manual_seed(seed))
    times = torch.arange(100, dtype=torch.float64) / 25
    band = mel[40, (times * 80).round().long()]
    return Heard(mel, times, torch.roll(band, late))


def bands(clip):
    return clip.mel[:, (clip.times * 80).round().long()].T


def test_a_probe_finds_what_is_linear():
    ridge = Ridge([heard(seed) for seed in range(6)], bands)
    assert score(ridge, [heard(9)]) > 0.95


def test_a_probe_with_context_sees_other_moments():
    clips, unseen = [heard(seed, late=2) for seed in range(6)], [heard(9, late=2)]
    assert score(Ridge(clips, bands), unseen) < 0.4
    assert score(Ridge(clips, with_context(bands)), unseen) > 0.8


def test_moments_without_a_face_do_not_count():
    clips = [heard(seed) for seed in range(6)]
    clips[0].aperture[:50] = torch.nan
    assert score(Ridge(clips, bands), [clips[0]]) > 0.95


def test_correlation_is_pearsons():
    a, b = np.random.default_rng(0).standard_normal((2, 50))
    found = correlation(torch.from_numpy(a), torch.from_numpy(b))
    assert found == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_features_have_a_row_a_moment():
    clip = heard(0)
    assert loudness(clip).shape == (100, 1)
    net = PhoneNet(width=2).eval()
    assert encoded(net.encoder, 16)(clip).shape == (100, 32)


def test_lips_are_read_beside_their_sound(made, person, tmp_path):
    folder = tmp_path / "ann"
    folder.mkdir()
    video = made.video(folder / "one.mp4", person)
    points = np.concatenate([person.landmarks, np.zeros_like(person.landmarks[..., :1])], 2)
    fps = len(person.times) / (len(person.waveform) / 16_000)
    np.savez(tmp_path / "ann__one.npz", landmarks=points, fps=fps)
    found = read_heard(video, tmp_path, late=0.04)
    assert found.times[0] == 0.04
    assert len(found.times) == len(found.aperture)
    assert found.aperture.abs().max() > 0.01


def test_silence_is_named_by_the_shipped_net():
    net = load_phone_net()
    assert named_silent(net, pink(-np.inf, 2)) > 0.95
    assert named_silent(net, pink(-45, 2)) > 0.9


def test_shares_of_phones_named_right():
    rows = named_right(PhoneNet(width=2).eval(), [invented_speech(0)])
    assert set(rows) == {"all", "speech", "silence"}
    assert all(0 <= value <= 1 for value in rows.values())


def test_pink_noise_has_its_level():
    assert float(pink(-40, 2).square().mean().sqrt()) == pytest.approx(0.01)


def test_table():
    rows = {"one": {"a": 0.5, "b": 1.0}, "two": {"a": 0.25, "b": 0.0}}
    lines = table(rows, "what").splitlines()
    assert lines[0] == "| what | a | b |"
    assert lines[3] == "| two | 0.25 | 0.00 |"


def test_everything_is_printed(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(evaluation, "phone_rows", lambda *args: {"some": {"all": 0.5}})
    monkeypatch.setattr(evaluation, "lip_rows", lambda *args: {"loudness": {"GRID": 0.4}})
    monkeypatch.setattr(evaluation, "pink", lambda level: pink(level, 1))
    evaluation.main([str(tmp_path)])
    printed = capsys.readouterr().out
    assert "named SIL" in printed
    assert "| loudness | 0.40 |" in printed
