"""Tracking (section 4.1): one person's footage becomes faces in space, poses, shoulders, pictures.

video -> dense points -> focal length, identity -> a face and a pose a frame -> takes
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from avfuse.data.dense_labels import read_points
from avfuse.data.preprocess import find_label
from avfuse.errors import InputError
from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.choose import OneFace
from avfuse.faces.dense_tracker import DenseTracker
from avfuse.faces.tracker import F, Face, FaceTracker
from avfuse.geometry.box import Box, box_from_landmarks, crop, frame_to_crop
from avfuse.geometry.camera import rotation_vector
from avfuse.geometry.dense import JAW, landmarks_of
from avfuse.geometry.face_model import FaceModel, face_model
from avfuse.geometry.fit import fit_face_and_focal, fit_face_at_focal
from avfuse.methods.live_speech_portraits.points import DENSE
from avfuse.methods.live_speech_portraits.shoulders import Picture, find_shoulders, follow
from avfuse.methods.live_speech_portraits.speech import MEL
from avfuse.methods.live_speech_portraits.take import Take, packed
from avfuse.sound.mel import mel_spectrogram
from avfuse.video.audio import read_audio
from avfuse.video.read import frames, probe

LEAST_RATE = 20.0
"""Frames a second of footage, below which lips are not followed."""

_ROOM = 2.2  # side of the picture, in those of the face's square
_GAP = 0.25  # seconds without a face, beyond which a take ends
_SHORTEST = 1.0  # seconds of a take
_CROWDED = 0.1  # share of frames with more than one face, beyond which they are of several people
_CALIBRATED = 48  # frames that focal length and identity are found in

Seen = Float[np.ndarray, "T 468 2"]
"""Dense points of every frame, in pixels of the video; NaN where no face is."""


class Filmed(NamedTuple):
    """A video, and where the face is in it.

    Attributes:
        path: of the video, with sound.
        seen: dense points.
        times: of the frames, seconds.
    """

    path: Path
    seen: Seen
    times: Float[np.ndarray, "T"]


class Calibration(NamedTuple):
    """What is the same in all of a person's footage.

    Attributes:
        model: of faces, the person's identity taken, so that only expressions are left.
        focal: of the camera, pixels of the video.
        centre: of the video's frames, pixels.
        square: the part of them that is shown.
    """

    model: FaceModel
    focal: float
    centre: Float[Tensor, "2"]
    square: Box


def film(video: Path, labels: Path | None = None) -> Filmed:
    """Find the dense points of the face in every frame.

    Args:
        video: with sound.
        labels: folder of labelled dense points; None finds them.

    Raises:
        InputError: if it cannot be read, shows no face, or has too few frames a second.
    """
    rate = probe(video).fps
    if rate < LEAST_RATE:
        raise InputError(
            f"{video}: {rate:.3g} frames a second; lips cannot be followed below {LEAST_RATE:g}"
        )
    if labels is None:
        seen, times = _tracked(video)
    else:
        label = find_label(video, labels)
        assert label is not None  # or find_label had raised
        times = np.array([frame.time for frame in frames(video)])
        seen = read_points(label)[: len(times), :, :2]
        times = times[: len(seen)]
    if np.isnan(seen).all():
        raise InputError(f"{video}: no face was found in it; give footage of one person")
    return Filmed(video, seen, times)


def calibrated(filmed: Sequence[Filmed]) -> Calibration:
    """Find focal length and identity, and what part of the frames is shown.

    The focal length is searched by the 68 points, which are enough for it and cost less.

    Raises:
        InputError: the videos are not of one size.
    """
    sizes = {probe(film.path)[:2] for film in filmed}
    if len(sizes) > 1:
        raise InputError(f"videos of {len(sizes)} sizes; give footage by one camera")
    (width, height), every = sizes.pop(), np.concatenate([film.seen for film in filmed])
    every = every[~np.isnan(every).any((1, 2))]
    some = torch.from_numpy(every[np.linspace(0, len(every) - 1, _CALIBRATED).round().astype(int)])
    points, model = some[:, face_model().landmarks], face_model()
    camera = fit_face_and_focal(points, model, width, height).camera
    identity = fit_face_at_focal(some, model, camera.focal, camera.centre).identity.float()
    who = model.mean + torch.einsum("k,kpd->pd", identity, model.identity)
    person = model._replace(mean=who, identity=model.identity[:0])
    square = _square(every, width, height)
    return Calibration(person, camera.focal, camera.centre, square)


def takes_of(filmed: Filmed, calibration: Calibration, size: int) -> Iterator[Take]:
    """Cut a video where the face is gone, and describe each stretch.

    Args:
        filmed: the video.
        calibration: of the person's footage.
        size: pixels a side of the pictures.
    """
    mel = mel_spectrogram(read_audio(filmed.path), MEL)
    matrix = frame_to_crop(calibration.square, size)
    stretches = [*_stretches(~np.isnan(filmed.seen).any((1, 2)), filmed.times)]
    pictures = _cropped(filmed.path, calibration.square, size, stretches)
    for places, shown in zip(stretches, pictures, strict=True):
        seen = torch.from_numpy(filmed.seen[places])
        fit = fit_face_at_focal(seen, calibration.model, calibration.focal, calibration.centre)
        shapes = calibration.model.shape(torch.zeros(0), fit.expression.float())
        pose = torch.cat([rotation_vector(fit.camera.rotation), fit.camera.translation], 1)
        bytes_, ends = packed(shown)
        yield Take(
            pictures=bytes_,
            ends=ends,
            times=torch.from_numpy(filmed.times[places]).double(),
            face=shapes[:, torch.from_numpy(DENSE)],
            poses=pose.float(),
            shoulders=_shoulders(shown, filmed.seen[places] @ matrix[:, :2].T + matrix[:, 2]),
            mel=mel,
            focal=torch.tensor(calibration.focal * matrix[0, 0]).float(),
            centre=(calibration.centre.float() @ torch.from_numpy(matrix[:, :2]).float().T)
            + torch.from_numpy(matrix[:, 2]).float(),
        )


def _tracked(video: Path) -> tuple[Seen, Float[np.ndarray, "T"]]:
    missing, found, times = np.full((468, 2), np.nan), [], []
    everybody = _Counted(DenseTracker(BuiltinTracker()))
    tracker = OneFace(everybody)
    bar = tqdm(desc=f"following {video.name}", unit="frame", disable=None)
    for frame, face in tracker.track(frames(video)):
        found.append(missing if face is None or face.mesh is None else face.mesh[:, :2])
        times.append(frame.time)
        bar.update()
    bar.close()
    if everybody.several > _CROWDED * len(found):
        raise InputError(f"{video}: shows several people; give footage of one person alone")
    return np.stack(found), np.array(times)


class _Counted:
    """A tracker of which is known in how many frames it saw more than one face."""

    def __init__(self, tracker: FaceTracker) -> None:
        self.several, self._tracker = 0, tracker

    def track(self, frames: Iterable[F], most: int = 1) -> Iterator[tuple[F, tuple[Face, ...]]]:
        for frame, faces in self._tracker.track(frames, max(2, most)):
            self.several += len(faces) > 1
            yield frame, faces


def _square(seen: Seen, width: int, height: int) -> Box:
    """What is shown: the face in the middle, room for shoulders, nothing outside the frame."""
    boxes = np.array([box_from_landmarks(landmarks_of(points)) for points in seen[::10]])
    x0, y0, x1, y1 = np.median(boxes, 0)
    side = min(_ROOM * (x1 - x0), width, height)
    left = np.clip((x0 + x1 - side) / 2, 0, width - side)
    top = np.clip((y0 + y1 - side) / 2, 0, height - side)
    return Box(float(left), float(top), float(left + side), float(top + side))


def _stretches(
    valid: Int[np.ndarray, "T"] | np.ndarray, times: Float[np.ndarray, "T"]
) -> Iterator[Int[np.ndarray, "_"]]:
    """The frames with a face, wherever it is not missed for long, in stretches of a second."""
    places = np.flatnonzero(valid)
    breaks = np.flatnonzero(np.diff(times[places]) > _GAP) + 1
    for stretch in np.split(places, breaks):
        if len(stretch) > 1 and times[stretch[-1]] - times[stretch[0]] >= _SHORTEST:
            yield stretch


def _cropped(
    video: Path, square: Box, size: int, stretches: Sequence[Int[np.ndarray, "_"]]
) -> Iterator[list[Picture]]:
    """The pictures of each stretch, in one pass."""
    if not stretches:
        return
    wanted, shown = iter(stretches), list[Picture]()
    places = next(wanted)
    for number, frame in enumerate(frames(video)):
        if number == places[len(shown)]:
            shown.append(crop(frame.image, square, size))
        if len(shown) == len(places):
            yield shown
            shown = []
            if (following := next(wanted, None)) is None:
                return
            places = following


def _shoulders(shown: Sequence[Picture], seen: Seen) -> Float[Tensor, "T S 2"]:
    """The shoulders in every picture; none where the first shows none."""
    jaw = seen[0][JAW]
    width = float(np.linalg.norm(jaw[-1] - jaw[0]))
    first = find_shoulders(shown[0], jaw[len(jaw) // 2], width)
    if first is None:
        return torch.zeros(len(shown), 0, 2)
    return torch.from_numpy(np.stack([*follow(shown, first)])).float()
