"""Tables 5 and 6: what is right is right, what flickers flickers, and the command."""

import numpy as np
import pytest
import torch

from avfuse.data.synthetic import synthetic_clip
from avfuse.methods.everybodys_talkin import pictures
from avfuse.model_file import save


@pytest.fixture(scope="module")
def clip(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("clip") / "a.safetensors"
    return made.clip_file(path, synthetic_clip(3, seconds=0.4, size=64))


def test_a_clip_is_seen_as_it_was_filmed(tiny, clip):
    given = pictures.shown(clip, tiny())
    assert given.seen.images.shape == (len(clip.valid), 32, 32, 3)
    assert len(pictures.shown(clip, tiny(), seconds=0.2).heard) == 5
    assert 0 < given.seen.landmarks.min() < given.seen.landmarks.max() < 32


def test_the_truth_is_alike_and_noise_flickers(shapes):
    truth = torch.rand(4, 3, 32, 32).cumsum(0) / 4
    same = pictures.likeness(truth, truth, shapes[:4])
    assert same == pytest.approx((100, 1, 100, 1, 1), abs=1e-4)
    noisy = pictures.likeness(truth + 0.1 * torch.randn_like(truth), truth, shapes[:4])
    assert noisy.psnr == pytest.approx(20, abs=0.5)
    assert noisy.flicker > 1


def test_every_row_leaves_what_is_not_masked(tiny, clip):
    method = tiny()
    given = pictures.shown(clip, method)
    made = pictures.rows(method, given)
    assert list(made) == [
        "copy first frame", "first frame's mouth",
        "true expression", "true expression, deflickered", "sound", "sound, deflickered",
    ]  # fmt: skip
    truth = pictures.pictures(given.seen)
    assert torch.equal(made["copy first frame"][0], truth[0])
    for name in [*made][1:]:
        assert torch.equal(made[name][..., :4, :], truth[..., :4, :])
    assert not torch.equal(made["sound"], made["true expression"])


def test_the_command_prints_a_row_each(tiny, made, tmp_path, capsys):
    for seed in (3, 4):
        clip = synthetic_clip(seed, seconds=0.8, fps=10.0, size=96)
        (tmp_path / "videos" / f"s{seed}").mkdir(parents=True)
        made.video(tmp_path / "videos" / f"s{seed}" / "one.mp4", clip)
        np.savez(tmp_path / "videos" / f"s{seed}" / "one.npz", landmarks=clip.landmarks)
    save(tiny(), tmp_path / "a.safetensors")
    words = [str(tmp_path / "a.safetensors"), "--clips", str(tmp_path / "videos")]
    words += ["--cache", str(tmp_path / "cache"), "--unseen", "s4"]
    assert pictures.main(words) == 0
    assert capsys.readouterr().out.count("| unseen (1) |") == 6
    assert pictures.main([str(tmp_path / "none"), *words[1:]]) == 2
