"""Which device a method runs on."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch

from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.model_file import adapted, load
from avfuse.video.media import FilePath


def method_on(
    model: FilePath | Method, device: str, options: Mapping[str, Any] = MappingProxyType({})
) -> Method:
    """Load a model, or put a loaded one, on a device.

    Args:
        model: name, file or method.
        device: auto, cpu or cuda; auto leaves a loaded one where it is.
        options: that are other than the model's own, as of
            [`adapted`][avfuse.model_file.adapted].

    Raises:
        InputError: as `load`, `adapted` and `device_named`.
    """
    if isinstance(model, Method):
        method = (model if device == "auto" else model.to(device_named(device))).eval()
    else:
        method = load(model, device_named(device))
    return adapted(method, options) if options else method


def device_named(name: str) -> str:
    """Turn auto, cpu or cuda into what torch calls it.

    Raises:
        InputError: for another name, or a GPU that is not there.
    """
    if name not in {"auto", "cpu", "cuda"}:
        raise InputError(f"device {name!r} is unknown; expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: torch finds no GPU here; use --device cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
