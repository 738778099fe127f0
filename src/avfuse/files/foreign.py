"""Files of weights that users bring: opened without running what is in them."""

from pathlib import Path

import torch
from torch import Tensor, nn

from avfuse.errors import InputError


def load_into(network: nn.Module, path: Path, what: str) -> None:
    """Put a state dict from a file into a network.

    Args:
        network: takes exactly these tensors.
        path: saved by `torch.save`, of any age.
        what: the network's name and the file that users have, for the message.

    Raises:
        InputError: if there is no such file, it holds more than tensors, or they do not fit.
    """
    try:
        network.load_state_dict(read_state(path))
    except RuntimeError as error:
        raise InputError(f"{path} does not hold the weights of {what}") from error


def read_state(path: Path) -> dict[str, Tensor]:
    """A state dict from a file.

    Raises:
        InputError: if there is no such file, or it holds anything but named tensors.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except Exception as error:  # whatever a foreign or damaged file makes of the loader
        raise InputError(f"{path} is no file of plain tensors; nothing else is opened") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise InputError(f"{path} is no state dict; save network.state_dict()")
    return state


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The weights of a Wav2Lip checkpoint in any of the forms that users have; runs no pickle.

    Args:
        path: a training checkpoint (`{"state_dict": ...}`), a bare state dict or a TorchScript
            archive.

    Returns:
        Its tensors by name, without `module.` prefixes.

    Raises:
        InputError: if the file is missing or none of these.
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except Exception as error:  # not a plain checkpoint: a TorchScript archive, or not ours at all
        try:
            script = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
            loaded = script.state_dict()
        except Exception:
            raise InputError(
                f"{path} is neither a checkpoint of plain tensors nor TorchScript; nothing else is "
                f"opened, since it could run code"
            ) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    items = state.items() if isinstance(state, dict) else ()
    named = ((k, v) for k, v in items if isinstance(k, str) and isinstance(v, Tensor))
    return {k.removeprefix("module."): v for k, v in named}
