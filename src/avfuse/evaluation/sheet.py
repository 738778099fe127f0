"""A contact sheet: truth, what was generated, and its attention mask, one row each."""

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from avfuse.evaluation.case import Case, Shown
from avfuse.evaluation.task import SIZE, Video

_CLIPS, _COLUMNS = 3, 10


def contact_sheet(cases: Sequence[Case]) -> UInt8[np.ndarray, "H W 3"]:
    """Show the first three clips of each group.

    Args:
        cases: that can be shown; their videos are made again.
    """
    number: Counter[str] = Counter()
    strips = []
    for case in cases:
        number[case.group] += 1
        if number[case.group] <= _CLIPS:
            strips.append(_strip(case.show(case.panels)))
    return np.vstack(strips)


def _strip(shown: Shown) -> UInt8[np.ndarray, "H W 3"]:
    """A clip's rows, at moments spread over it."""
    moments = np.linspace(0, len(shown.target.truth) - 1, _COLUMNS).round().astype(int)
    several = len(shown.videos) > 2
    rows = [
        _called(video[moments], name if several else "") for name, video in shown.videos.items()
    ]
    if shown.masks is not None:
        grey = [cv2.resize(shown.masks[i], (SIZE, SIZE)) * 255 for i in moments]
        rows.append(np.repeat(np.stack(grey)[..., None], 3, -1).astype(np.uint8))
    return np.vstack([np.hstack(list(row)) for row in rows])


def _called(video: Video, name: str) -> Video:
    """Write a row's name into its first picture, where rows could be taken for one another."""
    if not name:
        return video
    named = video.copy()
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        place = (4, SIZE - 6)
        cv2.putText(
            named[0], name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, width, cv2.LINE_AA
        )
    return named
