"""Whether one can see where the generated part was pasted in."""

from jaxtyping import Bool, Float
from torch import Tensor

from avfuse.metrics.base import Mean, comparable


def seam_contrast(
    result: Float[Tensor, "N 3 H W"],
    source: Float[Tensor, "N 3 H W"],
    pasted: Bool[Tensor, "N 1 H W"],
) -> Float[Tensor, "N"]:
    """By how much the picture jumps across the paste's border more than the source does there.

    The mean absolute difference of all neighbouring pixels of which one was pasted and the other
    was not, less the same in the source.

    Args:
        result: the frames with something pasted in, RGB in [0, 1].
        source: the same frames without.
        pasted: which pixels were pasted, such as α > 0.

    Returns:
        Levels of 255, (N,): 0 where the border cannot be seen, negative where it is smoother than
        the source; NaN where there is no border.

    Raises:
        ValueError: if the shapes differ.
    """
    result, source = comparable(result, source)
    total, pairs = result.new_zeros(len(result)), result.new_zeros(len(result))
    for axis in (-1, -2):
        border = pasted.int().diff(dim=axis).bool()
        jump = (result.diff(dim=axis).abs() - source.diff(dim=axis).abs()).mean(1, keepdim=True)
        total = total + (jump * border).sum((1, 2, 3))
        pairs = pairs + border.sum((1, 2, 3))
    return 255 * total / pairs


class SeamContrast(Mean):
    """Contrast along the paste's border, [`seam_contrast`][avfuse.metrics.seam.seam_contrast].

    The mean over frames into which something was pasted. Unit: levels of 255. Lower is better,
    down to 0: the border cannot be seen.
    """

    is_differentiable = True
    higher_is_better = False

    def update(
        self,
        result: Float[Tensor, "N 3 H W"],
        source: Float[Tensor, "N 3 H W"],
        pasted: Bool[Tensor, "N 1 H W"],
    ) -> None:
        self.add(seam_contrast(result, source, pasted))
