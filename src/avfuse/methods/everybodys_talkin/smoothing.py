"""Mouth landmark smoothing (Algorithm 1): a mouth that hardly moves is held still."""

import torch
from jaxtyping import Float
from torch import Tensor


def smoothed(
    landmarks: Float[Tensor, "T 68 2"],
    before: Float[Tensor, "68 2"] | None,
    moving: list[int],
    threshold: float,
    strength: float,
) -> Float[Tensor, "T 68 2"]:
    """Smooth landmarks over time.

    l_{t-1} is taken to be the smoothed one: a mouth that drifts slowly is then followed, once it is
    far enough away.

    Args:
        landmarks: l_t, in pixels.
        before: the last smoothed ones; None at the beginning.
        moving: which of them are smoothed; the mouth's points are the last 20.
        threshold: d_th, how far the mouth's middle may go and still be smoothed, in pixels.
        strength: s, for each pixel; large ones smooth little.
    """
    result = []
    for now in landmarks:
        before = now if before is None else _step(now, before, moving, threshold, strength)
        result.append(before)
    return torch.stack(result)


def _step(
    now: Float[Tensor, "68 2"],
    before: Float[Tensor, "68 2"],
    moving: list[int],
    threshold: float,
    strength: float,
) -> Float[Tensor, "68 2"]:
    distance = (now[-20:].mean(0) - before[-20:].mean(0)).norm()
    held = torch.exp(-strength * distance) * (distance <= threshold)
    where = torch.tensor(moving, device=now.device)
    return now.index_copy(0, where, torch.lerp(now[where], before[where], held))
