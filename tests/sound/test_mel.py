"""The mel spectrogram against torchaudio's own, its windows, and the stream."""

import builtins
import sys

import pytest
import torch
import torchaudio

from avfuse import MelStream, mel_spectrogram, mel_windows
from avfuse.sound import mel as module
from avfuse.sound.mel import MELS, SAMPLE_RATE, SILENCE, mel_filterbank


def speechlike(samples, seed=0):
    """Noise that swells and fades: every band and the whole range of levels."""
    generator = torch.Generator().manual_seed(seed)
    envelope = torch.logspace(-5, 0, samples).roll(samples // 3)
    return torch.randn(samples, generator=generator).clamp(-3, 3) / 3 * envelope


def reference(waveform):
    """The same definition in torchaudio's terms."""
    emphasised = waveform - 0.97 * torch.cat([torch.zeros(1), waveform[:-1]])
    magnitude = torchaudio.transforms.MelSpectrogram(
        sample_rate=16_000,
        n_fft=800,
        win_length=800,
        hop_length=200,
        f_min=55.0,
        f_max=7600.0,
        n_mels=80,
        power=1.0,
        norm="slaney",
        mel_scale="slaney",
        center=True,
        pad_mode="reflect",
    )(emphasised)
    decibel = torchaudio.functional.amplitude_to_DB(
        magnitude, multiplier=20.0, amin=1e-5, db_multiplier=0.0
    )
    return (8 * (decibel - 20 + 100) / 100 - 4).clamp(-4, 4)


class TestSpectrogram:
    @pytest.mark.parametrize("samples", [401, 800, 16_000, 20_123])
    def test_agrees_with_torchaudio(self, samples):
        waveform = speechlike(samples)
        mel = mel_spectrogram(waveform)
        assert mel.shape == (MELS, samples // 200 + 1)
        torch.testing.assert_close(mel, reference(waveform), rtol=0, atol=2e-3)

    def test_the_comparison_sees_quiet_and_loud(self):
        mel = mel_spectrogram(speechlike(16_000))
        assert mel.min() < -3
        assert mel.max() > 1

    def test_a_tone_lights_its_band(self):
        time = torch.arange(16_000) / SAMPLE_RATE
        mel = mel_spectrogram(0.5 * torch.sin(2 * torch.pi * 1000 * time))
        centres = mel_filterbank().argmax(0) * 20  # bins are 20 Hz apart
        loudest = centres[mel[:, 40].argmax()]
        assert abs(loudest - 1000) <= 40

    def test_leading_dimensions_are_kept(self):
        waveforms = torch.stack([speechlike(4000, seed) for seed in range(6)])
        batch = mel_spectrogram(waveforms.reshape(2, 3, 4000))
        assert batch.shape == (2, 3, MELS, 21)
        torch.testing.assert_close(batch[1, 2], mel_spectrogram(waveforms[5]))

    def test_silence(self):
        assert (mel_spectrogram(torch.zeros(4000)) == SILENCE).all()

    def test_stays_within_its_scale(self):
        mel = mel_spectrogram(torch.sign(speechlike(4000)))
        assert mel.min() >= -4
        assert mel.max() <= 4

    def test_gradient_even_after_inference(self):
        mel_filterbank.cache_clear()
        with torch.inference_mode():
            mel_spectrogram(speechlike(800))
        waveform = speechlike(800).requires_grad_()
        mel_spectrogram(waveform).sum().backward()
        assert waveform.grad.abs().sum() > 0

    @pytest.mark.parametrize("samples", [0, 1, 400])
    def test_too_short(self, samples):
        with pytest.raises(ValueError, match=rf"has {samples} samples; at least 401 \(25 ms"):
            mel_spectrogram(torch.zeros(samples))


class TestFilterbank:
    @pytest.fixture(autouse=True)
    def fresh(self):
        mel_filterbank.cache_clear()
        yield
        mel_filterbank.cache_clear()

    def test_fallback_is_torchaudios(self):
        torch.testing.assert_close(
            module._slaney_filterbank(), mel_filterbank(), rtol=1e-4, atol=1e-7
        )

    @pytest.mark.parametrize("error", [OSError, ImportError, RuntimeError])
    def test_where_torchaudio_cannot_load(self, monkeypatch, error):
        waveform = speechlike(4000)
        expected = mel_spectrogram(waveform)
        mel_filterbank.cache_clear()
        original = builtins.__import__

        def refuse(name, *args, **kwargs):
            if name.startswith("torchaudio"):
                raise error("libc10_cuda.so: cannot open shared object file")
            return original(name, *args, **kwargs)

        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(builtins, "__import__", refuse)
        torch.testing.assert_close(mel_spectrogram(waveform), expected, rtol=0, atol=1e-4)


class TestWindows:
    @pytest.mark.parametrize("steps", [16, 28, 52])
    @pytest.mark.parametrize("fps", [25, 30, 24_000 / 1001, 60])
    def test_centred_on_each_frame(self, fps, steps):
        # Every mel value is its own step's time, so that a window tells where it was cut.
        seconds = 20
        mel = (torch.arange(80 * seconds) / 80).repeat(MELS, 1)
        times = torch.arange(int(fps), int(fps * (seconds - 1)), dtype=torch.float64) / fps
        windows = mel_windows(mel, times, steps)
        assert windows.shape == (len(times), MELS, steps)
        offset = windows[:, 0].double().mean(1) - times
        assert offset.abs().max() <= 0.5 / 80 + 1e-4  # half a mel step is as near as one can cut
        assert abs(offset.mean()) < 3e-3  # and hardly a lead or lag on average

    def test_steps_are_consecutive(self):
        mel = torch.arange(200.0).repeat(MELS, 1)
        windows = mel_windows(mel, torch.tensor([1.0]))
        assert (windows.diff(dim=-1) == 1).all()

    def test_beyond_the_ends_is_silence(self):
        mel = torch.ones(MELS, 80)
        windows = mel_windows(mel, torch.tensor([-100.0, -1.0, 0.0, 1.0, 2.0, 1e6]))
        assert (windows[[0, 1, 4, 5]] == SILENCE).all()
        for window in windows[2:4]:  # half of each lies in the recording
            assert 7 <= (window[0] == 1).sum() <= 9
        assert windows[2, 0, 0] == windows[3, 0, -1] == SILENCE

    def test_no_frames(self):
        assert mel_windows(torch.ones(MELS, 80), torch.empty(0)).shape == (0, MELS, 16)


class TestStream:
    @pytest.mark.parametrize("chunk", [1, 7, 160, 200, 401, 640, 5000])
    @pytest.mark.parametrize("samples", [401, 402, 599, 600, 601, 800, 801, 1000, 3217])
    def test_equals_the_whole(self, samples, chunk):
        waveform = speechlike(samples)
        stream = MelStream()
        pieces = [stream.push(piece) for piece in waveform.split(chunk)]
        pieces.append(stream.flush())
        whole = mel_spectrogram(waveform)
        joined = torch.cat(pieces, 1)
        assert joined.shape == whole.shape
        torch.testing.assert_close(joined, whole, rtol=0, atol=1e-3)

    def test_any_chunking(self):
        waveform = speechlike(5000)
        generator = torch.Generator().manual_seed(1)
        whole = mel_spectrogram(waveform)
        for _ in range(10):
            cuts = torch.randint(0, 5001, (6,), generator=generator).sort().values
            stream = MelStream()
            pieces = [stream.push(piece) for piece in waveform.tensor_split(cuts)]
            joined = torch.cat([*pieces, stream.flush()], 1)
            torch.testing.assert_close(joined, whole, rtol=0, atol=1e-3)

    @pytest.mark.parametrize("samples", [0, 1, 200, 400])
    def test_too_short_is_padded_with_silence(self, samples):
        waveform = speechlike(samples) if samples else torch.empty(0)
        stream = MelStream()
        assert stream.push(waveform).shape == (MELS, 0)
        padded = torch.cat([waveform, torch.zeros(401 - samples)])
        torch.testing.assert_close(stream.flush(), mel_spectrogram(padded), rtol=0, atol=1e-3)

    def test_a_step_comes_as_soon_as_its_samples_are_there(self):
        # Step k needs samples up to 200·k + 400, 25 ms behind; the first one, one more to reflect.
        stream = MelStream()
        counts = [stream.push(piece).shape[1] for piece in speechlike(1200).split(200)]
        assert counts == [0, 0, 2, 1, 1, 1]

    def test_memory_does_not_grow(self):
        stream = MelStream()
        for piece in speechlike(16_000).split(640):
            stream.push(piece)
        assert stream._pending.numel() < 800
