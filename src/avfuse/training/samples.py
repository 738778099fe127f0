"""Pictures and clips of held-back pairs, while a run goes on."""

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor

from avfuse.data.clip import ClipFile
from avfuse.data.datamodule import TalkingClips
from avfuse.data.passage import Passage, passage
from avfuse.geometry.box import Frame
from avfuse.sound.mel import SAMPLE_RATE
from avfuse.training.runs import run_folder
from avfuse.types import Batch, Generated
from avfuse.video.audio import read_audio, write_wav
from avfuse.video.picture import write_picture
from avfuse.video.write import VideoWriter

COLUMNS = ("source", "target", "generated", "mask")
"""What is shown of a pair, left to right: V1, V2, what V1 and A2 become, the attention mask α."""

_SETS = ("seen", "unseen")  # as the validation's values are named
_HEADING = 24  # pixels


class Samples(Callback):
    """Shows what becomes of the same held-back pairs, time after time.

    For each validation set of [`TalkingClips`][avfuse.data.datamodule.TalkingClips] a picture, a
    pair a row, and a clip of its first source, with the words that are spoken in it where they come
    from a video. They are written to the run's folder, as `samples/<set>-<step>.png` and `.mp4`,
    with the step of `metrics.csv`, and handed to Weights & Biases where that is a logger.

    Args:
        every: validations from one time to the next; the first one is shown.
        pairs: rows of a picture, a batch at most.
        seconds: of a clip, at most.

    Raises:
        ValueError: where that leaves nothing to show.
    """

    def __init__(self, every: int = 5, pairs: int = 4, seconds: float = 2.0) -> None:
        if min(every, pairs) < 1 or seconds <= 0:
            raise ValueError(
                f"every={every}, pairs={pairs}, seconds={seconds}; expected at least 1 validation, "
                f"at least 1 pair and more than 0 seconds"
            )
        self.every, self.pairs, self.seconds = every, pairs, seconds
        self._validations = 0

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        # Not when validation has ended: the averaged weights are put away by then.
        data = getattr(trainer, "datamodule", None)
        due = self._validations % self.every == 0 and not trainer.sanity_checking
        if batch_idx or not due or not isinstance(data, TalkingClips):
            return
        pairs = (part[: self.pairs, :1] for part in (batch.video1, batch.video2, batch.mel2))
        held = data.val[dataloader_idx]
        shown = passage(held.sources[0], held.size, held.hears, self.seconds)
        # Every process draws, since a model may be spread over all of them; the first one writes.
        rows, frames = _drawn(trainer, *pairs), _drawn(trainer, *_as_batch(shown, pl_module.device))
        if trainer.is_global_zero:
            place, step = run_folder(trainer) / "samples", max(0, trainer.fit_loop.total_batch_idx)
            place.mkdir(parents=True, exist_ok=True)
            name = _SETS[dataloader_idx]
            picture, clip = (place / f"{name}-{step:06d}{suffix}" for suffix in (".png", ".mp4"))
            write_picture(picture, _headed(np.vstack(list(rows))))
            _write_clip(clip, frames, shown, _video_of(shown.clip, data))
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    logger.log_image(f"samples/{name}", [str(picture)], step)
                    logger.log_video(f"samples/{name}_clip", [str(clip)], step)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validations += not trainer.sanity_checking


def side_by_side(
    source: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"], generated: Generated
) -> UInt8[np.ndarray, "N H four_W 3"]:
    """Show what was made of each source, in the order of `COLUMNS`."""
    mask = generated.mask.expand(-1, 3, -1, -1)
    row = torch.cat([source, target, generated.image, mask], -1).float().clamp(0, 1)
    return (row * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def _drawn(
    trainer: Trainer,
    video1: Float[Tensor, "B T 3 H W"],
    video2: Float[Tensor, "B T 3 H W"],
    mel2: Float[Tensor, "B T 80 S"],
) -> UInt8[np.ndarray, "N H four_W 3"]:
    """Run the network as validation does."""
    with trainer.precision_plugin.val_step_context():
        generated = trainer.lightning_module(video1, mel2)
    return side_by_side(video1.flatten(0, 1), video2.flatten(0, 1), generated)


def _as_batch(shown: Passage, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """One pair of many frames, pixels in [0, 1]."""
    video1, video2 = (video[None].to(device) / 255 for video in (shown.video1, shown.video2))
    return video1, video2, shown.mel2[None].to(device)


def _headed(picture: Frame) -> UInt8[np.ndarray, "headed W 3"]:
    """Write above each column what it is."""
    column = picture.shape[1] // len(COLUMNS)
    head = np.full((_HEADING, picture.shape[1], 3), 255, np.uint8)
    scale = 0.42 * min(1.0, column / 80)  # the longest name fits
    for i, name in enumerate(COLUMNS):
        place = (i * column + 4, 16)
        cv2.putText(head, name, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (40,) * 3, 1, cv2.LINE_AA)
    return np.vstack([head, picture])


def _write_clip(
    path: Path, frames: UInt8[np.ndarray, "T H W 3"], shown: Passage, video: Path | None
) -> None:
    """Write frames with the sound of their moments, if there is any."""
    pictures = [_headed(frame) for frame in frames]
    height, width = pictures[0].shape[:2]
    times = (shown.times - shown.times[0]).tolist()
    with tempfile.TemporaryDirectory() as folder:
        speech = None
        if video is not None:
            speech = Path(folder) / "speech.wav"
            start = round(float(shown.times[0]) * SAMPLE_RATE)
            # Where the sound is early, the first frames come before it: negative padding cuts.
            write_wav(speech, F.pad(read_audio(video), (-start, 0)).numpy())
        with VideoWriter(path, width, height, shown.fps, speech, crf=21) as writer:
            for picture, time in zip(pictures, times, strict=True):
                writer.write(picture, time)


def _video_of(clip: ClipFile, data: TalkingClips) -> Path | None:
    """The video that a clip was cropped from; None for a procedural one."""
    return next((s.video for s in data.sources() if s.clip.path == clip.path), None)
