"""Which clips train, and which are held back to score on."""

from collections import Counter
from collections.abc import Sequence

from avfuse.data.clip import ClipFile
from avfuse.data.preprocess import SourceClip
from avfuse.errors import InputError


def split_clips(
    clips: Sequence[SourceClip], unseen: set[str], held_back: int
) -> dict[str, list[ClipFile]]:
    """[`split`][avfuse.data.split.split] clips that are there already, and open them."""
    parts = split(clips, unseen, held_back)
    return {name: [ClipFile(clip.path) for clip in part] for name, part in parts.items()}


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
