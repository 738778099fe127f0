"""The Wav2Lip audio encoder: a mel window in, one audio feature out (h1 of eq. 2)."""

import math
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.files.foreign import read_checkpoint
from avfuse.sound.mel import MELS

WINDOW = 16
"""Mel steps that the network hears at least: 200 ms."""

# Kernel, stride, padding, width (in units of `width`), residual: facts of the public architecture.
_LAYERS: tuple[tuple[int, int | tuple[int, int], int, int, bool], ...] = (
    (3, 1, 1, 1, False),
    (3, 1, 1, 1, True),
    (3, 1, 1, 1, True),
    (3, (3, 1), 1, 2, False),
    (3, 1, 1, 2, True),
    (3, 1, 1, 2, True),
    (3, 3, 1, 4, False),
    (3, 1, 1, 4, True),
    (3, 1, 1, 4, True),
    (3, (3, 2), 1, 8, False),
    (3, 1, 1, 8, True),
    (3, 1, 0, 16, False),
    (1, 1, 0, 16, False),
)


class ConvLayer(nn.Module):
    """Wav2Lip's layer: convolution and batch norm, the input added where residual, ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int | tuple[int, int], padding: int,
        residual: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.BatchNorm2d(outputs)
        )
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv_block(x)
        return torch.relu(x + y if self.residual else y)


class AudioEncoder(nn.Module):
    """Wav2Lip's audio network: 13 convolutions, 512 x 1 x 1 for a window of 16 mel steps.

    Args:
        steps: mel steps that are heard. 16 (200 ms) is the paper's; more hear the sounds around
            the frame and widen the feature, since positions in time are kept apart.
        width: channels of the first layers; 32 is Wav2Lip's and takes its weights.
        windows: how many windows of 16 steps are listened to, spread evenly over `steps`, each by
            the same network, their features positions in time: weights that were trained on 16
            steps hear more with them. None is one window of all the steps.
    """

    def __init__(self, steps: int = 16, width: int = 32, windows: int | None = None) -> None:
        super().__init__()
        if steps < WINDOW or width < 1:
            raise ValueError(f"steps={steps}, width={width}; expected steps >= 16 and width >= 1")
        self.steps, self.width = steps, width
        self.window = steps if windows is None else WINDOW
        self.begins = _spread(steps - self.window, 1 if windows is None else windows)
        layers, inputs = [], 1
        for kernel, stride, padding, factor, residual in _LAYERS:
            layers.append(ConvLayer(inputs, width * factor, kernel, stride, padding, residual))
            inputs = width * factor
        self.layers = nn.Sequential(*layers)
        alone = math.ceil(math.ceil(self.window / 3) / 2) - 2  # strides 3, 2, then a valid 3x3
        self.positions = alone * len(self.begins)
        self.dim = inputs * self.positions

    def forward(self, mel: Float[Tensor, "N 80 S"]) -> Float[Tensor, "N D"]:
        """Encode mel windows (N, 80, steps) as features (N, D), all ≥ 0."""
        if mel.shape[1:] != (MELS, self.steps):
            raise ValueError(
                f"mel windows have shape {tuple(mel.shape)}; expected (N, {MELS}, {self.steps})"
            )
        heard = torch.stack([mel[..., at : at + self.window] for at in self.begins], 1)
        features = self.layers(heard.flatten(0, 1).unsqueeze(1))  # (N windows, C, 1, P)
        return features.unflatten(0, heard.shape[:2]).movedim(1, 3).flatten(1)

    def load_wav2lip(self, path: str | Path) -> None:
        """Take the audio encoder out of a Wav2Lip checkpoint.

        Accepts what users have: a training checkpoint (`{"state_dict": ...}`, also with `module.`
        prefixes), a bare state dict, or a TorchScript archive. No pickled code is run.

        Args:
            path: the checkpoint.

        Raises:
            InputError: if the file holds no such weights, or this encoder has another width.
        """
        found = _wav2lip_weights(read_checkpoint(Path(path)))
        own = self.layers.state_dict()
        if not found:
            raise InputError(f"{path} has no keys audio_encoder.N.conv_block.*; is it Wav2Lip's?")
        if set(found) != set(own) or any(found[k].shape != own[k].shape for k in own):
            raise InputError(
                f"{path} holds {len(found)} audio encoder tensors that do not fit this encoder; "
                f"Wav2Lip's needs AudioEncoder(width=32)"
            )
        self.layers.load_state_dict(found)


def _spread(last: int, count: int) -> tuple[int, ...]:
    """Where so many windows begin, the first at 0 and the last there."""
    step = last // max(1, count - 1)
    begins = tuple(step * number for number in range(count))
    if len(set(begins)) != max(1, count) or begins[-1] != last:
        raise ValueError(
            f"windows={count} of {WINDOW} steps do not spread evenly over {last + WINDOW} steps; "
            f"expected steps = {WINDOW} + k * (windows - 1)"
        )
    return begins


def _wav2lip_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = "audio_encoder."
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
