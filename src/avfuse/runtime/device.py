"""Which device a method runs on."""

import torch

from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.model_file import load
from avfuse.video.media import FilePath


def method_on(model: FilePath | Method, device: str) -> Method:
    """Load a model, or put a loaded one, on a device.

    Raises:
        InputError: as `load` and `device_named`.
    """
    if not isinstance(model, Method):
        return load(model, device_named(device))
    return (model if device == "auto" else model.to(device_named(device))).eval()


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
