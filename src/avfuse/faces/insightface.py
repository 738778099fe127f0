"""Faces by insightface's networks: an extra, with models for non-commercial research only.

SCRFD (Guo et al. 2021) detects in every frame, a regressor reads 68 points, and ArcFace (Deng et
al. 2019) recognises. insightface itself runs them; its habit of downloading models is kept out by
handing it a folder that is known to hold some.
"""

import warnings
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import count, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Generic, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float

from avfuse.errors import InputError
from avfuse.faces.finder import is_among
from avfuse.faces.install import LICENCE, PACK, RELEASE, is_installed, pack_folder
from avfuse.faces.shots import shots
from avfuse.faces.smooth import REACH, Seen, Sighting, smooth
from avfuse.faces.tracker import F, Face
from avfuse.geometry.box import Box, Frame, box_from_landmarks, box_from_points

# The detector's confidence that starts a track (insightface's own threshold), and that keeps it.
_STARTS, _KEEPS = 0.5, 0.35
# A smaller box (pixels a side) shows the network nothing.
_SMALLEST = 12.0

_DETECTION, _LANDMARKS, _RECOGNITION = "detection", "landmark_3d_68", "recognition"


def available(pack: str = PACK, root: Path | None = None) -> bool:
    """Whether insightface and a pack of its models are there; neither is loaded or checked.

    Args:
        pack: name of the pack.
        root: as of `InsightFaceTracker`.
    """
    packages = all(map(find_spec, ("insightface", "onnxruntime")))
    return packages and is_installed(pack_folder(pack, root))


class InsightFaceTracker:
    """Follows the faces that are largest when their tracks start, by detection in every frame.

    Landmarks and embeddings are there where the pack has models for them: in all of buffalo_l,
    buffalo_m, buffalo_s and antelopev2. The landmarks are the picture of points in space: on a
    turned head, those of the jaw's far side lie behind the face rather than on its outline.

    Args:
        pack: name of the pack, in `<root>/models`.
        root: None takes `~/.insightface`, as insightface does.
        embed: False leaves recognition out, which no generation needs.

    Raises:
        InputError: if insightface or the pack is not installed, or the pack holds no models that
            can be used. Nothing is downloaded; `avfuse faces install` does that.
    """

    def __init__(self, pack: str = PACK, root: Path | None = None, *, embed: bool = True) -> None:
        tasks = [_DETECTION, _LANDMARKS, *([_RECOGNITION] if embed else [])]
        models = _load(pack, root, tasks)
        self._detector = models.pop(_DETECTION)
        self._readers = list(models.values())

    def track(self, frames: Iterable[F], most: int = 1) -> Iterator[tuple[F, tuple[Face, ...]]]:
        """Give every frame back with its smoothed faces; holds back 0.6 s of frames."""
        for passed, faces in smooth(self._seen(frames, most)):
            embeddings = passed.embeddings
            yield passed.frame, tuple(f._replace(embedding=embeddings.get(f.track)) for f in faces)

    def _seen(self, frames: Iterable[F], most: int) -> Iterator[tuple["_Passing[F]", Seen]]:
        numbers = count()
        for shot, part in groupby(shots(frames), itemgetter(1)):
            tracks = _Tracks(numbers, most)
            for frame, _ in part:
                image = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)  # as insightface takes it
                found = tracks.see(frame.time, self._detect(image))
                read = [self._read(image, *item) for item in found.items()]
                embeddings = {sighting.track: embedding for sighting, embedding in read}
                yield _Passing(frame, embeddings), Seen(shot, tuple(s for s, _ in read))

    def _detect(self, image: Frame) -> list["_Detection"]:
        """Every face that may keep a track, the largest first."""
        from insightface.app.common import Face as Found

        rectangles, points = self._detector.detect(image)
        detections = [
            _Detection(_box(five), float(rectangle[4]), Found(bbox=rectangle[:4], kps=five))
            for rectangle, five in zip(rectangles, points, strict=True)
        ]
        large = (d for d in detections if d.box.side >= _SMALLEST)
        return sorted(large, key=lambda detection: -detection.box.side)

    def _read(
        self, image: Frame, track: int, detection: "_Detection"
    ) -> tuple[Sighting, Float[np.ndarray, "E"] | None]:
        """What the other models see of a face."""
        box, confidence, found = detection
        with warnings.catch_warnings():
            # insightface calls what scikit-image will take away in 2.2.
            warnings.simplefilter("ignore", FutureWarning)
            for reader in self._readers:
                reader.get(image, found)
        landmarks = None
        if found.landmark_3d_68 is not None:
            landmarks = found.landmark_3d_68[:, :2].astype(np.float64)
            box = box_from_landmarks(landmarks)
        return Sighting(box, confidence, track, landmarks), found.normed_embedding


