"""A synthetic clip: a person who never was, saying words that never were, with exact labels."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from avfuse.data.synthetic.identity import Identity, random_identity
from avfuse.data.synthetic.motion import Motion, random_motion
from avfuse.data.synthetic.mouth import Lips
from avfuse.data.synthetic.pose import Pose
from avfuse.data.synthetic.render import Expression, Renderer
from avfuse.data.synthetic.speech import Mouth, random_utterance
from avfuse.data.synthetic.voice import SAMPLE_RATE, random_voice, synthesise

_PERSON, _SPEECH = 1, 2  # streams of random numbers, so that equal seeds do not share them


class SyntheticClip(NamedTuple):
    """Frames, sound and labels of one clip.

    Attributes:
        frames: RGB, (T, H, W, 3).
        waveform: 16 kHz mono in [-1, 1], (L,).
        landmarks: 68 points in iBUG order, pixels, x before y, (T, 68, 2).
        times: of the frames, seconds, (T,).
    """

    frames: UInt8[np.ndarray, "T H W 3"]
    waveform: Float32[np.ndarray, "L"]
    landmarks: Float32[np.ndarray, "T 68 2"]
    times: Float64[np.ndarray, "T"]


def synthetic_clip(
    seed: int,
    *,
    speech_seed: int | None = None,
    seconds: float = 3.0,
    fps: float = 25.0,
    size: int = 256,
    yaw: float | None = None,
    pitch: float | None = None,
) -> SyntheticClip:
    """Make a clip, the same bit for bit whenever the arguments are the same.

    Two clips that differ only in `speech_seed` are a perfect pair: the same person, pose, eyes,
    background and camera noise; other lips and sound.

    Args:
        seed: of the person, the motion, the place and the camera; not negative.
        speech_seed: of the words and the voice; `seed` where not given.
        seconds: length.
        fps: frames a second.
        size: width and height of the frames, pixels.
        yaw: radians by which the head is turned to the image's right in every frame; None lets it
            move by itself. Much more than 0.5 (30 degrees) to either side cannot be drawn;
            landmarks are right there too.
        pitch: likewise, downwards.

    Returns:
        T = round(seconds * fps) frames and L = round(seconds * 16000) samples.

    Raises:
        ValueError: if there is no frame to draw, or a frame is too small to show a mouth.
    """
    frames, samples = round(seconds * fps), round(seconds * SAMPLE_RATE)
    if frames < 1 or samples < 1 or fps <= 0:
        raise ValueError(f"{seconds} s at {fps} fps hold no frame; ask for seconds >= 1 / fps > 0")
    if size < 32:
        raise ValueError(f"size is {size} pixels; a face needs at least 32")
    times = np.arange(frames) / fps
    waveform, mouth = _speak(seed if speech_seed is None else speech_seed, seconds, samples)
    held = {"yaw": yaw, "pitch": pitch}
    turned = {name: angle for name, angle in held.items() if angle is not None}
    images, landmarks = _film(seed, mouth.at(times), times, size, turned)
    return SyntheticClip(images, waveform, landmarks, times)


def _speak(seed: int, seconds: float, samples: int) -> tuple[Float32[np.ndarray, "L"], Mouth]:
    rng = np.random.default_rng([_SPEECH, seed])
    utterance = random_utterance(rng, seconds)
    return synthesise(utterance, random_voice(rng), samples, rng), utterance.mouth


def _film(
    seed: int, mouth: Mouth, times: Float64[np.ndarray, "T"], size: int, held: dict[str, float]
) -> tuple[UInt8[np.ndarray, "T H W 3"], Float32[np.ndarray, "T 68 2"]]:
    # A stream for each, so that a longer clip shows the same person in the same place.
    person, movement, place = np.random.default_rng([_PERSON, seed]).spawn(3)
    who = random_identity(person)
    motion = random_motion(movement, times)
    motion = motion._replace(**{name: np.full(len(times), a) for name, a in held.items()})
    renderer = Renderer(who, size, place)
    images = np.empty((len(times), size, size, 3), np.uint8)
    landmarks = np.empty((len(times), 68, 2), np.float32)
    for index in range(len(times)):
        pose, expression = _pose(motion, index), _expression(who, motion, mouth, index)
        images[index] = renderer.frame(pose, expression, index)
        landmarks[index] = renderer.landmarks(pose, expression)
    return images, landmarks


def _pose(motion: Motion, index: int) -> Pose:
    x, y = motion.shift[index]
    scale, roll = motion.scale[index], motion.roll[index]
    return Pose((x, y), scale, roll, motion.yaw[index], motion.pitch[index])


def _expression(who: Identity, motion: Motion, mouth: Mouth, index: int) -> Expression:
    x, y = motion.gaze[index]
    aperture, spread, tongue, tuck = (float(track[index]) for track in mouth)
    lips = Lips(who, aperture * who.opening, spread, tongue, tuck)
    return Expression(float(motion.lids[index]), (float(x), float(y)), lips)
