"""The first-frame protocol: it tells a moving mouth from a still one, and sharp from blurred."""

import json

import numpy as np
import pytest
import torch

from avfuse import cli, evaluate
from avfuse.data.clip import smooth
from avfuse.faces.landmarks import LandmarkReader


@pytest.fixture(scope="module")
def aligned(twins):
    return evaluate.align(twins[0], evaluate.SIZE)


@pytest.fixture(scope="module")
def reader():
    return LandmarkReader()


def test_alignment_holds_the_head_still(twins, aligned):
    """Eyes and nose of the true frames come to lie on the photo's; unaligned, the head moves."""
    clip = twins[0]
    moving = np.ptp(smooth(clip.landmarks)[:, 36:48].mean(1), 0).max()
    assert moving > 0.5
    eyes = slice(int(aligned.landmarks[36:48, 1].min()), int(aligned.landmarks[36:48, 1].max()))
    still = np.abs(aligned.truth[:, eyes].astype(float) - aligned.truth[:1, eyes]).mean()
    mouth = evaluate.mouth_region(aligned.landmarks)
    spoken = np.abs(aligned.truth[:, *mouth].astype(float) - aligned.truth[:1, *mouth]).mean()
    assert still < spoken


def test_truth_scores_as_truth(aligned, reader):
    score = evaluate.score(aligned.truth, aligned, reader)
    assert score.mouth_psnr > 100
    assert score.sharpness == pytest.approx(1)
    assert score.aperture > 0.9
    assert score.opening == pytest.approx(1, abs=0.35)


def test_a_photo_does_not_speak(aligned, reader):
    copy = np.repeat(aligned.truth[:1], len(aligned.truth), 0)
    score = evaluate.score(copy, aligned, reader)
    assert np.isnan(score.aperture)
    assert score.opening == pytest.approx(0, abs=1e-4)
    assert score.eyes == pytest.approx(0, abs=0.05)
    assert score.mouth_psnr < 40


def test_blur_costs_sharpness(aligned, reader):
    import cv2

    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in aligned.truth])
    assert evaluate.score(blurred, aligned, reader).sharpness < 0.7


def test_late_lips_correlate_less(aligned, reader):
    late = np.roll(aligned.truth, 4, 0)
    scores = [evaluate.score(video, aligned, reader) for video in (aligned.truth, late)]
    assert scores[1].aperture < scores[0].aperture - 0.2


def test_psnr_agrees_with_torchmetrics(aligned, reader):
    from torchmetrics.functional.image import peak_signal_noise_ratio

    rows, columns = evaluate.mouth_region(aligned.landmarks)
    copy = np.repeat(aligned.truth[:1], len(aligned.truth), 0)
    pictures = (torch.from_numpy(v[:, rows, columns]).float() for v in (copy, aligned.truth))
    outside = float(peak_signal_noise_ratio(*pictures, data_range=255.0))
    assert evaluate.score(copy, aligned, reader).mouth_psnr == pytest.approx(outside, abs=1e-3)


def test_rows_and_sheet(generator, twins):
    metrics, sheet = evaluate.evaluate(generator, {"unseen": list(twins)}, quiet=True)
    assert [row["method"] for row in metrics["rows"]] == list(evaluate.METHODS)
    assert len(metrics["clips"]) == 2 * len(evaluate.METHODS)
    assert metrics["rows"][1]["over_copy"] == 0
    assert sheet.shape == (2 * 3 * evaluate.SIZE, 10 * evaluate.SIZE, 3)
    json.dumps(metrics, allow_nan=False)
    assert evaluate.table(metrics).count("\n") == 1 + len(evaluate.METHODS)


def test_command(tmp_path, made, person, model, capsys):
    folder = tmp_path / "clips" / "anna"
    folder.mkdir(parents=True)
    made.video(folder / "one.mp4", person)
    np.savez_compressed(folder / "one.npz", landmarks=person.landmarks)
    words = ["evaluate", "--model", str(model), "--clips", str(tmp_path / "clips")]
    words += ["--cache", str(tmp_path / "cache"), "--sheet", str(tmp_path / "sheet.png")]
    words += ["--output", str(tmp_path / "metrics.json")]
    assert cli.main([*words, "--held-back", "0"]) == 2
    assert "held back" in capsys.readouterr().err
    assert cli.main([*words, "--unseen", "anna"]) == 0
    assert "| unseen (1) | model |" in capsys.readouterr().out
    assert json.loads((tmp_path / "metrics.json").read_text())["protocol"] == "first-frame"
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
