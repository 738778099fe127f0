"""Cepstra are SciPy's cosine transform."""

import numpy as np
import pytest
import torch
from scipy.fft import dct

from avfuse.sound.cepstra import cepstra
from avfuse.sound.mel import SILENCE


@pytest.mark.parametrize(("count", "first"), [(13, 0), (12, 1)])
def test_cepstra_are_scipys(count, first):
    mel = torch.randn(2, 80, 5)
    expected = dct(mel.numpy(), type=2, norm="ortho", axis=1)[:, first : first + count]
    found = cepstra(mel, count, first).numpy()
    np.testing.assert_allclose(found, expected.transpose(0, 2, 1), atol=1e-5)


def test_without_the_first_loudness_is_left_out_and_silence_is_nothing():
    mel = torch.randn(80, 5)
    torch.testing.assert_close(cepstra(mel + 1.5, 12, 1), cepstra(mel, 12, 1), atol=1e-4, rtol=1e-4)
    silence = cepstra(torch.full((80, 3), SILENCE), 12, 1)
    torch.testing.assert_close(silence, torch.zeros(3, 12), atol=1e-4, rtol=0)
