"""A clip's videos side by side, as a video that a page can hold."""

import base64
import tempfile
from pathlib import Path

import numpy as np

from avfuse.evaluation.case import Shown
from avfuse.evaluation.task import SIZE
from avfuse.video.write import VideoWriter


def video_url(shown: Shown) -> str:
    """Encode a clip's videos, left to right in their order, as a `data:` URL; silent H.264."""
    videos = list(shown.videos.values())
    times = (shown.target.times - shown.target.times[0]).tolist()
    fps = 1 / float(np.median(np.diff(times))) if len(times) > 1 else 25.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with VideoWriter(path, len(videos) * SIZE, SIZE, fps, crf=21) as writer:
            for row, time in zip(zip(*videos, strict=True), times, strict=True):
                writer.write(np.hstack(row), time)
        content = base64.b64encode(path.read_bytes()).decode()
    return f"data:video/mp4;base64,{content}"
