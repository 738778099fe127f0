"""Which clips train, and which are held back to score on."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from avfuse.data.clip import ClipFile
from avfuse.data.preprocess import SourceClip
from avfuse.errors import InputError

_log = logging.getLogger(__name__)
_One = TypeVar("_One")


def split_clips(
    clips: Sequence[SourceClip], unseen: set[str], held_back: int, doubtful: bool = False
) -> dict[str, list[ClipFile]]:
    """[`split`][avfuse.data.split.split] clips that are there already, and open them.

    Args:
        clips: as for `split`.
        unseen: likewise.
        held_back: likewise.
        doubtful: keep clips whose sound and lips do not belong together; else they are named and
            left out, whatever part they are in.
    """
    parts = split(clips, unseen, held_back)
    opened = {name: [ClipFile(clip.path) for clip in part] for name, part in parts.items()}
    if doubtful:
        return opened
    _say_doubts([clip for part in parts.values() for clip in part], opened)
    return {name: [clip for clip in part if not clip.doubt] for name, part in opened.items()}


def _say_doubts(clips: Sequence[SourceClip], opened: dict[str, list[ClipFile]]) -> None:
    doubts = {clip.path: clip.doubt for part in opened.values() for clip in part if clip.doubt}
    said = [f"{c.speaker}/{c.name} {doubts[c.path]}" for c in clips if c.path in doubts]
    if said:
        whole = f"{len(said)} of {len(clips)} clips are left out"
        _log.warning("%s (data.doubtful keeps them): %s", whole, "; ".join(said))


def tails(parts: dict[str, list[ClipFile]], share: float) -> dict[str, list[ClipFile]]:
    """Hold back the end of each clip that is trained on, as seen.

    Args:
        parts: as of `split_clips`.
        share: of its frames with a face; 0 for none.
    """
    if not share:
        return parts
    cuts = [round(len(clip.valid) * (1 - share)) for clip in parts["train"]]
    both = list(zip(parts["train"], cuts, strict=True))
    begun = [clip.only(clip.valid[:cut]) for clip, cut in both]
    ended = [clip.only(clip.valid[cut:]) for clip, cut in both]
    return {**parts, "train": begun, "seen": [*parts["seen"], *ended]}


def every_nth(people: Sequence[_One], held_back: int) -> tuple[list[_One], list[_One]]:
    """Those that are trained on, and every n-th, held back, the first among them; 0 for none.

    Fewer than n are all trained on.
    """
    if not 0 < held_back <= len(people):
        return list(people), []
    train = [one for number, one in enumerate(people) if number % held_back]
    return train, list(people[::held_back])


def split(
    clips: Sequence[SourceClip], unseen: set[str], held_back: int
) -> dict[str, list[SourceClip]]:
    """Sort clips into those for training and those held back; opens none of them.

    Args:
        clips: all of them, in a fixed order.
        unseen: speakers, or single clips as `speaker/clip`, kept out of training altogether.
        held_back: every n-th clip of the other speakers is kept out too; 0 for none.

    Returns:
        `train`, `seen` (held-back clips of speakers that are trained on) and `unseen`.

    Raises:
        InputError: if `unseen` names what is not there.
    """
    known = {c.speaker for c in clips} | {f"{c.speaker}/{c.name}" for c in clips}
    if unknown := unseen - known:
        raise InputError(
            f"unseen={sorted(unknown)}: no such speakers or clips; give some of the folders "
            f"{sorted({c.speaker for c in clips})}, or none"
        )
    parts: dict[str, list[SourceClip]] = {"train": [], "seen": [], "unseen": []}
    number: Counter[str] = Counter()
    for clip in clips:
        if unseen & {clip.speaker, f"{clip.speaker}/{clip.name}"}:
            part = "unseen"
        else:
            number[clip.speaker] += 1
            part = "seen" if held_back and number[clip.speaker] % held_back == 0 else "train"
        parts[part].append(clip)
    return parts
