"""The held-back clips of a recipe's data, and one model that is to speak them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from avfuse.data.clip import ClipFile
from avfuse.evaluation.case import Shown, digest
from avfuse.evaluation.judged import Judged
from avfuse.evaluation.score import TRUTH
from avfuse.evaluation.spoken import MODEL
from avfuse.evaluation.task import Protocol


@dataclass(frozen=True)
class HeldClip:
    """A held-back clip and a model.

    Attributes:
        group: which clips it is averaged with.
        source: the clip.
        judged: the model.
        protocol: what it is given and compared with.
    """

    group: str
    source: ClipFile
    judged: Judged
    protocol: Protocol

    @property
    def clip(self) -> str:
        return f"{self.source.path.parent.name}/{self.source.path.stem}"

    @property
    def methods(self) -> tuple[str, ...]:
        return TRUTH, self.protocol.copy, MODEL

    @property
    def panels(self) -> tuple[str, ...]:
        return TRUTH, MODEL

    @property
    def key(self) -> str:
        return digest(self.judged.key, self.protocol.name, self.group, self.clip)

    def show(self, methods: tuple[str, ...]) -> Shown:
        task = self.protocol.task_for(self.source, self.judged.method)
        target = task.target
        videos = {TRUTH: target.truth, self.protocol.copy: target.copy}
        videos[MODEL], masks = self.judged.speak(task)
        return Shown(target, {name: videos[name] for name in methods}, masks)


def held_clips(
    held: Mapping[str, Sequence[ClipFile]], judged: Judged, protocol: Protocol, most: int
) -> Iterator[HeldClip]:
    """Up to `most` clips of each group, spread over it: neighbours in a list are alike."""
    for group, clips in held.items():
        step = max(1, len(clips) // most)
        for clip in clips[::step][:most]:
            yield HeldClip(group, clip, judged, protocol)


def across_speakers(clips: Sequence[HeldClip], most: int) -> list[HeldClip]:
    """Up to `most` clips, of as many speakers as can be, spread over those."""
    speakers: dict[Path, list[HeldClip]] = {}
    for clip in clips:
        speakers.setdefault(clip.source.path.parent, []).append(clip)
    turns = itertools.zip_longest(*speakers.values())  # one of each, then the next of each
    ordered = [clip for turn in turns for clip in turn if clip is not None]
    return ordered[:: max(1, len(speakers) // most)][:most]
