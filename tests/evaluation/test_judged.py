"""A model speaks as the network says, whatever runs it and whatever its size."""

import numpy as np
import pytest
import torch

from avfuse.evaluation.first_frame import first_frame
from avfuse.evaluation.judged import Judged
from avfuse.geometry.box import Box
from avfuse.sound.mel import mel_windows


@pytest.fixture
def task(twins, listening):
    return first_frame(twins[0], listening.size)


def test_frames_are_the_networks(listening, task, monkeypatch):
    """At its own size, within the runner's tolerance, where nothing fades or is clipped."""
    times = task.target.times[:3]
    part = task._replace(
        seen=task.seen.part(slice(3)),
        target=task.target._replace(times=times, copy=task.seen.images[:3].numpy()),
    )
    # Laid into its own crops rather than into their originals, whose pixels are finer.
    monkeypatch.setattr(
        "avfuse.evaluation.judged._WHOLE", Box(0.0, 0.0, *(float(listening.size),) * 2)
    )
    made, masks = Judged(listening).speak(part)
    images = task.seen.images[:3].permute(0, 3, 1, 2) / 255
    windows = mel_windows(task.mel, times, listening.audio.steps)
    with torch.inference_mode():
        truth = listening(images, listening.prepare(windows[None])[0])
    frames = (truth.image * 255).clamp(0, 255).permute(0, 2, 3, 1).numpy()
    plain = ((truth.motion > 0) & (truth.motion < 1)).all(1).numpy()
    plain[:, [*range(5), *range(-5, 0)]] = plain[:, :, [*range(5), *range(-5, 0)]] = False
    assert plain.mean() > 0.2
    assert np.abs(made[plain] - frames[plain]).max() <= 3
    assert np.abs(masks - truth.mask[:, 0].numpy()).max() < 0.02


def test_chunks_do_not_show(listening, task):
    """Frame 20 is the same in the second chunk and by itself."""
    judged, alone = Judged(listening), slice(20, 21)
    target = task.target
    part = target._replace(times=target.times[alone], copy=target.copy[alone])
    whole, _ = judged.speak(task)
    single, _ = judged.speak(task._replace(seen=task.seen.part(alone), target=part))
    assert np.abs(whole[alone].astype(int) - single).max() <= 1
    assert whole.shape == task.target.truth.shape
