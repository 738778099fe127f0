"""The classifier of speakers: what it hears, what it learns, what is shipped."""

import math

import pytest
import torch
from lightning import Trainer

from avfuse.errors import InputError
from avfuse.experts.speakers.data import STEPS, Seconds, SpeechAndSpeakers
from avfuse.experts.speakers.network import (
    COEFFICIENTS,
    SpeakerNet,
    load_speaker_net,
    save_speaker_net,
    voice_features,
)
from avfuse.experts.speakers.training import SpeakerTraining
from avfuse.sound.mel import SILENCE
from avfuse.video.audio import write_wav


@pytest.fixture
def recordings(tmp_path):
    """Two speakers, one high and one low, each twice."""
    lines = ["path\tcorpus\tspeaker\tlanguage\ttranscript"]
    time = torch.arange(32_000) / 16_000
    generator = torch.Generator().manual_seed(0)
    for name, pitch in (("low", 110.0), ("high", 900.0)):
        for take in range(2):
            tone = torch.sin(2 * math.pi * pitch * (1 + 0.05 * take) * time)
            noise = torch.randn(len(time), generator=generator)
            write_wav(tmp_path / f"{name}{take}.wav", (0.3 * tone + 0.01 * noise).numpy())
            lines.append(f"{name}{take}.wav\tmade\t{name}\ten\t")
    (tmp_path / "index.tsv").write_text("\n".join(lines))
    return tmp_path


def test_silence_is_nothing():
    torch.testing.assert_close(
        voice_features(torch.full((80, 5), SILENCE)), torch.zeros(5, COEFFICIENTS)
    )


def test_learns_to_tell_two_apart_and_writes_them(recordings, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "out" / "speakers.safetensors"
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    data = SpeechAndSpeakers(str(recordings), batch=8, epoch=30)
    trainer.fit(SpeakerTraining(rate=1e-2, width=8, output=str(path), credit="nobody"), data)
    assert trainer.callback_metrics["val/right"] == 1
    net = load_speaker_net(path)
    assert net.speakers == ("made/high", "made/low")
    assert not net.training


def test_speakers_are_drawn_alike():
    """However long each was recorded."""
    heard = [torch.full((100, 2), float(i)) for i in range(4)]
    drawn = Seconds(heard, [0, 0, 0, 1], batch=4000, length=1, seed=0)[0]
    assert drawn.x.shape == (4000, STEPS, 2)
    assert abs(drawn.speaker.float().mean() - 0.5) < 0.03
    assert torch.equal(drawn.speaker, (drawn.x[:, 0, 0] == 3).long())


def test_one_speaker_is_too_few(recordings):
    with pytest.raises(InputError, match="0 speakers to tell apart"):
        SpeechAndSpeakers(str(recordings), without=["made"]).setup()


def test_a_file_is_read_as_it_was_written(tmp_path):
    net, path = SpeakerNet(["a", "b"], width=8).eval(), tmp_path / "net.safetensors"
    save_speaker_net(net, path)
    x = torch.randn(2, 80, COEFFICIENTS)
    torch.testing.assert_close(load_speaker_net(path)(x), net(x), atol=1e-2, rtol=1e-2)


def test_hundreds_of_speakers_are_shipped():
    net = load_speaker_net()
    assert len(net.speakers) > 400
    assert net.coefficients == COEFFICIENTS
    assert sum(p.numel() for p in net.parameters()) < 300_000
