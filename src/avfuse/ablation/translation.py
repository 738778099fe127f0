"""Does it matter where the face is? The paper's translation test (VI-E, Fig. 8)."""

from collections.abc import Sequence

import numpy as np

from avfuse.ablation.held import HeldClip
from avfuse.evaluation.dubbing import dubbing
from avfuse.evaluation.score import Judge

Curve = list[float]


def translation(clips: Sequence[HeldClip], shares: Sequence[float], judge: Judge) -> Curve:
    """How much smaller the mouth's error is than the copy's, the face moved up in the crop.

    The mouth's squared error over all frames, which is the same picture's at each place, so that
    only what the model makes of it can differ.

    Args:
        clips: with the model that is judged.
        shares: how far up, of the crop's side.
        judge: of the mouth's error.

    Returns:
        Decibels a share, the mean over the clips.
    """
    return [float(np.mean([_gain(clip, share, judge) for clip in clips])) for share in shares]


def _gain(clip: HeldClip, share: float, judge: Judge) -> float:
    method = clip.judged.method
    task = dubbing(clip.source, method.size, method.framing, share)
    target = task.target
    made, _ = clip.judged.speak(task)
    errors = judge.mouth_error(target.copy, target), judge.mouth_error(made, target)
    return float(10 * np.log10(errors[0] / errors[1]))
