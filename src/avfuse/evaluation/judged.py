"""A model that is judged, speaking as `avfuse generate` lets it."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from avfuse.evaluation.case import digest, fingerprint
from avfuse.evaluation.task import SIZE, Task, Video
from avfuse.geometry.box import Box
from avfuse.method import Method
from avfuse.runtime.choose import runner_named
from avfuse.runtime.speaker import Speaker
from avfuse.sound.mel import mel_windows
from avfuse.types import Seen
from avfuse.video.paste import paste

_WHOLE = Box(0.0, 0.0, float(SIZE), float(SIZE))
_CHUNK = 16  # frames a step of the network


class Judged:
    """A model, ready to run.

    Args:
        method: in evaluation mode, on the device where it is to run.
        name: of its row.

    Attributes:
        method: what is judged.
        name: of its row.
        key: of its weights.
    """

    def __init__(self, method: Method, name: str = "model") -> None:
        self.method, self.name = method, name
        self.key = digest(method.config, fingerprint(method))
        self._runner = runner_named("auto", method)

    def speak(
        self, task: Task, mel: Float[Tensor, "80 steps"] | None = None
    ) -> tuple[Video, Float[np.ndarray, "T S S"] | None]:
        """Let the faces of a task speak.

        Args:
            task: made for this method.
            mel: of another recording than the task's own.

        Returns:
            The frames at 128², and the attention masks at the method's size, if it makes such.
        """
        windows = mel_windows(
            task.mel if mel is None else mel, task.target.times, self.method.hears
        )
        speaker = Speaker(self._runner, *self._met(task))
        box = _WHOLE.framed(self.method.framing)
        frames, masks = [], []
        for start in range(0, len(windows), _CHUNK):
            part = slice(start, start + _CHUNK)
            planes = speaker.step(windows[part], task.seen.part(part))
            frames += [
                paste(frame, box, made)
                for frame, made in zip(task.target.copy[part], planes.each(), strict=True)
            ]
            if planes.mask is not None:
                masks.append(planes.mask.numpy())
        return np.stack(frames), np.concatenate(masks) if masks else None

    def _met(self, task: Task) -> tuple[Seen | None, Tensor | None]:
        """The task's first frames, for a method that meets somebody, and their sound."""
        count = self.method.references
        if not count:
            return None, None
        times = task.target.times[:count]
        return task.seen.part(slice(count)), mel_windows(task.mel, times, self.method.hears)
