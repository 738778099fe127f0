"""One cell of an ablation, in a process of its own: train, keep the model, test it."""

import argparse
import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from avfuse.ablation.curve import read_curve
from avfuse.ablation.held import HeldClip, across_speakers, held_clips
from avfuse.ablation.lock import locked
from avfuse.ablation.plan import MODEL, trainings
from avfuse.ablation.translation import translation
from avfuse.data.datamodule import TalkingClips
from avfuse.evaluation.evaluate import PROTOCOLS
from avfuse.evaluation.judged import Judged
from avfuse.evaluation.kept import Kept
from avfuse.evaluation.run import run
from avfuse.evaluation.score import Judge
from avfuse.evaluation.task import SIZE
from avfuse.files.whole import write_whole
from avfuse.fit.command import trainable
from avfuse.model_file import load, save
from avfuse.runtime.device import device_named
from avfuse.video.picture import write_picture

_MOMENTS = 8  # of a clip, in its picture
_MOVED = 3  # clips of the translation test


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and test the cell in a folder, going on where it was stopped."""
    parser = argparse.ArgumentParser("avfuse.ablation.cell")
    parser.add_argument("folder", type=Path)
    parser.add_argument("test", type=json.loads, help="Plan.test, as JSON")
    parser.add_argument("--stages", type=int, default=1, help="its trainings, one after the other")
    options = parser.parse_args(arguments)
    # A cell may outlive the ablation that began it. Where it trains in several processes, which
    # Lightning begins in these words too, the first keeps the others' place.
    first = int(os.environ.get("LOCAL_RANK", 0)) == 0
    with locked(options.folder) if first else nullcontext():
        _run(options.folder, options.test, options.stages)


def _run(folder: Path, test: dict[str, Any], stages: int) -> None:
    for place in trainings(folder, stages):
        data = _train(place)
    device = device_named("auto")
    judged = Judged(load(folder / MODEL, device))
    clips = list(held_clips(data.held, judged, PROTOCOLS[test["protocol"]], test["clips"]))
    scores = _test(clips, test["translation"], folder, Judge(device))
    result = {"test": test, **scores, "curve": read_curve(folder)}
    text = json.dumps(result, indent=2, allow_nan=False)
    write_whole(folder / "result.json", f"{text}\n")


def _train(folder: Path) -> TalkingClips:
    """Train, unless that is done, and leave the model file; the data come back set up."""
    trainer, module, data = trainable([f"--config={folder / 'recipe.yaml'}"], alone=True)
    if (folder / MODEL).exists():
        data.prepare_data()
        data.setup()
        return data
    last = folder / "checkpoints" / "last.ckpt"
    trainer.fit(module, data, ckpt_path=last if last.exists() else None, weights_only=True)
    save(module.trained_method(), folder / MODEL)
    last.unlink(missing_ok=True)  # what it was for is done
    return data


def _test(
    clips: Sequence[HeldClip], shares: Sequence[float], folder: Path, judge: Judge
) -> dict[str, Any]:
    kept = Kept(folder / "scores.jsonl")  # by clip: more clips cost only themselves
    scores = run(clips, [], judge, kept, quiet=True)
    for group in dict.fromkeys(clip.group for clip in clips):
        first = next(clip for clip in clips if clip.group == group)
        _write_frames(first, folder, group)
    return {
        "rows": scores["rows"],
        "clips": scores["clips"],
        "translation": translation(across_speakers(clips, _MOVED), shares, judge),
    }


def _write_frames(clip: HeldClip, folder: Path, group: str) -> None:
    """A clip at moments spread over it: truth, what was given, what was made, and its mask."""
    shown = clip.show(clip.methods)
    moments = np.linspace(0, len(shown.target.truth) - 1, _MOMENTS).round().astype(int)
    videos = dict(zip(("truth", "given", "made"), shown.videos.values(), strict=True))
    if shown.masks is not None:
        grey = [cv2.resize(mask, (SIZE, SIZE)) * 255 for mask in shown.masks]
        videos["mask"] = np.repeat(np.stack(grey).astype(np.uint8)[..., None], 3, -1)
    for name, video in videos.items():
        write_picture(folder / f"{group}-{name}.jpg", np.hstack(list(video[moments])))


if __name__ == "__main__":
    main()
