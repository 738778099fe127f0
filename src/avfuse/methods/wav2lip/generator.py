"""Wav2Lip's generator (Prajwal et al. 2020), from its layers' sizes: a yardstick, and a teacher.

It draws the lower half of a face of 96 x 96 pixels from the upper half, a reference frame and
200 ms of sound. Names are those of the checkpoints that users have.
"""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.files.foreign import read_checkpoint
from avfuse.layers.audio_encoder import AudioEncoder, ConvLayer

SIZE = 96
"""Pixels a side of the faces that it takes and draws."""

# Outputs and residual layers of each halving of the face, and of each doubling back.
_DOWN = ((32, 2), (64, 3), (128, 2), (256, 2), (512, 1))
_UP = ((512, 2), (384, 2), (256, 2), (128, 2), (64, 2))


class UpLayer(nn.Module):
    """Transposed convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int, padding: int) -> None:
        super().__init__()
        # The output padding makes a stride of 2 double the size exactly.
        up = nn.ConvTranspose2d(inputs, outputs, 3, stride, padding, output_padding=stride - 1)
        self.conv_block = nn.Sequential(up, nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C2 H2 W2"]:
        return torch.relu(self.conv_block(x))


class Wav2LipGenerator(nn.Module):
    """Frames whose lower half is hidden, a reference and sound in; whole faces out.

    36,298,035 parameters and 7.93 GFLOP a frame, its audio encoder included. Weights are random
    until [`load`][avfuse.methods.wav2lip.generator.Wav2LipGenerator.load].
    """

    def __init__(self) -> None:
        super().__init__()
        self.audio_encoder = AudioEncoder().layers
        self.face_encoder_blocks = nn.ModuleList(_encoder())
        self.face_decoder_blocks = nn.ModuleList(_decoder())
        self.output_block = nn.Sequential(
            ConvLayer(_UP[-1][0] + 16, 32, 3, 1, 1, False), nn.Conv2d(32, 3, 1), nn.Sigmoid()
        )

    def forward(
        self, mel: Float[Tensor, "N 1 80 16"], faces: Float[Tensor, "N 6 96 96"]
    ) -> Float[Tensor, "N 3 96 96"]:
        """Draw N faces.

        Args:
            mel: windows of 16 steps, as [`mel_windows`][avfuse.mel_windows] cuts them.
            faces: the frame, its lower half zero, and a reference frame beside it; blue, green,
                red, each in [0, 1].

        Returns:
            Faces; blue, green, red in [0, 1].
        """
        features = []
        y = faces
        for block in self.face_encoder_blocks:
            y = block(y)
            features.append(y)
        y = self.audio_encoder(mel)
        for block in self.face_decoder_blocks:
            y = torch.cat([block(y), features.pop()], 1)
        return self.output_block(y)

    def load(self, path: str | PathLike[str]) -> None:
        """Take the weights of a Wav2Lip checkpoint; no pickled code is run.

        Args:
            path: a training checkpoint, a bare state dict or a TorchScript archive.

        Raises:
            InputError: if the file is none of these, or holds other weights.
        """
        found, own = read_checkpoint(Path(path)), self.state_dict()
        differ = {k for k in own.keys() & found.keys() if own[k].shape != found[k].shape}
        differ |= own.keys() ^ found.keys()
        if differ:
            raise InputError(
                f"{path} does not hold Wav2Lip's generator: {len(differ)} of its {len(own)} "
                f"tensors are missing, left over or of another shape, such as {min(differ)}"
            )
        self.load_state_dict(found)


def _encoder() -> Iterator[nn.Sequential]:
    """96, 48, 24, 12, 6 and 3 pixels, then one."""
    yield nn.Sequential(ConvLayer(6, 16, 7, 1, 3, False))
    inputs = 16
    for outputs, count in _DOWN:
        yield nn.Sequential(ConvLayer(inputs, outputs, 3, 2, 1, False), *_residual(outputs, count))
        inputs = outputs
    yield nn.Sequential(
        ConvLayer(inputs, inputs, 3, 1, 0, False), ConvLayer(inputs, inputs, 1, 1, 0, False)
    )


def _decoder() -> Iterator[nn.Sequential]:
    """One pixel, 3, then 6, 12, 24, 48 and 96; each block also sees the encoder's features."""
    yield nn.Sequential(ConvLayer(512, 512, 1, 1, 0, False))
    yield nn.Sequential(UpLayer(1024, 512, 1, 0), *_residual(512, 1))
    inputs, skips = 512, [outputs for outputs, _ in reversed(_DOWN)]
    for skip, (outputs, count) in zip(skips, _UP, strict=True):
        yield nn.Sequential(UpLayer(inputs + skip, outputs, 2, 1), *_residual(outputs, count))
        inputs = outputs


def _residual(channels: int, count: int) -> Iterator[ConvLayer]:
    return (ConvLayer(channels, channels, 3, 1, 1, True) for _ in range(count))
