"""How much of a training is procedural."""

from collections.abc import Sequence

from avfuse.errors import InputError


def checked_share(synthetic_share: float) -> float:
    """A share of procedural samples, as the option `synthetic_share` gives it.

    Raises:
        InputError: it is none.
    """
    if not 0 <= synthetic_share <= 1:  # so that NaN is none either
        raise InputError(
            f"data.synthetic_share is {synthetic_share:g}; expected a share from 0, no procedural "
            f"faces, to 1, nothing else"
        )
    return synthetic_share


def mixed(weights: Sequence[float], is_made: Sequence[bool], synthetic_share: float) -> list[float]:
    """Weights of which the procedural ones make up their share.

    Where there is but one kind, it is all that can be drawn, whatever the share.

    Args:
        weights: how often to draw each source, relative to others of its kind.
        is_made: whether it is procedural.
        synthetic_share: from 0 to 1.
    """
    made = sum(weight for weight, is_one in zip(weights, is_made, strict=True) if is_one)
    if not 0 < made < sum(weights):
        return [*weights]
    shares = {True: synthetic_share / made, False: (1 - synthetic_share) / (sum(weights) - made)}
    return [weight * shares[is_one] for weight, is_one in zip(weights, is_made, strict=True)]
