"""The videos protocol: whole videos made of a photo and sound, compared with what was filmed.

Any method can be scored so, whatever it needs and makes: it is met through `avfuse generate` alone.
Each is given as little as it takes: nothing, where it has a face of its own; the clip's first frame
as a photo; or the clip itself, where it meets more frames than one.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from avfuse.data.preprocess import Source
from avfuse.evaluation.case import Shown, Skipped, digest
from avfuse.evaluation.files import COPY, check_alike, compared
from avfuse.evaluation.folders import named_videos
from avfuse.evaluation.judged import Judged
from avfuse.evaluation.score import TRUTH
from avfuse.speaking.generate import generate
from avfuse.video.picture import write_picture
from avfuse.video.read import frames

VIDEOS = "videos"
"""Name of the protocol."""


@dataclass(frozen=True)
class VideoClip:
    """A clip, what models make of it, and what other systems made.

    Attributes:
        group: such as `seen` and `unseen`.
        clip: its name.
        video: what was filmed, with its sound.
        judged: the models.
        beside: other systems' videos of the same clip, by their names.
    """

    group: str
    clip: str
    video: Path
    judged: tuple[Judged, ...]
    beside: Mapping[str, Path] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        return TRUTH, COPY, *self.beside, *(one.name for one in self.judged)

    @property
    def panels(self) -> tuple[str, ...]:
        return TRUTH, *self.beside, *(one.name for one in self.judged)

    @property
    def key(self) -> str:
        models = tuple((one.name, one.key) for one in self.judged)
        stats = [(p.name, p.stat().st_size) for p in (self.video, *self.beside.values())]
        return digest(models, VIDEOS, self.clip, stats)

    def show(self, methods: tuple[str, ...]) -> Shown:
        moving = [one.name for one in self.judged if one.method.whole]
        with tempfile.TemporaryDirectory() as name:
            made = dict(self.beside)
            for number, one in enumerate(self.judged):
                if one.name in methods:
                    made[one.name] = Path(name) / f"{number}.mp4"
                    generate(
                        self._face(one, Path(name)),
                        self.video,
                        made[one.name],
                        model=one.method,
                        quiet=True,
                    )
            for path in self.beside.values():
                check_alike(path, self.video)
            return compared(self.video, made, methods, moving)

    def _face(self, one: Judged, folder: Path) -> Path | None:
        """What a model is shown of the clip."""
        if one.method.references > 1:
            return self.video
        if one.method.whole and not one.method.references:
            return None
        photo = folder / "photo.png"
        write_picture(photo, next(frames(self.video, exact=True)).image)
        return photo


def video_clips(
    groups: Mapping[str, Sequence[Source]],
    judged: Sequence[Judged],
    beside: Mapping[str, Path] = MappingProxyType({}),
) -> tuple[list[VideoClip], list[Skipped]]:
    """Set clips for the protocol.

    Args:
        groups: clips by the name of their group.
        judged: the models.
        beside: folders of other systems' videos, by the systems' names; each clip's lies at
            `speaker/clip` in them, whatever its ending.

    Returns:
        What can be scored, and what cannot, since some system made no video of it.
    """
    made = {name: dict(named_videos(folder)) for name, folder in beside.items()}
    clips, skipped = [], []
    for group, source in ((group, s) for group, part in groups.items() for s in part):
        name = f"{source.clip.speaker}/{source.clip.name}"
        missing = [system for system, videos in made.items() if name not in videos]
        if missing:
            skipped.append(Skipped(name, f"is not in {beside[missing[0]]}"))
            continue
        others = {system: videos[name] for system, videos in made.items()}
        clips.append(VideoClip(group, name, source.video, tuple(judged), others))
    return clips, skipped
