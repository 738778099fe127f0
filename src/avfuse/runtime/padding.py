"""Chunks of few sizes: what is made for one exact size is made anew for every other."""

from typing import TypeVar

import torch
from torch import Tensor

from avfuse.runtime.nest import mapped, tensors_of
from avfuse.types import Nest

T = TypeVar("T")


def padded_count(images: Tensor | None, condition: Nest) -> tuple[int, int]:
    """How many frames there are, and how many with the padding: the next power of two."""
    count = len(tensors_of((images, condition))[0])
    return count, 1 << (count - 1).bit_length()


def padded(nest: T, count: int) -> T:
    """Fill every tensor up to so many frames by its last one."""

    def fill(tensor: Tensor) -> Tensor:
        missing = count - len(tensor)
        if not missing:
            return tensor
        return torch.cat([tensor, tensor[-1:].expand(missing, *tensor.shape[1:])])

    return mapped(nest, fill)
