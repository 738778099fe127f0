"""A network's weights as a file: safetensors, with what it takes to build the network inside.

Nothing is unpickled. Configuration (JSON) and credit stand in the file's own header; matrices are
kept in float16.
"""

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as save_bytes
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.files.whole import write_whole

Config = dict[str, Any]
Network = TypeVar("Network", bound=nn.Module)


def shipped(package: str, name: str) -> Path:
    """Where a file lies that comes with a package of ours, in its folder `weights`.

    Args:
        package: as it is imported.
        name: of the file.
    """
    return Path(str(resources.files(package) / "weights" / name))


def load_network(build: Callable[[Config], Network], path: Path, what: str, writer: str) -> Network:
    """Load a network that says in its file how it was built.

    Args:
        build: makes one by its configuration, weights at random.
        path: written by [`save_network`][avfuse.files.weights.save_network].
        what: the network is, for the message.
        writer: the function that writes such files, for the message.

    Returns:
        The network in float32 and evaluation mode.

    Raises:
        InputError: if the file is missing, or holds anything else.
    """
    try:
        network = build(json.loads(read_header(path)["config"]))
        network.load_state_dict(read_weights(path))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} holds no {what}; give one by {writer}") from error
    return network.eval().requires_grad_(False)


def save_network(
    network: nn.Module, config: Config, path: Path, credit: str = "", **header: str
) -> None:
    """Write a network; whole or not at all.

    Args:
        network: whose weights are written, matrices in float16.
        config: what it takes to build it, in plain values.
        path: of the file.
        credit: the data it was trained on and their licences.
        **header: what else the file is to say of itself.

    Raises:
        InputError: if the file cannot be written.
    """
    weights = {name: _narrow(value) for name, value in network.state_dict().items()}
    header |= {"config": json.dumps(config), "credit": credit}
    write_whole(path, save_bytes(weights, header))


def read_header(path: Path) -> dict[str, str]:
    """What a file says of itself.

    Raises:
        OSError: if it cannot be read.
        SafetensorError: if it is of another format.
    """
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def read_weights(path: Path) -> dict[str, Tensor]:
    """A file's tensors by name, in float32 what is no whole number.

    Raises:
        OSError: if it cannot be read.
        SafetensorError: if it is of another format.
    """
    return {name: _widen(value) for name, value in load_file(path).items()}


def _narrow(value: Tensor) -> Tensor:
    """Matrices to float16; norms and counters are small and stay exact."""
    narrow = value.is_floating_point() and value.ndim > 1
    return (value.half() if narrow else value).contiguous()


def _widen(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
