"""Torch's own LSTM, in float32 whatever autocast says, so that every processor can train it."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from avfuse.layers.lstm import LSTM

STEP = """
import torch
from avfuse.layers.lstm import LSTM
from avfuse.runtime.fast import has_bfloat16
lstm = LSTM(3, 4, 2, batch_first=True)
with torch.autocast("cpu", torch.bfloat16):
    output, _ = lstm(torch.randn(2, 5, 3))
    output.sum().backward()
assert all(p.grad.isfinite().all() for p in lstm.parameters())
print(has_bfloat16(torch.device("cpu")))
"""


@pytest.fixture
def both():
    """Ours and torch's, with the same weights, which are found by the same names."""
    torch.manual_seed(0)
    ours, theirs = LSTM(3, 5, 2, batch_first=True), nn.LSTM(3, 5, 2, batch_first=True)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("autocast", [False, True])
def test_is_torchs_in_float32(both, autocast):
    ours, theirs = both
    x, state = torch.randn(2, 7, 3), (torch.randn(2, 2, 5), torch.randn(2, 2, 5))
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        made = ours(x, state)
        from_zero, _ = ours(x)
    torch.testing.assert_close(made, theirs(x, state))
    torch.testing.assert_close(from_zero, theirs(x)[0])


def test_takes_what_autocast_has_narrowed(both):
    ours, theirs = both
    x, state = torch.randn(2, 7, 3).bfloat16(), (torch.zeros(2, 2, 5).bfloat16(),) * 2
    with torch.autocast("cpu", torch.bfloat16):
        output, after = ours(x, state)
    assert {t.dtype for t in (output, *after)} == {torch.float32}
    torch.testing.assert_close(output, theirs(x.float())[0])


def test_weights_in_bfloat16_stay_so(both):
    ours = both[0].bfloat16()
    x = torch.randn(2, 7, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(x)[0].dtype == torch.bfloat16
    assert ours(x.bfloat16())[0].dtype == torch.bfloat16


def test_has_shapes_without_numbers():
    with torch.device("meta"):
        output, _ = LSTM(3, 5, batch_first=True)(torch.empty(2, 7, 3))
    assert output.shape == (2, 7, 5)


def test_trains_on_a_processor_of_avx2(tmp_path):
    """Which, besides, does not take itself for one that computes in bfloat16."""
    older = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    command = [sys.executable, "-c", STEP]
    ran = subprocess.run(command, env=older, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["False"]
