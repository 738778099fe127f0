"""A frame's time in every method's network, beside that of one of them."""

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from avfuse.bench.measure import interleaved
from avfuse.errors import InputError
from avfuse.geometry.box import Box, Frame, crop
from avfuse.method import Method, method_named, methods, name_of
from avfuse.runtime.choose import runner_named
from avfuse.runtime.nest import mapped
from avfuse.runtime.parity import Trial, trial
from avfuse.runtime.runner import Runner
from avfuse.types import Nest, Planes
from avfuse.video.paste import paste

YARDSTICK = "wav2lip"
"""The method that all others are compared with: eager and in float32, as its users run it."""


class NetworkTime(NamedTuple):
    """One method, run in one way, at one batch and size.

    Attributes:
        method: name.
        runner: name.
        batch: frames at a time.
        size: pixels a side of the pictures, given and made.
        network: pixels a side at which the network runs. Where that is less than `size`, what it
            draws is laid into the picture at the picture's own resolution, as `generate` does, and
            that counts too; where it is `size`, the network draws every pixel itself.
        ms_per_frame: milliseconds a frame, `prepare` and `draw` together.
        prepare_ms_per_frame: of these, what goes on over time.
    """

    method: str
    runner: str
    batch: int
    size: int
    network: int
    ms_per_frame: float
    prepare_ms_per_frame: float


class NetworkTimes(NamedTuple):
    """What was measured in one run, in turns.

    Attributes:
        rows: by method, runner, size and batch; first the model that was asked for, at its size.
        skipped: what could not run here, and why.
    """

    rows: list[NetworkTime]
    skipped: dict[str, str]

    @property
    def yardstick(self) -> float:
        """Milliseconds a frame of the yardstick, at its best batch."""
        return min(row.ms_per_frame for row in self.rows if is_yardstick(row))


def is_yardstick(row: NetworkTime) -> bool:
    """Whether others are compared with that."""
    return (row.method, row.runner) == (YARDSTICK, "eager")


def network_times(
    method: Method,
    runners: Sequence[str],
    batches: Sequence[int],
    sizes: Sequence[int],
    *,
    rounds: int,
    quiet: bool = False,
) -> NetworkTimes:
    """Time a method's runners, and every other method as it is, against each other.

    The others have their default configuration and random weights, which take as long as trained
    ones.

    Args:
        method: in evaluation mode, where all are to run.
        runners: names that `runner_named` knows.
        batches: frames at a time.
        sizes: pixels a side of the pictures, for a method that draws any; others run at their own.
            The network runs at that size, and for pictures larger than it was trained for at its
            own size too.
        rounds: how often each is timed.
        quiet: no progress bar.
    """
    works: dict[_Key, Callable[[], object]] = {}
    skipped: dict[str, str] = {}
    for name, made in _ready(method, runners, sizes, skipped):
        for batch in batches:
            key = _Key(name, made.runner.name, made.size, made.network, batch)
            works |= _both_sides(key, made.runner)
    ms = interleaved(works, rounds, "networks", quiet)
    rows = []
    for key, time in ms.items():
        if key.side == "frames":
            prepare, batch = ms[key._replace(side="prepare")], key.batch
            spent = (time + prepare) / batch, prepare / batch
            rows.append(NetworkTime(key.method, key.runner, batch, key.size, key.network, *spent))
    return NetworkTimes(rows, skipped)


class _Key(NamedTuple):
    method: str
    runner: str
    size: int
    network: int
    batch: int
    side: str = "frames"


class _Way(NamedTuple):
    """A runner, the pictures' size, and the one at which the network runs."""

    runner: Runner
    size: int
    network: int


def _ready(
    method: Method, runners: Sequence[str], sizes: Sequence[int], skipped: dict[str, str]
) -> Iterator[tuple[str, _Way]]:
    """Everything that runs here, by the method's name; the rest is noted."""
    own = name_of(type(method))
    for runner, (size, network) in itertools.product(runners, _ways(method, sizes)):
        try:
            made = runner_named(runner, _of_size(method, network))
        except InputError as error:
            skipped[runner] = str(error)
            continue
        if made.name == runner:
            yield own, _Way(made, size, network)
        else:
            skipped[runner] = f"runner {runner} cannot run here"
    for name in methods():
        if name == own:
            continue
        try:
            other = method_named(name).build({}).eval().requires_grad_(False).to(method.device)
        except InputError as error:
            skipped[name] = f"method {name}: {error}"
        else:
            yield name, _Way(runner_named("eager", other), other.size, other.size)


def _ways(method: Method, sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Sizes of pictures, the method's own first, and those at which the network runs."""
    if not method.any_size:
        return [(method.size, method.size)]
    ordered = sorted(sizes, key=lambda size: (size != method.size, size))
    return [(s, network) for s in ordered for network in sorted({min(s, method.size), s})]


def _both_sides(key: _Key, runner: Runner) -> dict[_Key, Callable[[], object]]:
    given, method = _chunk(runner.method, key.batch), runner.method
    with torch.inference_mode():
        person = method.meet(given.references, None)
    # In the middle of a clip: what is done at its beginning only does not count.
    _, state = _prepare(method, given, person, None)
    prepare = partial(_prepare, method, given, person, state)
    condition, _ = prepare()
    images = None if given.seen is None else given.seen.images
    frames: Callable[[], object] = partial(_draw, runner, images, condition)
    if key.network < key.size:
        pictures = torch.randint(256, (key.batch, key.size, key.size, 3), dtype=torch.uint8)
        frames = partial(_speak, runner, pictures.numpy(), key.network, condition)
    return {key._replace(side="prepare"): prepare, key: frames}


def _chunk(method: Method, batch: int) -> Trial:
    """A method's trial, as long as a batch."""
    given = trial(method)
    places = torch.arange(batch) % len(given.heard)
    seen = mapped(given.seen, lambda tensor: tensor[places])
    return Trial(given.heard[places], seen, given.references)


@torch.inference_mode()
def _prepare(method: Method, given: Trial, person: Nest, state: Nest) -> tuple[Nest, Nest]:
    heard = given.heard.to(method.device).unsqueeze(0)
    prepared: tuple[Nest, Nest] = method.prepare(heard, given.seen, person, state)
    return prepared


def _draw(runner: Runner, images: Tensor | None, condition: Nest) -> Planes:
    return runner.method.finish(runner.draw(images, condition), None)[0]


def _speak(
    runner: Runner, pictures: UInt8[np.ndarray, "N S S 3"], size: int, condition: Nest
) -> list[Frame]:
    """From pictures to pictures that speak, the network at a size of its own."""
    whole = Box(0.0, 0.0, float(pictures.shape[1]), float(pictures.shape[2]))
    crops = np.stack([crop(picture, whole, size) for picture in pictures])
    planes = _draw(runner, torch.from_numpy(crops), condition).each()
    return [paste(picture, whole, drawn) for picture, drawn in zip(pictures, planes, strict=True)]


def _of_size(method: Method, size: int) -> Method:
    """The same network, as if it were trained for another size: runners make themselves for it."""
    if size == method.size:
        return method
    resized = copy.copy(method)
    resized.size = size
    return resized
