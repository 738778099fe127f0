"""The numbers of docs/psnr-trap.md: what the wrapped PSNR makes of pictures.

Run with -s to see them.
"""

import itertools
import math
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from avfuse.data.synthetic import synthetic_clip
from avfuse.geometry.affine import similarity, transform
from avfuse.geometry.box import box_from_landmarks, frame_to_crop
from avfuse.metrics import lmd, psnr, psnr_legacy_uint8, ssim, ssim_legacy

DATA = Path(__file__).parents[3] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
SPEAKERS = ["s1", "s2", "s3", "s4", "s14", "s17", "s22", "s23"]
RIGID = slice(27, 45)  # nose and eyes as ATVGnet aligns by them


@pytest.fixture(scope="module")
def drawn():
    """Eight drawn people."""
    return [synthetic_clip(seed, seconds=0.04, size=128).frames[0] for seed in range(8)]


@pytest.fixture(scope="module")
def filmed():
    """The first frame of a clip of each of eight speakers, and a photo."""
    photo = cv2.imread(str(DATA / "photos" / "astronaut.png"))[..., ::-1]
    return [next(frames(clip)) for clip, _ in clips()] + [photo]


def clips():
    """A clip of each speaker and its landmarks."""
    for speaker in SPEAKERS:
        clip = min((DATA / "grid" / speaker).glob("*.mpg"))
        with np.load(DATA / "landmarks" / f"{speaker}__{clip.stem}.npz") as labels:
            yield clip, labels["landmarks"][..., :2]


def frames(clip):
    with av.open(str(clip)) as file:
        for frame in file.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def tensor(pictures):
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def grey(pictures, size=128):
    """In grey, as the script sees them, though in three channels."""
    small = (cv2.resize(p, (size, size), interpolation=cv2.INTER_AREA) for p in pictures)
    return tensor([np.repeat(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)[..., None], 3, 2) for p in small])


def both(what, a, b):
    """True and legacy PSNR, each the mean over pictures."""
    true, legacy = psnr(a, b).mean().item(), psnr_legacy_uint8(a, b, size=None).mean().item()
    print(f"{what}: PSNR {true:.2f} dB, legacy {legacy:.2f} dB")
    return true, legacy


def decibels(errors, probabilities):
    return 10 * math.log10(255**2 / np.sum(np.array(errors) * probabilities))


def test_noise_gains_five_decibels():
    """σ = 16 on mid-grey: 24.0 becomes 29.1, as the closed form says."""
    levels = np.arange(-120, 121)
    edges = [math.erf((level + 0.5) / 16 / math.sqrt(2)) / 2 for level in (*levels, 120 + 1)]
    edges = np.array([math.erf((levels[0] - 0.5) / 16 / math.sqrt(2)) / 2, *edges[:-1]])
    share = np.diff(edges)
    assert decibels(levels**2, share) == pytest.approx(24.05, abs=0.01)
    assert decibels(levels**2 % 256, share) == pytest.approx(29.08, abs=0.01)
    noise = torch.randn(8, 1, 128, 128, generator=torch.Generator().manual_seed(0)) * 16
    noisy = (127 + noise).round().expand(-1, 3, -1, -1) / 255
    true, legacy = both("noise", noisy, torch.full_like(noisy, 127 / 255))
    assert true == pytest.approx(24.05, abs=0.05)
    assert legacy == pytest.approx(29.08, abs=0.05)


def test_nothing_in_common_scores_the_floor():
    """Levels at random: 7.8 becomes 27.9, in closed form and as computed."""
    differences = np.arange(-255, 256)
    share = (256 - np.abs(differences)) / 256**2
    assert decibels(differences**2, share) == pytest.approx(7.75, abs=0.01)
    assert decibels(differences**2 % 256, share) == pytest.approx(27.90, abs=0.01)
    random = torch.randint(0, 256, (2, 8, 1, 128, 128), generator=torch.Generator().manual_seed(0))
    a, b = random.expand(-1, -1, 3, -1, -1) / 255
    true, legacy = both("levels at random", a, b)
    assert true == pytest.approx(7.75, abs=0.1)
    assert legacy == pytest.approx(27.90, abs=0.1)


