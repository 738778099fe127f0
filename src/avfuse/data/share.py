"""How much of a training is of one kind: procedural, or portraits."""

from collections.abc import Sequence

from avfuse.errors import InputError


def checked_share(
    share: float, option: str = "synthetic_share", of: str = "procedural faces"
) -> float:
    """A share of samples of one kind, as an option gives it.

    Raises:
        InputError: it is none.
    """
    if not 0 <= share <= 1:  # so that NaN is none either
        raise InputError(
            f"data.{option} is {share:g}; expected a share from 0, no {of}, to 1, nothing else"
        )
    return share


def mixed(weights: Sequence[float], is_kind: Sequence[bool], share: float) -> list[float]:
    """Weights of which those of a kind make up their share.

    Where there is but one kind, it is all that can be drawn, whatever the share.

    Args:
        weights: how often to draw each source, relative to others of its kind.
        is_kind: whether it is of that kind.
        share: from 0 to 1.
    """
    kind = sum(weight for weight, is_one in zip(weights, is_kind, strict=True) if is_one)
    if not 0 < kind < sum(weights):
        return [*weights]
    shares = {True: share / kind, False: (1 - share) / (sum(weights) - kind)}
    return [weight * shares[is_one] for weight, is_one in zip(weights, is_kind, strict=True)]
