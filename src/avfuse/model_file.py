"""The model file that people share: safetensors, with everything needed to build it inside.

Nothing is unpickled. Method, configuration and credits stand in the file's own header.
"""

import json
import os
import textwrap
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import torch
from safetensors import SafetensorError
from torch import Tensor

from avfuse.errors import InputError
from avfuse.files.foreign import read_checkpoint
from avfuse.files.weights import read_header, read_weights, save_network
from avfuse.method import Method, method_named, methods, name_of

DEFAULT = "default"
"""The bundled model that is used unless another is named."""

_FORMAT = "2"
# The first format named no method, but a network where it was not the usual one.
_FORMAT_1 = {None: "dynamic_kernels", "ATVGnet": "atvgnet"}


Kind = TypeVar("Kind", bound=Method)


class Plan(NamedTuple):
    """How a model is built.

    Attributes:
        method: its name.
        config: as of the method's `config`.
        trained: which of the method's stages it has been through.
    """

    method: str
    config: dict[str, Any]
    trained: tuple[str, ...] = ()

    @classmethod
    def of(cls, method: Method) -> "Plan":
        """That of a method that is built."""
        return cls(name_of(type(method)), method.config, method.trained)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Plan":
        """The way back from `_asdict`, or from what checkpoints and files of format 1 hold."""
        if "method" in content and "config" in content:
            return cls(content["method"], content["config"], tuple(content.get("trained", ())))
        config = dict(content)
        return cls(_FORMAT_1[config.pop("network", None)], config)

    def build(self) -> Method:
        """The method, weights at random."""
        made = method_named(self.method).build(self.config)
        made.trained = self.trained
        return made


class BundledModel(NamedTuple):
    """A model that comes with the package.

    Attributes:
        name: what `load` takes.
        path: of the model file.
        megabytes: of the file; a megabyte is 10^6 bytes.
        method: whose it is.
        credit: the data it was trained on and their licences.
        card: what people should know of it, in Markdown; empty where nobody wrote it.
    """

    name: str
    path: Path
    megabytes: float
    method: str
    credit: str
    card: str = ""


def load(name_or_path: str | os.PathLike[str] = DEFAULT, device: str = "cpu") -> Method:
    """Load a bundled model by its name, a model file, or the weights of a method's authors.

    Args:
        name_or_path: a name that `avfuse models` lists, a file by `avfuse export`, or a file of
            weights that a method of [`avfuse methods`][avfuse.method.methods] knows how to take.
        device: where to put it, as torch names it.

    Returns:
        The method in float32 and evaluation mode.

    Raises:
        InputError: if there is no such model, or the file is none.
    """
    path = _find(name_or_path)
    method = _ours(path) if _is_safetensors(path) else _theirs(path)
    if method is None:
        raise InputError(f"{path} is not a model file; make one with avfuse export")
    method = method.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return method.eval().requires_grad_(False)


def adapted(method: Kind, options: Mapping[str, Any]) -> Kind:
    """The same weights under other options, of those that shape none.

    Args:
        method: what is to be adapted; it stays as it is.
        options: by their names in the method's configuration.

    Raises:
        InputError: one of them shapes weights, is none, or cannot be so.
    """
    free = sorted(type(method).free(type(method).stages))
    for name in options:
        if name not in free:
            raise InputError(
                f"{name} is no option of this model that can be changed without training; "
                f"expected {', '.join(free) or 'none, for it has none'}"
            )
    plan = Plan.of(method)
    try:
        made = plan._replace(config={**plan.config, **options}).build()
    except (TypeError, ValueError) as error:
        raise InputError(textwrap.shorten(str(error), 200)) from error
    made.load_state_dict(method.state_dict())
    made = made.to(method.device).train(method.training).requires_grad_(False)
    return cast(Kind, made)


def save(method: Method, path: Path, credit: str = "", card: str = "") -> None:
    """Write a method as a model file, weights in float16; whole or not at all.

    Args:
        method: what to save.
        path: of the file.
        credit: the data it was trained on and their licences.
        card: what people should know of it, in Markdown.

    Raises:
        InputError: if the file cannot be written, or the method could not be built again.
    """
    plan = Plan.of(method)
    if not method.portable:
        raise InputError(
            "a part of the model was made by a function, which a file cannot name; give a class or "
            "functools.partial(class, ...)"
        )
    facts = {"format": _FORMAT, "method": plan.method, "trained": json.dumps(plan.trained)}
    facts |= {"card": card} if card else {}
    save_network(method, plan.config, path, credit, **facts)