@pytest.mark.parametrize(("levels", "true", "legacy"), [(15, 24.61, 24.61), (16, 24.05, 100)])
def test_a_larger_error_scores_higher(levels, true, legacy):
    """16 levels too bright everywhere is, to the script, no error at all: 256 is 0."""
    target = torch.full((1, 3, 32, 32), 100 / 255)
    got = both(f"{levels} levels too bright", target + levels / 255, target)
    assert got == pytest.approx((true, legacy), abs=0.01)


def test_drawn_people_who_are_not_one_another(drawn):
    pairs = list(itertools.combinations(grey(drawn), 2))
    a, b = (torch.stack(p) for p in zip(*pairs, strict=True))
    true, legacy = both("unrelated drawn faces", a, b)
    assert true < 13
    assert legacy == pytest.approx(27.9, abs=0.3)


def test_a_drawn_face_moved_by_four_pixels(drawn):
    pictures = grey(drawn)
    true, legacy = both("drawn faces, 4 pixels down", pictures[..., 4:, :], pictures[..., :-4, :])
    assert legacy > true + 5


@real
def test_unrelated_photos_score_the_floor(filmed):
    """27.7 to 27.9, where the true value is 7 to 13."""
    pairs = list(itertools.combinations(grey(filmed, 256), 2))
    a, b = (torch.stack(p) for p in zip(*pairs, strict=True))
    unlike = psnr(a, b) < 13
    assert unlike.sum() >= 8
    true, legacy = both("unrelated photos", a[unlike], b[unlike])
    assert 7 < true < 13
    assert legacy == pytest.approx(27.8, abs=0.2)


@real
def test_a_frame_moved_by_four_pixels(filmed):
    """22.8 becomes 32.6: as good as the best that was published."""
    pictures = grey(filmed[:-1])
    true, legacy = both("GRID, 4 pixels down", pictures[..., 4:, :], pictures[..., :-4, :])
    assert true == pytest.approx(22.8, abs=0.5)
    assert legacy == pytest.approx(32.6, abs=0.2)


@real
def test_copying_the_first_frame_of_grid_beats_the_table():
    """Aligned crops of 128², as papers 000 and 001 compare; the tables' best is 32.15 dB."""
    first = next(clips())[1][0]
    template = transform(first, frame_to_crop(box_from_landmarks(first), 128))
    scores = []
    for clip, landmarks in clips():
        some = slice(None, None, 5)  # the first, and every fifth after it
        maps = [similarity(points[RIGID], template[RIGID]) for points in landmarks[some]]
        shown = zip(itertools.islice(frames(clip), 0, None, 5), maps, strict=True)
        crops = tensor([cv2.warpAffine(frame, matrix, (128, 128)) for frame, matrix in shown])
        points = torch.from_numpy(np.stack(list(map(transform, landmarks[some], maps))))
        true, copy = crops[1:], crops[:1].expand(len(crops) - 1, -1, -1, -1)
        values = (
            psnr(copy, true),
            psnr_legacy_uint8(copy, true),
            ssim(copy, true),
            ssim_legacy(copy, true),
            lmd(points[:1].expand(len(true), -1, -1), points[1:]),
        )
        scores.append([v.nanmean() for v in values])
    true, legacy, similar, similar_legacy, distance = np.mean(scores, 0)
    print(
        f"GRID, copied first frame: PSNR {true:.2f} dB, legacy {legacy:.2f} dB, SSIM "
        f"{similar:.3f}, legacy {similar_legacy:.3f}, LMD {distance:.2f} px"
    )
    assert true < 28
    assert legacy > 32.15
