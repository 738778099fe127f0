"""Recordings of speech with their phones, labelled once and kept on disk."""

import csv
import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Int
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor
from tqdm import tqdm

from avfuse.errors import InputError
from avfuse.experts.speech.alignment import Aligner
from avfuse.experts.speech.phones import Phone, step_labels
from avfuse.files.whole import write_whole
from avfuse.sound.mel import HOP
from avfuse.video.audio import read_audio

INDEX = "index.tsv"
"""The table of a folder of recordings: path, corpus, speaker, language, transcript."""


class Recording(NamedTuple):
    """A file of speech.

    Attributes:
        path: of the sound.
        corpus: it belongs to.
        speaker: who talks, `corpus/name`.
        text: what is said; empty where nobody knows.
        language: of the text.
    """

    path: Path
    corpus: str
    speaker: str
    text: str
    language: str = "en"


class Spoken(NamedTuple):
    """A labelled recording.

    Attributes:
        sound: 16 kHz mono in 16 bits.
        labels: the phone at each mel step, by its place in `PHONES`, or `UNKNOWN`.
        speaker: who talks.
        corpus: it belongs to.
    """

    sound: Int[Tensor, "L"]
    labels: Int[Tensor, "S"]
    speaker: str
    corpus: str


def find_recordings(folder: Path) -> list[Recording]:
    """The recordings of a folder's `index.tsv`, in its order.

    Raises:
        InputError: if there is no such table, or a column is missing.
    """
    path = folder / INDEX
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_recording(folder, row) for row in csv.DictReader(file, delimiter="\t")]
    except (OSError, KeyError) as error:
        raise InputError(
            f"{path} is no table of recordings; it needs the columns path, corpus, speaker, "
            f"language and transcript, between tabs"
        ) from error


def cached_speech(recordings: Sequence[Recording], cache: Path, processes: int = 1) -> list[Path]:
    """Label recordings that are not labelled yet.

    Args:
        recordings: of speech.
        cache: folder of the labelled ones.
        processes: that label side by side.

    Returns:
        The labelled recordings' files, for `read_spoken`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    paths = [cache / f"{_key(recording)}.safetensors" for recording in recordings]
    todo = [(r, p) for r, p in zip(recordings, paths, strict=True) if not p.exists()]
    if todo:
        with ProcessPoolExecutor(processes, initializer=_start) as pool:
            done = pool.map(_label, *zip(*todo, strict=True), chunksize=8)
            list(tqdm(done, "labelling speech", len(todo), unit="recording"))
    return paths


def read_spoken(path: Path) -> Spoken:
    """Read what [`cached_speech`][avfuse.experts.speech.recordings.cached_speech] wrote."""
    with safe_open(path, "pt") as file:
        header = file.metadata() or {}
        sound, labels = file.get_tensor("sound"), file.get_tensor("labels")
    return Spoken(sound, labels.long(), header["speaker"], header["corpus"])


def write_spoken(spoken: Spoken, path: Path) -> None:
    """Write a labelled recording, whole or not at all."""
    tensors = {"sound": spoken.sound, "labels": spoken.labels.to(torch.int8)}
    header = {"speaker": spoken.speaker, "corpus": spoken.corpus}
    write_whole(path, save(tensors, header))


def labelled(waveform: Tensor, phones: list[Phone], speaker: str, corpus: str) -> Spoken:
    """A recording of 16 kHz in [-1, 1] with its phones."""
    sound = (waveform.clamp(-1, 1) * 32767).round().short()
    return Spoken(sound, step_labels(phones, len(sound) // HOP + 1), speaker, corpus)


_aligner: list[Aligner] = []  # one a process


def _start() -> None:
    torch.set_num_threads(1)
    _aligner.append(Aligner())


def _label(recording: Recording, path: Path) -> None:
    waveform = read_audio(recording.path)
    text = recording.text if recording.language.startswith("en") else None
    phones = _aligner[0].label(waveform, text)
    write_spoken(labelled(waveform, phones, recording.speaker, recording.corpus), path)


def _recording(folder: Path, row: dict[str, str]) -> Recording:
    speaker = f"{row['corpus']}/{row['speaker']}"
    return Recording(
        folder / row["path"], row["corpus"], speaker, row["transcript"] or "", row["language"]
    )


def _key(recording: Recording) -> str:
    """Name of its labelled file: another text or a file of another size has another."""
    told = (str(recording.path.resolve()), recording.text, str(recording.path.stat().st_size))
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:24]
