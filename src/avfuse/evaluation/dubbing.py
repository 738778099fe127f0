"""The dubbing protocol: a clip with the wrong lips in, compared with the clip as it was filmed.

The paper generates so (IV-D): a video of the person, moving and saying something else, and the
sound. What was really filmed is known only for the clip itself, so its own lips, of another time,
are set into it.
"""

import math

import numpy as np
import torch
from jaxtyping import Float

from avfuse.data.clip import ClipFile
from avfuse.data.pairs import Moment, TransplantedMouths, View
from avfuse.errors import InputError
from avfuse.evaluation.task import SIZE, Protocol, Target, Task
from avfuse.geometry.lips import lip_aperture
from avfuse.types import SQUARE, Framing, Seen

APART = 0.5
"""Seconds, at least, between a frame and the moment that its lips are taken from."""


def dubbing(clip: ClipFile, size: int, framing: Framing = SQUARE, up: float = 0.0) -> Task:
    """Give the clip with the lips of another time; compare with the clip.

    Args:
        clip: with landmarks.
        size: pixels a side of what the model is given.
        framing: of it.
        up: how far the face is moved up in the crop, as a share of its side.

    Raises:
        InputError: if the clip is too short to have lips of another time.
    """
    others = np.roll(clip.valid, -wrong_by(clip))
    numbers = zip(map(int, clip.valid), map(int, others), strict=True)
    moments = [(Moment(clip, now), Moment(clip, other)) for now, other in numbers]
    source = TransplantedMouths(clip)
    shift = (0.0, up)  # of the box, which goes down as the face goes up
    pairs = [source.pair(*both, View(SIZE, shift)) for both in moments]
    truth, wrong = np.stack([p.image1 for p in pairs]), np.stack([p.image2 for p in pairs])
    landmarks = np.stack([p.landmarks1 for p in pairs])
    aperture, theirs = (lip_aperture(torch.from_numpy(clip.lips[n])) for n in (clip.valid, others))
    times = clip.times[clip.valid]
    target = Target(
        truth, wrong, landmarks, aperture.numpy(), times, clip.mel, wrong, theirs.numpy()
    )
    if (size, framing) != (SIZE, SQUARE):
        view = View(size, shift, framing=framing)
        pairs = [source.pair(*both, view) for both in moments]
    given = np.stack([p.image2 for p in pairs]), np.stack([p.landmarks2 for p in pairs])
    return Task(Seen(*map(torch.from_numpy, given)), target, clip.mel)


def wrong_by(clip: ClipFile) -> int:
    """By how many frames the lips are late.

    One number for the whole clip, its end going on at its start: the wrong lips move as lips do,
    but for that one jump. Of all shifts by at least `APART`, the one at which the head is seen
    from the most similar sides.

    Raises:
        InputError: if the clip is shorter than twice `APART`.
    """
    times = clip.times[clip.valid].numpy()
    count = len(times)
    least = math.ceil(APART / float(np.median(np.diff(times)))) if count > 1 else 1
    if count < 2 * least:
        raise InputError(
            f"{count} frames with landmarks are too few for dubbing: lips of another time have to "
            f"be {APART} s away; give clips of {2 * APART:g} s or more"
        )
    sides = clip.sides[clip.valid]
    shifts = range(least, count - least + 1)
    return min(shifts, key=lambda shift: _mean_angle(sides, np.roll(sides, -shift, 0)))


def _mean_angle(a: Float[np.ndarray, "T 3"], b: Float[np.ndarray, "T 3"]) -> float:
    return float(np.arccos(np.clip((a * b).sum(1), -1, 1)).mean())


DUBBING = Protocol("dubbing", "copy input", dubbing, footage=True)
