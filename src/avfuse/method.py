"""What a method is: one class that hears, sees and draws. Whoever uses a method knows no more.

A method is a folder of `avfuse.methods`, or somebody else's module behind an entry point of that
name, whose `METHOD` is a subclass of [`Method`][avfuse.method.Method]. Nothing lists them: they are
found.
"""

import copy
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, ClassVar, Generic

import torch
from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import TypeVar

from avfuse.errors import InputError
from avfuse.layers.folding import folded
from avfuse.sound.mel import Hearing
from avfuse.types import SQUARE, Drawn, Framing, Nest, Planes, Seen

GROUP = "avfuse.methods"
"""The package whose folders are methods, and the entry points by which others add theirs."""

ConditionT = TypeVar("ConditionT", default=Any)
PersonT = TypeVar("PersonT", default=Any)
StateT = TypeVar("StateT", default=Any)


class Method(nn.Module, ABC, Generic[ConditionT, PersonT, StateT]):
    """A whole method, from crops of a face and sound to what is drawn of them.

    Its two halves are those of a [`Fusion`][avfuse.Fusion]: `prepare` does what goes on over time;
    `draw` is what is left for each frame: stateless and of fixed shape, so that it can be compiled
    or captured in a CUDA graph. The three type arguments are what is handed from one to the other:
    nested (named) tuples of tensors, of the condition's the first dimension being frames.

    What it needs and makes are facts, class attributes with defaults; who cannot use a method says
    so by one of them, never by its name.

    Attributes:
        paper: authors, title and year, in one line.
        footage: whether it changes footage, every frame of which it is shown; otherwise what it
            draws is laid over one still picture.
        references: frames in a row that it meets first: 1 is a photo, K a clip with its sound.
        fewer: whether fewer of them will do: a photo, or a clip that is shorter.
        landmarks: whether it needs the 68 points of what it sees.
        whole: whether it makes whole frames, of `size` pixels a side, that move by themselves.
        any_size: whether it draws crops of any size that its stride divides.
        fps: frames a second that it makes; None for the footage's.
        stages: its trainings, in order, where there are several.
        framing: where it looks.
        tiny: options by which it is small enough to be tried, in tests for instance.
        hears: what of the sound a frame hears.
        size: pixels a side of its crops.
        config: what it takes to build it again, in plain values.
        portable: whether `config` holds all that it takes; parts made by functions have no name.
        trained: which of its stages its weights have been through, where that is known.
    """

    paper: ClassVar[str]
    footage: ClassVar[bool] = True
    references: int = 0
    fewer: ClassVar[bool] = False
    landmarks: bool = False
    whole: ClassVar[bool] = False
    any_size: ClassVar[bool] = False
    fps: float | None = None
    stages: ClassVar[tuple[str, ...]] = ()
    framing: ClassVar[Framing] = SQUARE
    tiny: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    hears: Hearing
    size: int
    config: dict[str, Any]
    portable: bool = True
    trained: tuple[str, ...] = ()

    @classmethod
    def build(cls, config: Mapping[str, Any]) -> "Method":
        """Build one, weights at random.

        Args:
            config: as of an instance's `config`; what is missing has its default.
        """
        return cls(**config)

    @classmethod
    def spelled_out(cls, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """A configuration laid flat, what stands at its default too: by that two are compared."""
        return config

    @classmethod
    def free(cls, trained: Collection[str]) -> frozenset[str]:  # noqa: ARG003  a contract
        """Options in which weights may differ from the method that goes on from them.

        Args:
            trained: stages that the weights have been through.
        """
        return frozenset({"size"} if cls.any_size else ())

    def meet(self, seen: Seen | None, heard: Float[Tensor, "K M S"] | None) -> PersonT:
        """Get to know whose face it is, once.

        Args:
            seen: its `references`, all in one square where it makes whole frames; None where that
                is 0.
            heard: their sound; None where they are silent.

        Returns:
            What `prepare` is to know of the person; by default, nothing.
        """
        return ()  # type: ignore[return-value]

    @abstractmethod
    def prepare(
        self,
        heard: Float[Tensor, "1 T M S"],
        seen: Seen | None,
        person: PersonT,
        state: StateT | None,
    ) -> tuple[ConditionT, StateT]:
        """Everything that goes on over time, for frames in a row.

        Args:
            heard: their sound, as `hears` says, on the method's device.
            seen: what they show; None for a method that makes whole frames.
            person: what `meet` returned.
            state: what the frames before left; None at the beginning.

        Returns:
            What `draw` needs of each frame, and the state for the frames that follow.
        """

    @abstractmethod
    def draw(self, images: Float[Tensor, "N 3 H W"] | None, condition: ConditionT) -> Drawn:
        """Draw frames, each by itself.

        Args:
            images: what they show, RGB in [0, 1]; None for a method that makes whole frames.
            condition: of the same frames.
        """

    def finish(self, planes: Planes, trail: Nest) -> tuple[Planes, Nest]:
        """What is done over time after drawing.

        Args:
            planes: of frames in a row, on the CPU.
            trail: what the frames before left; None at the beginning.

        Returns:
            The planes as they are pasted, and the trail for the frames that follow.
        """
        return planes, trail

    def lean(self, dtype: torch.dtype) -> "Method":
        """A copy that does the same in less work.

        Args:
            dtype: of most of its layers. The default folds norms into convolutions, and knows
                float32 only.

        Raises:
            InputError: it cannot compute in that precision.
        """
        if dtype != torch.float32:
            raise InputError(f"{name_of(type(self))} computes in float32 only")
        return folded(copy.deepcopy(self).eval().requires_grad_(False))

    @classmethod
    def recognises(cls, names: Iterable[str]) -> bool:  # noqa: ARG003  a contract
        """Whether tensors of these names are the weights of its authors' own program."""
        return False

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of its authors' own program.

        Args:
            weights: by the names that they have there.

        Raises:
            InputError: they are not what this method knows how to take.
        """
        raise InputError(f"{name_of(type(self))} takes no weights of another program")

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return next(self.parameters()).device


def plain_config(options: Mapping[str, Any]) -> dict[str, Any]:
    """A method's `config`, of options that are plain values: named once, in its signature.

    Args:
        options: `locals()`, as the first thing in its `__init__`.
    """
    own = {k: v for k, v in options.items() if k not in ("self", "__class__")}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in own.items()}


def methods() -> list[str]:
    """The names of every method that is installed, in order."""
    package = importlib.import_module(GROUP)
    found = {part.name for part in pkgutil.iter_modules(package.__path__) if part.ispkg}
    return sorted(found | {point.name for point in _points()})


def method_named(name: str) -> type[Method]:
    """The method of a name; nothing but its own module is imported.

    Raises:
        InputError: there is none.
    """
    point = next((point for point in _points() if point.name == name), None)
    if point is not None:
        found = point.load()
    elif name in methods():
        found = importlib.import_module(f"{GROUP}.{name}")
    else:
        raise InputError(f"method {name!r} is unknown; expected {', '.join(methods())}")
    method = getattr(found, "METHOD", found)
    if not (isinstance(method, type) and issubclass(method, Method)):
        raise InputError(f"{found!r} is no method: it has no METHOD that is a subclass of Method")
    return method


def name_of(method: type[Method]) -> str:
    """The name by which `method_named` finds a method.

    Raises:
        InputError: it is neither in a folder of `avfuse.methods` nor behind an entry point.
    """
    home = method.__module__
    if home.startswith(f"{GROUP}."):
        return home.removeprefix(f"{GROUP}.").partition(".")[0]
    for point in _points():
        if method_named(point.name) is method:
            return point.name
    raise InputError(
        f"{method.__qualname__} is no method that can be found again; declare it as an entry point "
        f"of {GROUP}"
    )


def _points() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))
