"""Figure 7: the picture shows the kernels that were made."""

import cv2
import numpy as np
import pytest
import torch

from avfuse import Condition, InputError, NoFusion
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.methods.dynamic_kernels.viz import bounds_plot, kernel_picture, main, segments
from avfuse.types import Kernel

PANEL, STEP, LEFT, TOP = 192, 224, 120, 32  # a panel's side, the next one below, where they start


@pytest.fixture
def given(generator, monkeypatch):
    """A generator that makes the kernels it is told to, one layer."""

    def give(*weights):
        kernels = (Kernel(torch.stack(weights)[None]),)
        made = Condition(torch.zeros(1, 2, 1), kernels)
        monkeypatch.setattr(generator, "condition", lambda _: made)
        return kernel_picture(generator, torch.zeros(2, 80, 16))

    return give


def panels(picture, across=0):
    """The middles of a column's panels: first, second, difference."""
    x = LEFT + across * 208 + 2
    return [picture[TOP + i * STEP :, x:][2 : PANEL - 4, : PANEL - 4].astype(int) for i in range(3)]


def test_blue_below_white_at_and_red_above_zero(given):
    first = torch.tensor([[-1.0, 0.0], [0.0, 1.0]])[..., None, None]
    one, other, difference = panels(given(first, -first))
    below, zero, above = one[40, 40], one[40, 140], one[140, 140]
    assert below[2] > below[0] + 50
    assert above[0] > above[2] + 50
    assert zero.min() > 200
    assert np.array_equal(other[140, 140], below)
    assert np.array_equal(difference, other)  # -2 times the first, on a scale of its own


def test_rows_are_outputs_and_taps_stay_together(given):
    weight = torch.zeros(2, 2, 3, 3)
    weight[1, 0, 0, 2] = 1  # second output, first input, upper right tap: row 3, column 2 of 6
    one, _, difference = panels(given(weight, torch.zeros_like(weight)))
    assert one[112, 80, 0] > one[112, 80, 2] + 50
    assert difference[112, 80, 2] > difference[112, 80, 0] + 50
    dark = one.min(2) < 150
    assert 0.8 * 32 * 32 < dark.sum() < 1.2 * 32 * 32


def test_a_column_a_layer_and_only_the_first_channels(generator):
    mel = torch.randn(2, 80, 16)
    picture = kernel_picture(generator, mel, channels=3)
    assert picture.shape == (TOP + 3 * STEP, LEFT + 2 * 208, 3)
    kernels = generator.condition(mel[None]).kernels
    for layer, kernel in enumerate(kernels):
        weight = kernel.weight[0, 0, :3, :3, 0, 0]
        panel = panels(picture, layer)[0]
        warm = np.array(
            [[panel[30 + 64 * i, 30 + 64 * j] @ [1, 0, -1] for j in range(3)] for i in range(3)]
        )
        order = np.corrcoef(warm.flatten(), weight.flatten().numpy())[0, 1]
        assert order > 0.9


def test_one_sound_twice_is_no_difference(generator):
    mel = torch.randn(1, 80, 16).repeat(2, 1, 1)
    one, other, difference = panels(kernel_picture(generator, mel))
    assert np.array_equal(one, other)
    assert difference.min() > 200


def test_nothing_to_show(generator):
    plain = Generator(NoFusion, channels=(4, 6), audio_width=2).eval()
    with pytest.raises(InputError, match="NoFusion, which makes no kernels"):
        kernel_picture(plain, torch.zeros(2, 80, 16))
    with pytest.raises(InputError, match="at least one"):
        kernel_picture(generator, torch.zeros(2, 80, 16), channels=0)


def test_bounds_lie_above_the_line_as_far_as_they_are_loose():
    difference = torch.tensor([1.0, 10, 0])  # the last pair is one sound twice
    picture = bounds_plot(difference, 1000 * difference, 100 * difference, difference)
    plot = picture[:, :532].astype(int)
    heights = []
    for colour in ((0, 114, 178), (213, 94, 0), (0, 158, 115)):
        rows, columns = np.nonzero(np.abs(plot - colour).max(2) == 0)
        heights.append(rows[columns < 200].mean())
    decade = (heights[2] - heights[0]) / 3
    assert decade > 50
    assert heights[2] - heights[1] == pytest.approx(2 * decade, abs=2)


def test_segments_are_centred_on_every_mel_step(speech):
    found = segments(speech, 16)
    assert found.shape == (81, 80, 16)
    torch.testing.assert_close(found[30, :, 4], found[31, :, 3])


class TestCommand:
    def test_a_picture(self, model, speech, face, tmp_path):
        path = tmp_path / "kernels.png"
        assert main([str(model), str(speech), str(face), str(path), "--channels", "4"]) == 0
        assert cv2.imread(str(path)).shape == (TOP + 3 * STEP, LEFT + 2 * 208, 3)

    def test_input_that_cannot_be_used(self, model, tmp_path, capsys):
        missing = str(tmp_path / "missing.wav")
        assert main([str(model), missing, missing, str(tmp_path / "kernels.png")]) == 2
        assert "missing.wav" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())
