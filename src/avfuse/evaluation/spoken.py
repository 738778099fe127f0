"""Clips that a model is to speak, by a protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import safe_open
from torch import Tensor
from tqdm import tqdm

from avfuse.data.clip import ClipFile
from avfuse.data.preprocess import Source, SourceClip, make_clip
from avfuse.errors import InputError
from avfuse.evaluation.case import Shown, Skipped, digest
from avfuse.evaluation.model import Model
from avfuse.evaluation.score import TRUTH
from avfuse.evaluation.task import Protocol, Task
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.sound.mel import SILENCE

SILENT, OTHER, MODEL = "model, silence", "model, other sound", "model"


@dataclass(frozen=True)
class SpokenClip:
    """A held-back clip, the model, and the controls that hear nothing of what is shown.

    Attributes:
        group: such as `seen` and `unseen`.
        source: the cached clip.
        other: the cached clip whose sound is the wrong one; its own is played backward.
        model: what is judged.
        protocol: what the model is given and compared with.
    """

    group: str
    source: SourceClip
    other: SourceClip
    model: Model
    protocol: Protocol

    @property
    def clip(self) -> str:
        return _name(self.source)

    @property
    def methods(self) -> tuple[str, ...]:
        return TRUTH, self.protocol.copy, SILENT, OTHER, MODEL

    @property
    def key(self) -> str:
        files = self.source.path.name, self.other.path.name
        return digest(self.model.key, self.protocol.name, self.clip, files)

    def show(self, methods: tuple[str, ...]) -> Shown:
        task = self.protocol.task(ClipFile(self.source.path), self.model.size)
        videos = {TRUTH: task.target.truth, self.protocol.copy: task.target.copy}
        videos = {name: video for name, video in videos.items() if name in methods}
        masks = None
        for method in (SILENT, OTHER, MODEL):
            if method in methods:
                sound = self._sound(method, task)
                videos[method], masks = self.model.speak(
                    task.images, task.target.copy, sound, task.target.times
                )
        return Shown(task.target, videos, masks)

    def _sound(self, method: str, task: Task) -> Float[Tensor, "80 steps"]:
        if method == SILENT:
            return torch.full_like(task.mel, SILENCE)
        if method == OTHER:
            return task.mel.flip(1) if self.other == self.source else _mel(self.other.path)
        return task.mel


def spoken_clips(
    groups: Mapping[str, Sequence[Source]],
    network: Generator,
    protocol: Protocol,
    *,
    quiet: bool = False,
) -> tuple[list[SpokenClip], list[Skipped]]:
    """Crop the clips that are not in the cache yet, and set each its other sound.

    Args:
        groups: clips by the name of their group.
        network: the model.
        protocol: how it is scored.
        quiet: no progress bar.

    Returns:
        What can be scored, each with the sound of the clip before it, and what cannot.
    """
    usable, skipped = [], []
    sources = [(group, source) for group, part in groups.items() for source in part]
    missing = not all(source.clip.path.exists() for _, source in sources)
    bar = tqdm(sources, "cropping clips", unit="clip", disable=quiet or not missing or None)
    for group, source in bar:
        try:
            usable.append((group, make_clip(source)))
        except InputError as error:
            skipped.append(Skipped(_name(source.clip), " ".join(str(error).split())))
    model = Model(network)
    return [
        SpokenClip(group, clip, usable[i - 1][1], model, protocol)
        for i, (group, clip) in enumerate(usable)
    ], skipped


def _name(clip: SourceClip) -> str:
    return f"{clip.speaker}/{clip.name}"


def _mel(path: Path) -> Float[Tensor, "80 steps"]:
    with safe_open(path, "pt") as file:
        return file.get_tensor("mel")
