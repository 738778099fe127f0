"""A model speaking, as `avfuse generate` lets it."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.evaluation.case import digest, fingerprint
from avfuse.evaluation.task import SIZE, Video
from avfuse.geometry.box import Box
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.runtime.choose import runner_named
from avfuse.sound.mel import mel_windows
from avfuse.video.paste import Spoken, paste

_WHOLE = Box(0.0, 0.0, float(SIZE), float(SIZE))
_CHUNK = 16  # frames a step of the network


class Model:
    """A model, ready to run.

    Args:
        network: in evaluation mode, on the device where it is to run.

    Attributes:
        size: pixels a side of what it is given.
        key: of its weights.
    """

    def __init__(self, network: Generator) -> None:
        self.size = network.size
        self.key = digest(network.config, fingerprint(network))
        self._steps = network.audio.steps
        self._runner = runner_named("auto", network)

    def speak(
        self,
        images: UInt8[np.ndarray, "T S S 3"],
        given: Video,
        mel: Float[Tensor, "80 steps"],
        times: Float[Tensor, "T"],
    ) -> tuple[Video, Float[np.ndarray, "T S S"]]:
        """Let faces speak a recording.

        Args:
            images: crops of the model's size.
            given: the same at 128²: what is seen of them, as the frame's own pixels are in a video.
            mel: of the recording.
            times: of the crops, in seconds of the recording.

        Returns:
            The frames at 128², and the attention masks at the model's size.
        """
        windows = mel_windows(mel, times, self._steps)
        frames, masks = [], []
        for start in range(0, len(images), _CHUNK):
            part = slice(start, start + _CHUNK)
            condition = self._runner.prepare(windows[part])
            planes = self._runner(torch.from_numpy(images[part]), condition)
            masks.append(planes.mask.numpy())
            spoken = map(Spoken, *(plane.numpy() for plane in planes))
            frames += [
                paste(frame, _WHOLE, s) for frame, s in zip(given[part], spoken, strict=True)
            ]
        return np.stack(frames), np.concatenate(masks)
