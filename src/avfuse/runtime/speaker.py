"""The one way to drive a method: who it is shown once, then frames in a row."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.runtime.nest import mapped
from avfuse.runtime.runner import Runner
from avfuse.types import Nest, Planes, Seen


class Past(NamedTuple):
    """What the frames so far have left; all None at the beginning.

    Attributes:
        state: of `prepare`.
        trail: of `finish`.
    """

    state: Nest = None
    trail: Nest = None


class Speaker:
    """One face that speaks: a runner, whom it is to show, and what was before.

    Args:
        runner: of a method.
        seen: the method's references; None where it meets nobody.
        heard: their sound; None where they are silent.

    Attributes:
        past: to go back to, or to begin anew with `Past()`.
    """

    @torch.inference_mode()
    def __init__(
        self, runner: Runner, seen: Seen | None = None, heard: Float[Tensor, "K M S"] | None = None
    ) -> None:
        self.runner, self.past = runner, Past()
        self._person = runner.method.meet(seen, None if heard is None else heard.to(self._device))

    def step(
        self,
        heard: Float[Tensor, "T M S"],
        seen: Seen | None = None,
        shown: Sequence[int] | None = None,
    ) -> Planes:
        """Draw frames in a row.

        Args:
            heard: the sound of every frame.
            seen: what every frame shows; None for a method that makes whole frames.
            shown: places of the frames that are drawn, such as those with a face, perhaps none of
                them; None for all. The sound runs on for all of them.

        Returns:
            Planes of the frames that are drawn.
        """
        return self.begin(heard, seen, shown)()

    @torch.inference_mode()
    def begin(
        self,
        heard: Float[Tensor, "T M S"],
        seen: Seen | None = None,
        shown: Sequence[int] | None = None,
    ) -> Callable[[], Planes]:
        """Begin a step, whose end may wait while others begin; they have to end in order.

        Args: as of `step`.

        Returns:
            What ends it.
        """
        method = self.runner.method
        condition, state = method.prepare(
            heard.to(self._device).unsqueeze(0), seen, self._person, self.past.state
        )
        self.past = self.past._replace(state=state)
        if shown is not None and not shown:
            return lambda: Planes(torch.zeros(0, method.size, method.size, 3))
        images = None if method.whole or seen is None else seen.images
        if shown is not None and len(shown) < len(heard):
            places = torch.as_tensor(shown, device=self._device)
            condition = mapped(condition, lambda tensor: tensor[places])
            images = None if images is None else images[places.cpu()]
        drawn = self.runner.submit(images, condition)

        def end() -> Planes:
            planes, trail = method.finish(drawn(), self.past.trail)
            self.past = self.past._replace(trail=trail)
            return planes

        return end

    @property
    def _device(self) -> torch.device:
        return self.runner.method.device
