"""The model file that people share: safetensors, with everything needed to build it inside.

Nothing is unpickled. The configuration and the credits stand as JSON in the file's own header.
"""

import json
import os
import textwrap
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from torch import Tensor

import avfuse.fusion  # noqa: F401  strategies are found among what is imported
from avfuse.errors import InputError
from avfuse.files.weights import read_header, read_weights, save_network
from avfuse.fusion.naming import factory, options
from avfuse.methods.atvgnet.generator import ATVGnet
from avfuse.methods.dynamic_kernels.generator import Generator

DEFAULT = "default"
"""The bundled model that is used unless another is named."""

_FORMAT = "1"
_FRAME_BY_FRAME = json.dumps(Generator.__name__)  # where a configuration names no other network


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
        InputError: if there is no such model, or the file is none, or what it holds does not work
            frame by frame.
    """
    generator = load_any(name_or_path, device)
    if isinstance(generator, ATVGnet):
        raise InputError(
            f"{name_or_path} holds ATVGnet, which works over time, not frame by frame; load it "
            f"with avfuse.model_file.load_any and use avfuse.methods.atvgnet.photo.speak_photo"
        )
    return generator


def load_any(
    name_or_path: str | os.PathLike[str] = DEFAULT, device: str = "cpu"
) -> Generator | ATVGnet:
    """Load a model that works frame by frame or over time, as its `over_time` says.

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
    generator = _build(config, read_weights(path), path)
    generator = generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return generator.eval().requires_grad_(False)


def save(generator: Generator | ATVGnet, path: Path, credit: str = "") -> None:
    """Write a generator as a model file, weights in float16; whole or not at all.

    Args:
        generator: what to save.
        path: of the file.
        credit: the data it was trained on and their licences.

    Raises:
        InputError: if the file cannot be written.
    """
    if isinstance(generator, Generator) and generator.config["fusion"] is None:
        raise InputError(
            "the fusion was made by a function, which a file cannot name; give the generator a "
            "strategy or functools.partial(strategy, ...)"
        )
    save_network(generator, generator.config, path, credit, format=_FORMAT)


def export(checkpoint: Path, path: Path, credit: str = "") -> Generator | ATVGnet:
    """Turn a Lightning checkpoint of a training into a model file.

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


def check_alike(theirs: dict[str, Any], own: dict[str, Any], what: str) -> None:
    """Refuse weights of a network that was built otherwise.

    The size it is trained for may differ where the network is fully convolutional; what either
    configuration cannot tell is not compared.

    Args:
        theirs: the generator's `config` with the weights.
        own: that of the network they are meant for.
        what: where the weights come from, for the message.

    Raises:
        InputError: naming each option that differs.
    """
    given, here = _flat(theirs), _flat(own)
    free = {"size"} if given["network"] == here["network"] == _FRAME_BY_FRAME else set()
    wrong = [k for k in given if k in here and k not in free and given[k] != here[k]]
    # Another strategy has other options: its name says it all.
    wrong = [k for k in wrong if not any(k.startswith(f"{other}.") for other in wrong)]
    if wrong:
        differences = "; ".join(f"{k} is {given[k]}, here {here[k]}" for k in wrong)
        raise InputError(f"{what} was built otherwise: {differences}; give both the same")


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
        header = read_header(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is not a model file; make one with avfuse export") from error
    if header.get("format") != _FORMAT:
        raise InputError(
            f"{path} has model format {header.get('format')}, expected {_FORMAT}; export it again"
        )
    return header


def _build(config: str, weights: dict[str, Tensor], path: Path) -> Generator | ATVGnet:
    try:
        generator = _planned(json.loads(config))
        generator.load_state_dict(weights)
    except InputError as error:
        raise InputError(f"{path} {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = textwrap.shorten(str(error), 200)
        raise InputError(f"{path}: weights and configuration do not fit ({reason})") from error
    return generator


def _planned(config: dict[str, Any]) -> Generator | ATVGnet:
    """The network that a configuration describes, weights at random."""
    plan = dict(config)
    if plan.get("network") == ATVGnet.__name__:
        del plan["network"]
        return ATVGnet(**plan)
    return Generator(factory(plan.pop("fusion")), **plan)


def _flat(config: dict[str, Any]) -> dict[str, str]:
    """A configuration as options and their values in JSON, those of the strategy in full."""
    plain = {k: v for k, v in config.items() if k != "fusion"}
    fusion = dict(options(config["fusion"])) if config.get("fusion") else {}
    flat = {k: json.dumps(v) for k, v in {**fusion, **plain}.items()}
    return {"network": _FRAME_BY_FRAME, **flat}