def export(source: Path, path: Path, credit: str = "", card: str = "") -> Method:
    """Turn a Lightning checkpoint of a training, or authors' own weights, into a model file.

    Args:
        source: written by `avfuse fit`, averaged weights where the run kept them; or weights that
            some method's authors wrote; or a model file, which keeps what is not given anew.
        path: of the model file.
        credit: the data it was trained on and their licences.
        card: what people should know of it, in Markdown.

    Returns:
        The method that was saved.

    Raises:
        InputError: if the source is missing or neither, or the file cannot be written.
    """
    if source.is_file() and _is_safetensors(source):
        method, kept = load(source), _header(source)
    else:
        method, kept = from_checkpoint(source).eval(), {}
    save(method, path, credit or kept.get("credit", ""), card or kept.get("card", ""))
    return method


def from_checkpoint(path: Path) -> Method:
    """The method in a checkpoint of a training, or in authors' own weights.

    Raises:
        InputError: if the file is missing or neither.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        plan, tensors = Plan.read(json.loads(state["avfuse"])), state["state_dict"]
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except Exception as error:  # whatever a foreign or damaged file makes of the loader
        if (theirs := _theirs(path)) is not None:
            return theirs
        raise InputError(f"{path} is not a checkpoint written by avfuse fit") from error
    return _filled(plan, own_weights(tensors), path)


def loaded(name_or_path: str) -> Method:
    """A model by whatever holds one: what `load` takes, or a checkpoint of a training.

    Raises:
        InputError: as `load`.
    """
    path = _find(name_or_path)
    return load(path) if _is_safetensors(path) else from_checkpoint(path)


def own_weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A method's weights, out of the state of its training."""
    parts = (name.partition(".")[::2] for name in tensors)
    values = zip(parts, tensors.values(), strict=True)
    return {name: value for (part, name), value in values if part in ("method", "generator")}


def card_of(name_or_path: str | os.PathLike[str]) -> str:
    """What a model's file says that people should know of it, in Markdown.

    Args:
        name_or_path: as for `load`.

    Raises:
        InputError: if there is no such model, or its file has no card.
    """
    path = _find(name_or_path)
    card = _header(path).get("card") if _is_safetensors(path) else None
    if not card:
        raise InputError(f"{path} has no card; avfuse export --card FILE.md writes one")
    return card


def bundled() -> Iterator[BundledModel]:
    """The models that come with the package, by name."""
    folder = Path(str(resources.files("avfuse") / "models"))
    for path in sorted(folder.glob("*.safetensors")):
        header = _header(path)
        size, method = path.stat().st_size / 1e6, _plan(header).method
        said = header.get("credit", ""), header.get("card", "")
        yield BundledModel(path.stem, path, size, method, *said)


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


def _is_safetensors(path: Path) -> bool:
    try:
        read_header(path)
    except (OSError, SafetensorError):
        return False
    return True


def _ours(path: Path) -> Method:
    try:
        plan = _plan(_header(path))
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: weights and configuration do not fit (it has none); export it again"
        ) from error
    return _filled(plan, read_weights(path), path)


def _theirs(path: Path) -> Method | None:
    """The weights of some method's own authors; None where no method recognises them.

    Raises:
        InputError: one does, and they are not what it takes.
    """
    try:
        weights = read_checkpoint(path)
    except InputError:
        return None
    kinds = (method_named(name) for name in methods())
    kind = next((kind for kind in kinds if weights and kind.recognises(weights)), None)
    if kind is None:
        return None
    method = kind.build({})
    try:
        method.take(weights)
    except InputError as error:
        raise InputError(f"{path} {error}") from error
    return method


def _header(path: Path) -> dict[str, str]:
    header = read_header(path)
    if header.get("format") not in ("1", _FORMAT):
        raise InputError(
            f"{path} has model format {header.get('format')}, expected 1 or {_FORMAT}; export it "
            f"again"
        )
    return header


def _plan(header: Mapping[str, str]) -> Plan:
    config = json.loads(header["config"])
    if "method" not in header:
        return Plan.read(config)
    return Plan(header["method"], config, tuple(json.loads(header.get("trained", "[]"))))


def _filled(plan: Plan, weights: dict[str, Tensor], path: Path) -> Method:
    try:
        method = plan.build()
        method.load_state_dict(weights)
    except InputError as error:
        raise InputError(f"{path} {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = textwrap.shorten(str(error), 200)
        raise InputError(f"{path}: weights and configuration do not fit ({reason})") from error
    return method
