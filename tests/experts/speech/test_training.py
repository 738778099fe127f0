"""What the speech encoder learns from, that it learns, its file and its recipe."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from avfuse.errors import InputError
from avfuse.experts.speech.data import SpeechAndPhones, at_most, shares, split_speakers
from avfuse.experts.speech.encoder import (
    MOMENTS,
    PhoneNet,
    load_phone_net,
    load_speech_encoder,
    save_phone_net,
)
from avfuse.experts.speech.phones import PHONES, UNKNOWN
from avfuse.experts.speech.recordings import Recording
from avfuse.experts.speech.training import SpeechTraining, correct, main
from avfuse.experts.speech.voices import invented_speech
from avfuse.experts.speech.windows import SpokenWindows, WholeRecordings
from avfuse.layers.audio_encoder import AudioEncoder
from avfuse.sound.mel import mel_spectrogram

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def spoken():
    return [invented_speech(seed) for seed in range(3)]


def samples(spoken, **options):
    settings = {"steps": 16, "moments": MOMENTS, "length": 4, "windows": 6, "nothing": 0.0}
    return SpokenWindows(spoken, [1.0] * len(spoken), seed=0, **(settings | options))


def test_items_are_the_same_each_time_and_differ(spoken):
    first, again, other = samples(spoken)[3], samples(spoken)[3], samples(spoken)[4]
    assert first.mel.shape == (6, 80, 16)
    assert first.labels.shape == (6, 3)
    assert torch.equal(first.mel, again.mel)
    assert not torch.equal(first.mel, other.mel)


def test_labels_belong_to_their_windows(spoken):
    sibilants = torch.tensor([PHONES.index(name) for name in ("S", "SH")])
    vowels = torch.tensor([PHONES.index(name) for name in ("AA", "OW", "UW")])
    drawn = [samples(spoken)[i] for i in range(40)]
    mel, labels = torch.cat([d.mel for d in drawn]), torch.cat([d.labels for d in drawn])
    # Sibilants are bright, vowels are not: at each of the window's moments.
    bright = mel[:, 50:].mean(1) - mel[:, :30].mean(1)
    for place, moment in enumerate(MOMENTS):
        is_s, is_v = (torch.isin(labels[:, place], x) for x in (sibilants, vowels))
        assert bright[is_s, moment].mean() > bright[is_v, moment].mean() + 0.5


def test_where_nobody_talks_everything_is_silence(spoken):
    assert (samples(spoken, nothing=1.0)[0].labels == 0).all()


def test_whole_recordings_are_scored_as_they_are(spoken):
    windows = WholeRecordings(spoken, 16, MOMENTS, stride=5)[1]
    mel = mel_spectrogram(spoken[1].sound.float() / 32768)
    assert torch.equal(windows.mel[2], mel[:, 10:26])
    assert windows.labels[2].tolist() == [int(spoken[1].labels[10 + m]) for m in MOMENTS]


def test_short_recordings_are_scored_too(spoken):
    short = spoken[0]._replace(sound=spoken[0].sound[:1000], labels=spoken[0].labels[:6])
    windows = WholeRecordings([short], 16, MOMENTS)[0]
    assert windows.mel.shape == (1, 80, 16)
    assert windows.labels[0].tolist() == [int(short.labels[4]), UNKNOWN, UNKNOWN]


def test_speakers_are_trained_on_or_held_back(spoken):
    train, held = split_speakers(spoken, {"invented/1"}, 0)
    assert [s.speaker for s in held] == ["invented/1"]
    assert [s.speaker for s in train] == ["invented/0", "invented/2"]
    many = [spoken[0]._replace(speaker=f"a/{n}", corpus="a") for n in range(400)]
    train, held = split_speakers(many, set(), 10)
    assert 20 < len(held) < 60
    # Who is held back does not depend on who else is there.
    assert split_speakers(held[:3] + train[:3], set(), 10) == (train[:3], held[:3])
    with pytest.raises(InputError, match="nobody"):
        split_speakers(spoken, {"nobody"}, 0)


def test_of_a_speaker_no_more_than_some_are_read():
    found = [Recording(Path(f"{n}.wav"), "a", f"a/{n % 2}", "") for n in range(6)]
    assert [r.path.stem for r in at_most(found, 2)] == ["0", "1", "2", "3"]


def test_evenness(spoken):
    two = [s._replace(speaker=who) for s, who in zip(spoken, "aab", strict=True)]
    lengths = [float(len(s.labels)) for s in two]
    assert shares(two, 0.0) == lengths
    even = shares(two, 1.0)
    assert even[0] + even[1] == pytest.approx(even[2])


def test_unknown_phones_do_not_count():
    logits = torch.eye(3)
    assert correct(logits, torch.tensor([0, 0, UNKNOWN])).tolist() == [1, 0]


def test_one_step_lowers_the_loss(spoken):
    torch.manual_seed(0)
    model = SpeechTraining()
    model.net = PhoneNet(width=4)
    model.log_dict = lambda *args, **kwargs: None
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    items = [samples(spoken, windows=8)[i] for i in range(4)]
    batch = type(items[0])(*map(torch.stack, zip(*items, strict=True)))
    losses = []
    for _ in range(12):
        loss = model.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_file(tmp_path):
    net = PhoneNet(width=4, moments=(7,)).eval()
    path = tmp_path / "net.safetensors"
    save_phone_net(net, path, "somebody's speech")
    mel = torch.randn(2, 80, 16)
    torch.testing.assert_close(load_phone_net(path).name(mel), net.name(mel), rtol=0, atol=0.02)
    encoder = load_speech_encoder(path)
    torch.testing.assert_close(encoder(mel), net.encoder(mel), rtol=0, atol=0.02)
    assert not any(p.requires_grad for p in encoder.parameters())
    with safe_open(path, "pt") as file:
        assert file.metadata()["credit"] == "somebody's speech"
    with pytest.raises(InputError, match="speech encoder"):
        load_speech_encoder(tmp_path / "none.safetensors")


def test_shipped_encoder_is_the_papers():
    encoder = load_speech_encoder()
    assert encoder.steps == 16
    own = {k: v.shape for k, v in encoder.state_dict().items()}
    assert own == {k: v.shape for k, v in AudioEncoder().state_dict().items()}


def test_data_refuses_nothing():
    with pytest.raises(InputError, match="0 recordings to train on"):
        SpeechAndPhones().setup()


def test_recipe_trains_and_writes(tmp_path, monkeypatch):
    output = tmp_path / "weights" / "encoder.safetensors"
    words = [
        *("fit", "--config", str(ROOT / "recipes" / "speech" / "encoder.yaml")),
        *("--trainer.max_epochs", "1", "--trainer.check_val_every_n_epoch", "1"),
        *("--trainer.default_root_dir", str(tmp_path), "--trainer.logger", "false"),
        *("--trainer.precision", "32", "--data.recordings", "null", "--data.unseen", "[]"),
        *("--data.invented", "8", "--data.held_back", "3", "--data.workers", "0"),
        *("--data.batch", "2", "--data.epoch", "4", "--data.windows", "2"),
        *("--model.output", str(output)),
    ]
    monkeypatch.setattr(sys, "argv", ["training", *words])
    monkeypatch.chdir(tmp_path)
    main()
    assert load_speech_encoder(output).dim == 512
