"""The first-frame protocol: a photo and sound in, compared with what really was filmed.

Papers 000 and 001 score on LRW: the clip's first frame as a photo and the clip's sound give a clip.
The head of a photo does not move, so the true frames are first laid onto the first one by eyes and
nose; what is left to compare is the mouth.
"""

import numpy as np
import torch

from avfuse.data.clip import ClipFile
from avfuse.data.pairs import View
from avfuse.errors import InputError
from avfuse.evaluation.task import SIZE, Protocol, Target, Task
from avfuse.geometry.affine import compose, sample, similarity, transform
from avfuse.geometry.lips import lip_aperture
from avfuse.types import SQUARE, Framing, Seen


def first_frame(clip: ClipFile, size: int, framing: Framing = SQUARE) -> Task:
    """Give the first frame, over and over; compare with the others, laid onto it.

    The first frame itself is not compared: who copies it would have 100 dB there.

    Args:
        clip: with landmarks.
        size: pixels a side of what the model is given.
        framing: of it.

    Raises:
        InputError: if fewer than two frames have landmarks.
    """
    if len(clip.valid) < 2:
        raise InputError(f"{len(clip.valid)} frames with landmarks; at least two are needed")
    first, *others = map(int, clip.valid)
    landmarks = clip.landmarks[first]
    plain, view = View(SIZE), View(size, framing=framing)
    matrix, grid = plain.matrix(landmarks), plain.grid()
    held = [compose(matrix, similarity(clip.rigid[i], clip.rigid[first])) for i in others]
    truth = np.stack(
        [sample(clip.frame(i), onto, grid) for i, onto in zip(others, held, strict=True)]
    )
    closer = view.matrix(landmarks)
    still = (
        sample(clip.frame(first), matrix, grid),
        transform(landmarks, matrix),
        sample(clip.frame(first), closer, view.grid()),
        transform(landmarks, closer),
    )
    copy, points, *given = (np.repeat(one[None], len(others), 0) for one in still)
    aperture = lip_aperture(torch.from_numpy(clip.lips[others])).numpy()
    target = Target(truth, copy, points, aperture, clip.times[others], clip.mel, copy)
    return Task(Seen(*map(torch.from_numpy, given)), target, clip.mel)


FIRST_FRAME = Protocol("first-frame", "copy first frame", first_frame)