class _Detection(NamedTuple):
    """A face in one frame: the network's square, confidence in [0, 1], insightface's own record."""

    box: Box
    confidence: float
    found: Any


class _Passing(NamedTuple, Generic[F]):
    """A frame on its way through smoothing, which knows of no embeddings: one a track."""

    frame: F
    embeddings: dict[int, Float[np.ndarray, "E"] | None]

    @property
    def image(self) -> Frame:
        return self.frame.image

    @property
    def time(self) -> float:
        return self.frame.time


class _Track(NamedTuple):
    """A face being followed: where and when (seconds) it was seen last."""

    number: int
    box: Box
    seen_at: float


class _Tracks:
    """Which detection is which face, within one shot.

    A track that is lost keeps its place for a while, or a hand before the speaker's face would
    hand its track to a bystander.

    Args:
        numbers: of the tracks to come.
        most: tracks at a time.
    """

    def __init__(self, numbers: Iterator[int], most: int) -> None:
        self._numbers, self._most = numbers, most
        self._tracks: list[_Track] = []

    def see(self, time: float, detections: list[_Detection]) -> dict[int, _Detection]:
        """The detections of the tracks, those that begin with them included, by number."""
        tracks = [track for track in self._tracks if time - track.seen_at <= REACH]
        left, found = detections, dict[int, _Detection]()
        for track in tracks:  # where two meet in one face, the older one has it
            same = next((d for d in left if is_among(d.box, [track.box])), None)
            if same is not None:
                found[track.number] = same
                left = [detection for detection in left if detection is not same]
        lost = [track for track in tracks if track.number not in found]
        new = [d for d in left if d.confidence >= _STARTS][: self._most - len(tracks)]
        found |= {next(self._numbers): detection for detection in new}
        seen = [_Track(number, detection.box, time) for number, detection in found.items()]
        self._tracks = sorted(lost + seen)
        return found


def _box(points: Float[np.ndarray, "5 2"]) -> Box:
    """The network's square from both eyes, the nose, and both corners of the mouth."""
    return box_from_points(points[:2].mean(0), points[3:].mean(0))


def _load(pack: str, root: Path | None, tasks: list[str]) -> dict[str, Any]:
    """insightface's models by task, those of the pack that are asked for; detection is there."""
    folder = pack_folder(pack, root)
    if not is_installed(folder):
        raise InputError(
            f"{folder} holds no models of insightface; `{_command(pack, root)}` downloads "
            f"{RELEASE}/{pack}.zip to there, {LICENCE}"
        )
    try:
        from insightface.app import FaceAnalysis
    except (ImportError, OSError) as error:
        raise InputError(
            f"insightface cannot be loaded ({error}); pip install 'avfuse[insightface]'"
        ) from error
    try:
        analysis = FaceAnalysis(str(folder), allowed_modules=tasks)
    except Exception as error:  # those of onnxruntime have no other base
        reason = str(error) or "no face detector"  # a bare assertion of insightface's
        raise InputError(
            f"{folder}: no models that insightface can load ({reason}); delete the folder, then "
            f"`{_command(pack, root)}` downloads it anew"
        ) from error
    if not analysis.det_model.use_kps:
        raise InputError(f"{folder}: its detector finds no eyes; use a pack such as {PACK}")
    analysis.prepare(ctx_id=0, det_thresh=_KEEPS)
    return dict(analysis.models)


def _command(pack: str, root: Path | None) -> str:
    words = ["avfuse faces install"]
    if pack != PACK:
        words += ["--pack", pack]
    if root is not None:
        words += ["--root", str(root)]
    return " ".join(words)
