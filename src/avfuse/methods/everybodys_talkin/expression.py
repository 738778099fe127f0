"""The audio-to-expression translation network, and what its numbers mean."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.geometry.camera import WeakPerspective
from avfuse.layers.lstm import LSTM
from avfuse.methods.everybodys_talkin.face import MOUTH_AND_JAW, Face, Fit


class AudioToExpression(nn.Module):
    """Cepstra of a second of sound in, numbers of one frame out (section 3.2.2, Fig. 10).

    An LSTM over the window, as the paper has it; its sizes are not given. Here two strided
    convolutions stand before it, so that it goes over 50 ms at a time, and two linear layers after.

    Args:
        coefficients: C, cepstra a step.
        outputs: D, numbers a frame.
        width: channels of the first convolution; all others follow from it.
    """

    def __init__(self, coefficients: int, outputs: int, width: int) -> None:
        super().__init__()
        self.along = nn.Sequential(
            nn.Conv1d(coefficients, width, 5, 2, 2),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, 2 * width, 5, 2, 2),
            nn.LeakyReLU(0.2),
        )
        self.lstm = LSTM(2 * width, 4 * width, batch_first=True)
        self.decode = nn.Sequential(
            nn.Linear(4 * width, 4 * width), nn.LeakyReLU(0.2), nn.Linear(4 * width, outputs)
        )

    def forward(self, x: Float[Tensor, "N S C"]) -> Float[Tensor, "N D"]:
        """Numbers of 0 mean and deviation 1 of each window's frame."""
        hidden, _ = self.lstm(self.along(x.mT).mT)
        return self.decode(hidden[:, -1])


class Regressed(nn.Module, ABC):
    """What sound is regressed to: numbers, their mean and spread in the data, their landmarks.

    Args:
        count: D, numbers a frame.

    Attributes:
        mean: of each number, over the training's frames.
        spread: its standard deviation; 0 until `fit` was called.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("spread", torch.zeros(count))

    def fit(self, truth: Float[Tensor, "N D"]) -> None:
        """Take mean and spread from training frames."""
        self.mean.copy_(truth.mean(0))
        self.spread.copy_(truth.std(0))

    def forward(self, normal: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        """From numbers of 0 mean and deviation 1."""
        return self.mean + self.spread * normal

    @abstractmethod
    def truth(self, seen: Float[Tensor, "N 68 2"], fit: Fit) -> Float[Tensor, "N D"]:
        """What is right for frames that are seen.

        Args:
            seen: their landmarks, in pixels of the crop.
            fit: the face that was fitted to them.
        """

    @abstractmethod
    def points(
        self,
        values: Float[Tensor, "N D"],
        seen: Float[Tensor, "N 68 2"],
        identity: Float[Tensor, "*N K"],
        camera: WeakPerspective,
    ) -> Float[Tensor, "N 68 2"]:
        """The landmarks of frames that are to be, in pixels of the crop.

        Args:
            values: numbers of each.
            seen: its landmarks in the footage.
            identity: whose face it is.
            camera: the pose of its head.
        """


class Expressions(Regressed):
    """Expression coefficients of the 3-D face: what sound says of a face, and nothing else of it.

    Args:
        face: whose coefficients they are.
    """

    def __init__(self, face: Face) -> None:
        super().__init__(len(face.expression))
        self._face = (face,)  # in a tuple: it is part of the method, not of this

    def truth(self, seen: Float[Tensor, "N 68 2"], fit: Fit) -> Float[Tensor, "N D"]:
        return fit.expression

    def points(
        self,
        values: Float[Tensor, "N D"],
        seen: Float[Tensor, "N 68 2"],
        identity: Float[Tensor, "*N K"],
        camera: WeakPerspective,
    ) -> Float[Tensor, "N 68 2"]:
        return self._face[0].project(identity, values, camera)


class Coordinates(Regressed):
    """Table 1's 2-D regression: where the mouth's landmarks are, in sides of the crop.

    The paper changes the last layer only; the network has to know person and pose from the sound.

    Args:
        size: pixels a side of the crop.
    """

    def __init__(self, size: int) -> None:
        super().__init__(2 * len(MOUTH_AND_JAW))
        self.size = size

    def truth(self, seen: Float[Tensor, "N 68 2"], fit: Fit) -> Float[Tensor, "N D"]:
        return seen[:, MOUTH_AND_JAW].flatten(1) / self.size

    def points(
        self,
        values: Float[Tensor, "N D"],
        seen: Float[Tensor, "N 68 2"],
        identity: Float[Tensor, "*N K"],
        camera: WeakPerspective,
    ) -> Float[Tensor, "N 68 2"]:
        where = torch.tensor(MOUTH_AND_JAW, device=seen.device)
        return seen.index_copy(1, where, self.size * values.reshape(len(values), -1, 2))
