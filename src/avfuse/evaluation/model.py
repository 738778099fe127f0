"""A model speaking, as `avfuse generate` lets it."""

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.evaluation.case import digest, fingerprint
from avfuse.evaluation.task import SIZE, Video
from avfuse.faces.crop import Box
from avfuse.features.mel import mel_windows
from avfuse.generator import Generator
from avfuse.runtime.choose import runner_named
from avfuse.video.paste import Spoken, paste

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
        mel: Float[Tensor, "80 steps"],
        times: Float[Tensor, "T"],
    ) -> tuple[Video, Float[np.ndarray, "T S S"]]:
        """Let faces speak a recording.

        Args:
            images: crops of the model's size.
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
            frames += [_pasted(*both) for both in zip(images[part], spoken, strict=True)]
        return np.stack(frames), np.concatenate(masks)


def _pasted(crop: UInt8[np.ndarray, "S S 3"], spoken: Spoken) -> UInt8[np.ndarray, "size size 3"]:
    """The crop as the whole of a frame, at 128²."""
    frame = paste(crop, Box(0.0, 0.0, float(len(crop)), float(len(crop))), spoken)
    return cv2.resize(frame, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
