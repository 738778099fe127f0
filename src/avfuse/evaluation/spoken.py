"""Clips that a model is to speak, by a protocol."""

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import torch
from jaxtyping import Float
from safetensors import safe_open
from torch import Tensor
from tqdm import tqdm

from avfuse.data.clip import ClipFile
from avfuse.data.preprocess import Source, SourceClip, make_clip
from avfuse.errors import InputError
from avfuse.evaluation.case import Shown, Skipped, digest
from avfuse.evaluation.judged import Judged
from avfuse.evaluation.score import TRUTH
from avfuse.evaluation.task import Protocol, Task, Video
from avfuse.sound.mel import HOP, SILENCE, mel_spectrogram
from avfuse.sound.noise import room_noise

QUIET = MappingProxyType(
    {"rest_silence": -math.inf, "rest_55": -55.0, "rest_45": -45.0, "rest_35": -35.0}
)
"""Sounds under which a mouth should rest: the level of a room's noise in dBFS, by its score."""

MODEL = "model"
"""The row of a model that is judged alone; several have rows of their own names."""

_SILENT, _OTHER = "silence", "other sound"


@dataclass(frozen=True)
class SpokenClip:
    """A held-back clip, models, and for each the controls that hear nothing of what is shown.

    Attributes:
        group: such as `seen` and `unseen`.
        source: the cached clip.
        other: the cached clip whose sound is the wrong one; its own is played backward.
        judged: the models.
        protocol: what they are given and compared with.
        quiet: levels of noise, in dBFS, under which each model's mouth should rest, by score.
    """

    group: str
    source: SourceClip
    other: SourceClip
    judged: tuple[Judged, ...]
    protocol: Protocol
    quiet: Mapping[str, float] = field(default_factory=dict)

    @property
    def clip(self) -> str:
        return name_of(self.source)

    @property
    def methods(self) -> tuple[str, ...]:
        rows = (
            (f"{one.name}, {_SILENT}", f"{one.name}, {_OTHER}", one.name) for one in self.judged
        )
        return TRUTH, self.protocol.copy, *itertools.chain(*rows)

    @property
    def panels(self) -> tuple[str, ...]:
        return TRUTH, *(one.name for one in self.judged)

    @property
    def key(self) -> str:
        files = self.source.path.name, self.other.path.name
        models = tuple((one.name, one.key) for one in self.judged)
        return digest(models, self.protocol.name, self.clip, files, sorted(self.quiet.items()))

    def show(self, methods: tuple[str, ...]) -> Shown:
        clip, masks = ClipFile(self.source.path), None
        # Models that are shown the same have one task: making it is most of what a copy costs.
        task_for = functools.cache(functools.partial(self.protocol.task, clip))
        videos: dict[str, Video] = {}
        quiet: dict[str, dict[str, Video]] = {}
        for one in self.judged:
            task = task_for(one.method.size, one.method.framing)
            videos |= {TRUTH: task.target.truth, self.protocol.copy: task.target.copy}
            for method, mel in self._sounds(one.name, task).items():
                if method in methods:
                    videos[method], masks = one.speak(task, mel)
            if self.quiet and one.name in methods:
                quiet[one.name] = self._resting(one, task)
        asked = {name: videos[name] for name in self.methods if name in methods}
        shown = Shown(task.target, asked, masks if len(self.judged) == 1 else None, clip.doubt)
        return shown._replace(quiet=quiet)

    def _resting(self, one: Judged, task: Task) -> dict[str, Video]:
        """What a model makes of the noise of a room, by score."""
        samples = (task.mel.shape[1] - 1) * HOP
        sounds = {score: room_noise(samples, level) for score, level in self.quiet.items()}
        return {score: one.speak(task, mel_spectrogram(s))[0] for score, s in sounds.items()}

    def _sounds(self, name: str, task: Task) -> dict[str, Float[Tensor, "80 steps"]]:
        """What each of a model's rows hears."""
        other = task.mel.flip(1) if self.other == self.source else _mel(self.other.path)
        silence = torch.full_like(task.mel, SILENCE)
        return {f"{name}, {_SILENT}": silence, f"{name}, {_OTHER}": other, name: task.mel}


def spoken_clips(
    groups: Mapping[str, Sequence[Source]],
    judged: Sequence[Judged],
    protocol: Protocol,
    *,
    rest: bool = False,
    quiet: bool = False,
) -> tuple[list[SpokenClip], list[Skipped]]:
    """Crop the clips that are not in the cache yet, and set each its other sound.

    Args:
        groups: clips by the name of their group.
        judged: the models.
        protocol: how they are scored.
        rest: let each also hear rooms in which nobody speaks, `QUIET`.
        quiet: no progress bar.

    Returns:
        What can be scored, each with the sound of the clip before it, and what cannot.

    Raises:
        InputError: a model cannot be scored so.
    """
    for one in judged:
        protocol.check(one.method)
    usable, skipped = [], []
    sources = [(group, source) for group, part in groups.items() for source in part]
    missing = not all(source.clip.path.exists() for _, source in sources)
    bar = tqdm(sources, "cropping clips", unit="clip", disable=quiet or not missing or None)
    for group, source in bar:
        try:
            usable.append((group, make_clip(source)))
        except InputError as error:
            skipped.append(Skipped(name_of(source.clip), " ".join(str(error).split())))
    return [
        SpokenClip(group, clip, usable[i - 1][1], tuple(judged), protocol, QUIET if rest else {})
        for i, (group, clip) in enumerate(usable)
    ], skipped


def name_of(clip: SourceClip) -> str:
    """A clip as tables call it: `speaker/clip`."""
    return f"{clip.speaker}/{clip.name}"


def _mel(path: Path) -> Float[Tensor, "80 steps"]:
    with safe_open(path, "pt") as file:
        return file.get_tensor("mel")
