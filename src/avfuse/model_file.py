"""The model file that people share: safetensors, with everything needed to build it inside.

Nothing is unpickled. The configuration and the credits stand as JSON in the file's own header.
"""

import contextlib
import functools
import json
import os
import textwrap
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_bytes
from torch import Tensor

import avfuse.fusion  # noqa: F401  strategies are found among what is imported
from avfuse.errors import InputError
from avfuse.fusion.base import Fusion
from avfuse.generator import Generator

DEFAULT = "default"
"""The bundled model that is used unless another is named."""

_FORMAT = "1"


class BundledModel(NamedTuple):
    """A model that comes with the package.

    Attributes:
        name: what `load` takes.
        path: of the model file.
        megabytes: of the file; a megabyte is 10^6 bytes.
        credit: the data it was trained on and their licences.
    """

    name: str
    path: Path
    megabytes: float
    credit: str


def load(name_or_path: str | os.PathLike[str] = DEFAULT, device: str = "cpu") -> Generator:
    """Load a bundled model by its name, or a model file.

    Args:
        name_or_path: a name that `avfuse models` lists, or a file by `avfuse export`.
        device: where to put it, as torch names it.

    Returns:
        The generator in float32 and evaluation mode.

    Raises:
        InputError: if there is no such model, or the file is none.
    """
    path = _find(name_or_path)
    config = _header(path).get("config", "")
    with safe_open(path, "pt") as file:
        weights = {name: _widen(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    generator = _build(config, weights, path)
    generator = generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return generator.eval().requires_grad_(False)


def save(generator: Generator, path: Path, credit: str = "") -> None:
    """Write a generator as a model file, weights in float16; whole or not at all.

    Args:
        generator: what to save.
        path: of the file.
        credit: the data it was trained on and their licences.

    Raises:
        InputError: if the file cannot be written.
    """
    if generator.config["fusion"] is None:
        raise InputError(
            "the fusion was made by a function, which a file cannot name; give the generator a "
            "strategy or functools.partial(strategy, ...)"
        )
    header = {"format": _FORMAT, "config": json.dumps(generator.config), "credit": credit}
    weights = {name: _narrow(value) for name, value in generator.state_dict().items()}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(save_bytes(weights, header))
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        reason = f"cannot be written ({error.strerror})"
        raise InputError(f"{path}: {reason}; choose another place") from error


def export(checkpoint: Path, path: Path, credit: str = "") -> Generator:
    """Turn a Lightning checkpoint of `TalkingFace` into a model file.

    Args:
        checkpoint: written by `avfuse fit`; averaged weights where the run kept them.
        path: of the model file.
        credit: the data it was trained on and their licences.

    Returns:
        The generator that was saved.

    Raises:
        InputError: if the checkpoint is missing or none of ours, or the file cannot be written.
    """
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        config, tensors = state["avfuse"], state["state_dict"]
    except FileNotFoundError as error:
        raise InputError(f"{checkpoint} does not exist") from error
    except Exception as error:  # whatever a foreign or damaged file makes of the loader
        raise InputError(f"{checkpoint} is not a checkpoint written by avfuse fit") from error
    prefix = "generator."
    weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    generator = _build(config, weights, checkpoint)
    save(generator.eval(), path, credit)
    return generator


def bundled() -> Iterator[BundledModel]:
    """The models that come with the package, by name."""
    folder = Path(str(resources.files("avfuse") / "models"))
    for path in sorted(folder.glob("*.safetensors")):
        credit = _header(path).get("credit", "")
        yield BundledModel(path.stem, path, path.stat().st_size / 1e6, credit)


def _find(name_or_path: str | os.PathLike[str]) -> Path:
    models = {model.name: model.path for model in bundled()}
    if str(name_or_path) in models:
        return models[str(name_or_path)]
    path = Path(name_or_path)
    if not path.is_file():
        raise InputError(
            f"model {str(name_or_path)!r} is neither bundled ({', '.join(models) or 'none'}) nor "
            f"a file; see avfuse models"
        )
    return path


def _header(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, "pt") as file:
            header: dict[str, str] = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is not a model file; make one with avfuse export") from error
    if header.get("format") != _FORMAT:
        raise InputError(
            f"{path} has model format {header.get('format')}, expected {_FORMAT}; export it again"
        )
    return header


def _build(config: str, weights: dict[str, Tensor], path: Path) -> Generator:
    try:
        options = json.loads(config)
        generator = Generator(_fusion(options.pop("fusion"), path), **options)
        generator.load_state_dict(weights)
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = textwrap.shorten(str(error), 200)
        raise InputError(f"{path}: weights and configuration do not fit ({reason})") from error
    return generator


def _fusion(config: dict[str, Any], path: Path) -> functools.partial[Fusion]:
    """Find the strategy by name among those that are imported; a file names no code to run."""
    known = {c.__name__: c for c in _with_subclasses(Fusion.__subclasses__())}
    name = config["class_path"].rpartition(".")[2]
    if name not in known:
        raise InputError(
            f"{path} uses the fusion strategy {name}, known are {', '.join(sorted(known))}; import "
            f"the module that defines it first"
        )
    return functools.partial(known[name], **config["init_args"])


def _with_subclasses(strategies: Sequence[type[Fusion]]) -> Iterator[type[Fusion]]:
    for strategy in strategies:
        yield strategy
        yield from _with_subclasses(strategy.__subclasses__())


def _narrow(value: Tensor) -> Tensor:
    """Matrices to float16; norms and counters are small and stay exact."""
    narrow = value.is_floating_point() and value.ndim > 1
    return (value.half() if narrow else value).contiguous()


def _widen(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
