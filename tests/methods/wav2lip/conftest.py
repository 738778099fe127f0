"""Wav2Lip's network written out a second time, from the facts that are known of it.

Nothing here is built by the library: names and shapes of the 352 tensors, and the arithmetic, layer
by layer, in plain functions of torch.
"""

import itertools
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F


class Layer(NamedTuple):
    """A convolution and its norm; `up`: transposed, an output padding of 1 where it doubles."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    stride: int | tuple[int, int] = 1
    pad: int = 1
    residual: bool = False
    up: bool = False


def chain(prefix, *layers):
    """Layers in a row: how many channels come in, then (outputs, kernel, stride, pad, ...)."""
    inputs, *rest = layers
    made = []
    for number, (outputs, *how) in enumerate(rest):
        made.append(Layer(f"{prefix}.{number}", inputs, outputs, *how))
        inputs = outputs
    return made


def same(channels, count):
    return [(channels, 3, 1, 1, True)] * count


AUDIO = chain(
    "audio_encoder", 1,
    (32, 3), *same(32, 2),
    (64, 3, (3, 1)), *same(64, 2),
    (128, 3, (3, 3)), *same(128, 2),
    (256, 3, (3, 2)), *same(256, 1),
    (512, 3, 1, 0), (512, 1, 1, 0),
)  # fmt: skip
FACE = [
    chain("face_encoder_blocks.0", 6, (16, 7, 1, 3)),
    chain("face_encoder_blocks.1", 16, (32, 3, 2), *same(32, 2)),
    chain("face_encoder_blocks.2", 32, (64, 3, 2), *same(64, 3)),
    chain("face_encoder_blocks.3", 64, (128, 3, 2), *same(128, 2)),
    chain("face_encoder_blocks.4", 128, (256, 3, 2), *same(256, 2)),
    chain("face_encoder_blocks.5", 256, (512, 3, 2), *same(512, 1)),
    chain("face_encoder_blocks.6", 512, (512, 3, 1, 0), (512, 1, 1, 0)),
]
DECODER = [
    chain("face_decoder_blocks.0", 512, (512, 1, 1, 0)),
    chain("face_decoder_blocks.1", 1024, (512, 3, 1, 0, False, True), *same(512, 1)),
    chain("face_decoder_blocks.2", 1024, (512, 3, 2, 1, False, True), *same(512, 2)),
    chain("face_decoder_blocks.3", 768, (384, 3, 2, 1, False, True), *same(384, 2)),
    chain("face_decoder_blocks.4", 512, (256, 3, 2, 1, False, True), *same(256, 2)),
    chain("face_decoder_blocks.5", 320, (128, 3, 2, 1, False, True), *same(128, 2)),
    chain("face_decoder_blocks.6", 160, (64, 3, 2, 1, False, True), *same(64, 2)),
]
OUTPUT = chain("output_block", 80, (32, 3))
LAYERS = [*AUDIO, *itertools.chain(*FACE, *DECODER), *OUTPUT]


def published(seed=0):
    """Weights at random, by the published names; activations neither die nor explode."""
    random = torch.Generator().manual_seed(seed)

    def drawn(*shape, low=-0.1, high=0.1):
        return torch.empty(shape).uniform_(low, high, generator=random)

    state = {}
    for layer in LAYERS:
        ends = layer.inputs, layer.outputs
        shape = *(ends if layer.up else ends[::-1]), layer.kernel, layer.kernel
        reach = (3 / (layer.inputs * layer.kernel**2)) ** 0.5
        state[f"{layer.name}.conv_block.0.weight"] = drawn(*shape, low=-reach, high=reach)
        state[f"{layer.name}.conv_block.0.bias"] = drawn(layer.outputs)
        norm = f"{layer.name}.conv_block.1"
        state[f"{norm}.weight"] = drawn(layer.outputs, low=0.8, high=1.2)
        state[f"{norm}.bias"] = drawn(layer.outputs)
        state[f"{norm}.running_mean"] = drawn(layer.outputs)
        state[f"{norm}.running_var"] = drawn(layer.outputs, low=0.7, high=1.5)
        state[f"{norm}.num_batches_tracked"] = torch.tensor(7)
    state["output_block.1.weight"] = drawn(3, 32, 1, 1, low=-0.5, high=0.5)
    state["output_block.1.bias"] = drawn(3)
    return state


def run(state, layer, x):
    def tensor(name):
        return state[f"{layer.name}.conv_block.{name}"]

    weight, bias = tensor("0.weight"), tensor("0.bias")
    if layer.up:
        extra = 1 if layer.stride == 2 else 0
        y = F.conv_transpose2d(x, weight, bias, layer.stride, layer.pad, extra)
    else:
        y = F.conv2d(x, weight, bias, layer.stride, layer.pad)
    moments = tensor("1.running_mean"), tensor("1.running_var")
    y = F.batch_norm(y, *moments, tensor("1.weight"), tensor("1.bias"))
    return F.relu(y + x if layer.residual else y)


def run_all(state, layers, x):
    for layer in layers:
        x = run(state, layer, x)
    return x


def composed(state, mel, faces):
    """(N, 1, 80, 16) and (N, 6, 96, 96) in, (N, 3, 96, 96) out, blue first."""
    seen = []
    for block in FACE:
        faces = run_all(state, block, faces)
        seen.append(faces)
    y = run_all(state, AUDIO, mel)
    for block in DECODER:
        y = torch.cat([run_all(state, block, y), seen.pop()], dim=1)
    y = run_all(state, OUTPUT, y)
    return F.conv2d(y, state["output_block.1.weight"], state["output_block.1.bias"]).sigmoid()


@pytest.fixture(scope="session")
def weights():
    return published()


@pytest.fixture(scope="session")
def reference():
    return composed
