"""One clip that can be scored, whoever made its videos."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch import nn

from avfuse import __version__
from avfuse.evaluation.task import Target, Video


class Shown(NamedTuple):
    """A clip's videos.

    Attributes:
        target: what they are compared with.
        videos: by method.
        masks: attention masks of what is judged, where it has any.
        note: what a reader of the scores has to know; empty for nothing.
        quiet: by model, its videos of the same frames under sounds in which nobody speaks, by
            their scores.
    """

    target: Target
    videos: dict[str, Video]
    masks: Float[np.ndarray, "T S S"] | None = None
    note: str = ""
    quiet: Mapping[str, Mapping[str, Video]] = MappingProxyType({})


@runtime_checkable
class Case(Protocol):
    """One clip that can be scored."""

    @property
    def group(self) -> str:
        """Which clips it is averaged with."""

    @property
    def clip(self) -> str:
        """Its name."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Rows: the truth first, the copy second, what is judged last."""

    @property
    def panels(self) -> tuple[str, ...]:
        """The rows that are worth a look, the truth first."""

    @property
    def key(self) -> str:
        """The same as long as the videos are: of the model, the clip and the protocol."""

    def show(self, methods: tuple[str, ...]) -> Shown:
        """Make the videos of some methods; the same ones every time.

        Raises:
            InputError: if the clip cannot be used.
        """


class Skipped(NamedTuple):
    """A clip that could not be scored, and why, in one line."""

    clip: str
    reason: str


def digest(*facts: object) -> str:
    """A key of facts, and of the version of this package."""
    return hashlib.sha256(repr((__version__, *facts)).encode()).hexdigest()[:16]


def fingerprint(network: nn.Module | None) -> str:
    """A key of a network's weights."""
    state = {} if network is None else network.state_dict()
    content = hashlib.sha256()
    for name, value in sorted(state.items()):
        content.update(name.encode())
        content.update(value.detach().cpu().contiguous().numpy().tobytes())
    return content.hexdigest()[:16]
