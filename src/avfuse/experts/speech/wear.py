"""What voices go through in training: other rooms, microphones, noise, levels and throats."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from avfuse.sound.mel import SAMPLE_RATE, SILENCE

Sound = Float32[np.ndarray, "L"]
"""16 kHz mono in [-1, 1]."""


def worn_sound(sound: Sound, other: Callable[[], Sound], rng: np.random.Generator) -> Sound:
    """The same speech in another room, under noise or other people's talk, louder or softer.

    Args:
        sound: of one person.
        other: draws what somebody else says, as long.
        rng: of everything random.
    """
    spectrum = np.fft.rfft(sound) * _microphone(len(sound), rng)
    if rng.random() < 0.15:
        spectrum *= np.fft.rfft(_room(len(sound), rng))
    heard = np.fft.irfft(spectrum, len(sound))
    if rng.random() < 0.35:
        talk = rng.random() < 0.35
        noise = _babble(other, rng) if talk else coloured_noise(len(sound), rng)
        heard = heard + noise * _level(heard) * _ratio(rng.uniform(-30, -5))
    heard = heard * _ratio(rng.normal(0, 6))
    floor = coloured_noise(len(sound), rng) * _ratio(rng.uniform(-95, -50))
    return np.clip(heard + floor, -1, 1).astype(np.float32)


def no_speech(samples: int, rng: np.random.Generator) -> Sound:
    """What a microphone hears where nobody talks: noise at -65 to -30 dBFS, a hum, or nothing."""
    if rng.random() < 0.15:
        return np.zeros(samples, np.float32)
    noise = coloured_noise(samples, rng) * _ratio(rng.uniform(-65, -30))
    if rng.random() < 0.3:
        time = np.arange(samples) / SAMPLE_RATE
        harmonics = np.outer(rng.choice([50, 60]) * np.arange(1, 6), 2 * np.pi * time)
        strength = rng.exponential(1, (5, 1)) * _level(noise)
        noise = noise + (strength * np.sin(harmonics + rng.uniform(0, 7, (5, 1)))).sum(0)
    return np.clip(noise, -1, 1).astype(np.float32)


def coloured_noise(
    samples: int, rng: np.random.Generator, colour: float | None = None
) -> Float[np.ndarray, "L"]:
    """Noise of level 1.

    Args:
        samples: L.
        rng: of the noise.
        colour: how fast its power falls with frequency: 0 white, 1 pink, 2 brown; None draws one.
    """
    colour = rng.uniform(-0.2, 1.8) if colour is None else colour
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal(samples)) * np.maximum(hertz, 20) ** (-colour / 2)
    noise = np.fft.irfft(spectrum, samples)
    return noise / max(_level(noise), 1e-9)


@torch.no_grad()
def worn_mel(mel: Float[Tensor, "B K 80 S"]) -> Float[Tensor, "B K 80 S"]:
    """Other throats, and holes: bands or moments that are missing; the windows of a row alike.

    The vocal tract's length stretches the frequencies, which stretches and shifts the mel axis.
    """
    batch, windows, bands, steps = mel.shape
    factor = torch.exp(0.06 * torch.randn(batch, device=mel.device))
    shift = torch.randn(batch, device=mel.device)
    place = torch.arange(bands, device=mel.device) * factor[:, None] + shift[:, None]
    place = place.clamp(0, bands - 1)
    low = place.floor().long().clamp(max=bands - 2)
    share = (place - low)[:, None, :, None]
    index = low[:, None, :, None].expand_as(mel)
    voice = torch.lerp(mel.gather(2, index), mel.gather(2, index + 1), share.expand_as(mel))
    mute = _hole((batch, windows), bands, 14, mel)[..., None] | _edges(batch, windows, steps, mel)
    return voice.masked_fill(mute, SILENCE)


def _hole(rows: tuple[int, int], length: int, widest: int, like: Tensor) -> Tensor:
    """In one row of four a run of up to `widest` places, true."""
    size = torch.randint(1, widest + 1, (*rows, 1), device=like.device)
    size = size * (torch.rand(*rows, 1, device=like.device) < 0.25)
    start = torch.randint(length, (*rows, 1), device=like.device)
    place = torch.arange(length, device=like.device)
    return (place >= start) & (place < start + size)


def _edges(batch: int, windows: int, steps: int, like: Tensor) -> Tensor:
    """In some windows up to three steps at either end, true: the middle is always heard."""
    cut = torch.randint(-24, 4, (2, batch, windows, 1, 1), device=like.device)
    place = torch.arange(steps, device=like.device)
    return (place < cut[0]) | (place >= steps - cut[1].clamp(min=0))


def _microphone(samples: int, rng: np.random.Generator) -> Float[np.ndarray, "F"]:
    """Gain by frequency: a slope, two bumps, and now and then a telephone's band."""
    octaves = np.log2(np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), 50) / 1000)
    decibels = rng.normal(0, 1) * octaves
    for _ in range(2):
        decibels += rng.normal(0, 3) * np.exp(-0.5 * ((octaves - rng.uniform(-3, 3)) / 0.7) ** 2)
    if rng.random() < 0.08:
        low, high = np.log2(rng.uniform(0.1, 0.35)), np.log2(rng.uniform(3, 7))
        decibels -= 40 * (np.maximum(low - octaves, 0) + np.maximum(octaves - high, 0))
    return np.asarray(10 ** (decibels / 20))


def _room(samples: int, rng: np.random.Generator) -> Float[np.ndarray, "L"]:
    """Impulse response: the direct sound, then noise that dies away within 0.1 to 0.5 s."""
    time = np.arange(samples) / SAMPLE_RATE
    tail = rng.standard_normal(samples) * 10 ** (-3 * time / rng.uniform(0.1, 0.5))
    tail[: int(rng.uniform(0.001, 0.008) * SAMPLE_RATE)] = 0
    tail *= _ratio(rng.uniform(-15, 0)) / max(float(np.linalg.norm(tail)), 1e-9)
    tail[0] = 1
    return tail


def _babble(other: Callable[[], Sound], rng: np.random.Generator) -> Float[np.ndarray, "L"]:
    """One to three other people at once, level 1 together."""
    voices = [other() for _ in range(rng.integers(1, 4))]
    mixed = np.sum([voice / max(_level(voice), 1e-4) for voice in voices], 0)
    return np.asarray(mixed / max(_level(mixed), 1e-9))


def _level(sound: Float[np.ndarray, "L"]) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _ratio(decibels: float) -> float:
    return float(10 ** (decibels / 20))
