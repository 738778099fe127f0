"""A frame's time in the generator, runner by runner, beside Wav2Lip's."""

import copy
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from avfuse.bench.measure import interleaved
from avfuse.errors import InputError
from avfuse.geometry.box import Box, Frame, crop
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.methods.wav2lip.generator import SIZE, Wav2LipGenerator
from avfuse.runtime.choose import runner_named
from avfuse.runtime.runner import Runner
from avfuse.sound.mel import MELS
from avfuse.types import Condition
from avfuse.video.paste import Spoken, paste

_WAV2LIP = "wav2lip"


class GeneratorTime(NamedTuple):
    """One runner at one batch and size.

    Attributes:
        runner: name.
        batch: frames at a time.
        size: pixels a side of the pictures of faces, given and made.
        network: pixels a side at which the network runs. Where that is less than `size`, what it
            draws is laid into the picture at the picture's own resolution, as `generate` does, and
            that counts too; where it is `size`, the network draws every pixel itself.
        ms_per_frame: milliseconds a frame, both sides together.
        prepare_ms_per_frame: of these, the sound's side.
    """

    runner: str
    batch: int
    size: int
    network: int
    ms_per_frame: float
    prepare_ms_per_frame: float


class Wav2LipTime(NamedTuple):
    """Wav2Lip's generator at one batch, in float32 and eager, as its users run it."""

    batch: int
    ms_per_frame: float


class NetworkTimes(NamedTuple):
    """What was measured in one run, in turns.

    Attributes:
        generator: by runner, size and batch.
        wav2lip: by batch.
        skipped: runners that cannot run here, and why.
    """

    generator: list[GeneratorTime]
    wav2lip: list[Wav2LipTime]
    skipped: dict[str, str]


def network_times(
    generator: Generator,
    runners: Sequence[str],
    batches: Sequence[int],
    sizes: Sequence[int],
    *,
    rounds: int,
    quiet: bool = False,
) -> NetworkTimes:
    """Time a generator's runners and Wav2Lip's generator against each other.

    Args:
        generator: in evaluation mode, where it is to run.
        runners: names that `runner_named` knows.
        batches: frames at a time.
        sizes: pixels a side of the pictures; not those of Wav2Lip, which are 96. The network runs
            at that size, and for pictures larger than it was trained for at its own size too.
        rounds: how often each is timed.
        quiet: no progress bar.
    """
    works: dict[_Key, Callable[[], object]] = {}
    skipped: dict[str, str] = {}
    ways = [
        (size, network) for size in sizes for network in sorted({min(size, generator.size), size})
    ]
    for name, (size, network) in itertools.product(runners, ways):
        try:
            runner = runner_named(name, _of_size(generator, network))
        except InputError as error:
            skipped[name] = str(error)
            continue
        if runner.name != name:
            skipped[name] = f"runner {name} cannot run here"
            continue
        for batch in batches:
            works |= _both_sides(_Key(name, size, network, batch), runner, generator.audio.steps)
    yardsticks = {_Key(_WAV2LIP, SIZE, SIZE, batch): batch for batch in batches}
    wav2lip = Wav2LipGenerator().to(next(generator.parameters()).device).eval()
    works |= {key: partial(_draw, wav2lip, batch) for key, batch in yardsticks.items()}
    ms = interleaved(works, rounds, "networks", quiet)
    return NetworkTimes(
        [
            GeneratorTime(
                *(key.name, key.batch, key.size, key.network),
                ms_per_frame=(time + prepare) / key.batch,
                prepare_ms_per_frame=prepare / key.batch,
            )
            for key, time in ms.items()
            if (prepare := ms.get(key._replace(side="prepare"))) and key.side == "frames"
        ],
        [Wav2LipTime(batch, ms[key] / batch) for key, batch in yardsticks.items()],
        skipped,
    )


class _Key(NamedTuple):
    name: str
    size: int
    network: int
    batch: int
    side: str = "frames"


def _both_sides(key: _Key, runner: Runner, steps: int) -> dict[_Key, Callable[[], object]]:
    mel = torch.zeros(key.batch, MELS, steps)
    pictures = torch.randint(256, (key.batch, key.size, key.size, 3), dtype=torch.uint8)
    condition = runner.prepare(mel)
    frames: Callable[[], object] = partial(runner, pictures, condition)
    if key.network < key.size:
        frames = partial(_speak, runner, pictures.numpy(), key.network, condition)
    return {key._replace(side="prepare"): partial(runner.prepare, mel), key: frames}


def _speak(
    runner: Runner, pictures: UInt8[np.ndarray, "N S S 3"], size: int, condition: Condition
) -> list[Frame]:
    """From pictures to pictures that speak, the network at a size of its own."""
    whole = Box(0.0, 0.0, float(pictures.shape[1]), float(pictures.shape[2]))
    crops = np.stack([crop(picture, whole, size) for picture in pictures])
    planes = runner(torch.from_numpy(crops), condition)
    spoken = map(Spoken, *(plane.numpy() for plane in planes))
    return [paste(picture, whole, drawn) for picture, drawn in zip(pictures, spoken, strict=True)]


@torch.inference_mode()
def _draw(network: Wav2LipGenerator, batch: int) -> Tensor:
    """What Wav2Lip's users run, from pictures on the CPU to pictures on the CPU."""
    device = next(network.parameters()).device
    mel, faces = torch.zeros(batch, 1, MELS, 16), torch.zeros(batch, 6, SIZE, SIZE)
    return network(mel.to(device), faces.to(device)).cpu()


def _of_size(generator: Generator, size: int) -> Generator:
    """The same network, as if it were trained for another size: runners make themselves for it."""
    resized = copy.copy(generator)
    resized.size = size
    return resized
