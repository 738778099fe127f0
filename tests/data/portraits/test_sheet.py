"""The sheet: a row a portrait, and the clip below."""

import sys

import cv2
import numpy as np

from avfuse.data.portraits import sheet
from avfuse.data.portraits.driver import Driver
from avfuse.data.synthetic import synthetic_clip
from avfuse.video.picture import write_picture


def test_moments_run_from_closed_to_open_in_order(clip):
    driver = Driver(clip.path)
    numbers = sheet.spread(driver, 6)
    assert numbers == sorted(numbers)
    apart = driver.landmarks[:, 66, 1] - driver.landmarks[:, 62, 1]
    shown = apart[numbers]
    assert np.ptp(shown) > 0.9 * np.ptp(apart[driver.valid])


def test_the_command(tmp_path, seen, noise, made, monkeypatch):
    names = [f"{number}.png" for number in range(3)]
    for name in names:
        write_picture(tmp_path / name, noise)
    points = np.stack([(seen(number).points * 16).round() for number in range(3)])
    np.savez(tmp_path / "mesh.npz", names=names, points=points.astype(np.int16))
    spoken = synthetic_clip(5, seconds=0.6, size=120)
    video = made.video(tmp_path / "video.mp4", spoken)
    np.savez(tmp_path / "video.npz", landmarks=spoken.landmarks)
    output = tmp_path / "sheet.png"
    words = [str(tmp_path), str(video), str(output), "--people", "2", "--moments", "3"]
    monkeypatch.setattr(sys, "argv", ["sheet", *words])
    sheet.main()
    assert cv2.imread(str(output)).shape == (3 * 160, 4 * 160, 3)
