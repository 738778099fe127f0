"""From articulation to sound: harmonics and noise under formants, as Fant's source and filter."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Complex64, Float, Float32

from avfuse.data.synthetic.speech import STEP_RATE, Utterance

SAMPLE_RATE = 16_000
"""Samples a second."""

_HOP = SAMPLE_RATE // STEP_RATE
_HIGHEST = 7_600.0  # Hz; harmonics above would alias as the pitch glides
_BANDWIDTHS = (70.0, 100.0, 150.0, 220.0, 300.0)


class Voice(NamedTuple):
    """Who speaks.

    Attributes:
        pitch: f0, Hz.
        tract: formants over those of an average adult, ratio.
        breath: amplitude of the aspiration over that of the voice.
        tilt: source spectrum, dB an octave.
        loudness: root mean square of an unstressed vowel.
        hum: root mean square of the recording's own noise.
    """

    pitch: float
    tract: float
    breath: float
    tilt: float
    loudness: float
    hum: float


def random_voice(rng: np.random.Generator) -> Voice:
    """A voice: low ones come from long vocal tracts, though not always."""
    size = rng.random()
    return Voice(
        pitch=float(90 * (240 / 90) ** np.clip(size + rng.uniform(-0.2, 0.2), 0, 1)),
        tract=float(0.85 + 0.35 * np.clip(size + rng.uniform(-0.25, 0.25), 0, 1)),
        breath=float(rng.uniform(0.02, 0.15)),
        tilt=float(rng.uniform(-9, -4)),
        loudness=float(10 ** (rng.uniform(-32, -20) / 20)),
        hum=float(10 ** (rng.uniform(-85, -65) / 20)),
    )


def synthesise(
    utterance: Utterance, voice: Voice, samples: int, rng: np.random.Generator
) -> Float32[np.ndarray, "L"]:
    """Speak an utterance.

    Args:
        utterance: at least `samples` long.
        voice: who speaks.
        samples: L, at 16 kHz.
        rng: of the noise.

    Returns:
        The waveform, mono, within [-1, 1], (L,).
    """
    loudness = voice.loudness * utterance.level
    formants = _all_formants(utterance.formants, voice.tract)
    sound = _voiced(utterance, voice, formants, loudness)[:samples]
    sound = sound + _noise(utterance, voice, formants, loudness, rng)[:samples]
    sound += voice.hum * rng.standard_normal(samples, np.float32)
    peak = float(np.abs(sound).max(initial=0))
    return np.asarray(sound / max(1.0, peak / 0.97), np.float32)


def _all_formants(formants: Float[np.ndarray, "S 3"], tract: float) -> Float[np.ndarray, "S 5"]:
    """F4 and F5 hardly depend on the vowel; they tell the length of the vocal tract."""
    fixed = np.broadcast_to([3500.0, 4500.0], (len(formants), 2))
    return np.concatenate([formants, fixed], 1) * tract


def _resonance(
    hertz: Float[np.ndarray, "#S K"], formants: Float[np.ndarray, "S 5"], tilt: float
) -> Float32[np.ndarray, "S K"]:
    """Amplitude of the vocal tract times the source's tilt at frequencies."""
    squared = np.square(hertz, dtype=np.float32)
    power = np.float32(1e-6) + (squared / 1e4) ** np.float32(tilt / 6.02)
    for formant, width in zip(formants.T.astype(np.float32), _BANDWIDTHS, strict=True):
        peak = np.square(formant)[:, None]
        power = power * (peak**2 / ((peak - squared) ** 2 + squared * np.float32(width**2)))
    return np.asarray(np.sqrt(power), np.float32)


def _voiced(
    utterance: Utterance,
    voice: Voice,
    formants: Float[np.ndarray, "S 5"],
    loudness: Float[np.ndarray, "S"],
) -> Float32[np.ndarray, "L"]:
    """Additive synthesis; harmonic k is the k-th power of the fundamental's phasor."""
    f0 = voice.pitch * utterance.accent
    harmonics = np.arange(1, max(2, int(_HIGHEST / f0.min()) + 1))
    hertz = f0[:, None] * harmonics
    amplitude = _resonance(hertz, formants, voice.tilt) * (hertz < _HIGHEST)
    # The same power for every vowel: loudness must not give the lips away.
    amplitude *= np.sqrt(2 / np.square(amplitude).sum(1, keepdims=True))
    amplitude *= (utterance.voicing * loudness)[:, None].astype(np.float32)
    fundamental = _phasor(f0)
    phasor = np.ones_like(fundamental)
    ramp = np.arange(_HOP, dtype=np.float32) / _HOP
    sound = np.zeros((len(f0) - 1, _HOP), np.float32)
    for track in np.ascontiguousarray(amplitude.T, np.float32):
        phasor *= fundamental
        sound += phasor.imag * (track[:-1, None] + np.diff(track)[:, None] * ramp)
    return sound.ravel()


def _phasor(f0: Float[np.ndarray, "S"]) -> Complex64[np.ndarray, "S-1 hop"]:
    steps = np.arange(len(f0))
    per_sample = np.interp(np.arange((len(f0) - 1) * _HOP) / _HOP, steps, f0)
    phase = 2 * np.pi * np.cumsum(per_sample) / SAMPLE_RATE
    return np.asarray(np.exp(1j * phase), np.complex64).reshape(-1, _HOP)


def _noise(
    utterance: Utterance,
    voice: Voice,
    formants: Float[np.ndarray, "S 5"],
    loudness: Float[np.ndarray, "S"],
    rng: np.random.Generator,
) -> Float32[np.ndarray, "L"]:
    """Friction and breath: white noise, shaped step by step, overlapped and added."""
    width = 2 * _HOP
    hertz = np.arange(_HOP + 1) * (SAMPLE_RATE / width)
    centre, spread = utterance.band[:, :1], utterance.band[:, 1:]
    friction = _unit_power(np.exp(-0.5 * ((hertz - centre) / spread) ** 2))
    breath = _unit_power(_resonance(hertz[None] + 50, formants, -1.0))
    shape = friction * (utterance.noise * loudness)[:, None]
    shape += breath * (voice.breath * utterance.voicing * loudness)[:, None]
    white = rng.standard_normal((len(shape), width), np.float32)
    # A sine window: neighbours are independent, so their powers add up to one.
    window = np.sin(np.pi * (np.arange(width) + 0.5) / width)
    pieces = (np.fft.irfft(np.fft.rfft(white) * shape) * window).astype(np.float32)
    return np.asarray((pieces[1:, :_HOP] + pieces[:-1, _HOP:]).ravel())


def _unit_power(shape: np.ndarray) -> np.ndarray:
    return np.asarray(shape / np.sqrt(np.square(shape).mean(1, keepdims=True)))
