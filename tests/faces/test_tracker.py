"""A box from the user."""

from typing import NamedTuple

import numpy as np
import pytest

from avfuse.errors import InputError
from avfuse.faces.tracker import FixedBox


class Frame(NamedTuple):
    image: np.ndarray
    time: float


BLACK = Frame(np.zeros((100, 200, 3), np.uint8), 0.0)


def test_is_the_square_around_the_rectangle():
    assert FixedBox((10.0, 20.0, 50.0, 40.0)).box == (10, 10, 50, 50)
    assert FixedBox.parse("10, 20.5,50,100.5").box == (-10, 20.5, 70, 100.5)


def test_gives_every_frame_back_with_the_box():
    tracked = list(FixedBox((0.0, 0.0, 9.0, 9.0)).track([BLACK, BLACK]))
    assert [frame is BLACK for frame, _ in tracked] == [True, True]
    for _, (face,) in tracked:
        assert face.box == (0, 0, 9, 9)
        assert face.confidence == face.presence == 1


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "5,0,5,9", "9,0,1,9", "0,9,9,1", "0,0,nan,9"]
)
def test_refuses_what_is_no_rectangle(text):
    with pytest.raises(InputError, match="X0,Y0,X1,Y1"):
        FixedBox.parse(text)


@pytest.mark.parametrize("text", ["200,0,300,50", "-50,0,0,50", "0,100,50,150"])
def test_refuses_a_box_outside_the_frame(text):
    with pytest.raises(InputError, match="outside the 200x100 frame"):
        list(FixedBox.parse(text).track([BLACK]))
