"""What the speech encoder can do, as the tables of docs/speech.md.

python -m avfuse.experts.speech.evaluation ../shared/data

prints them.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avfuse.experts.speech.data import at_most, split_speakers
from avfuse.experts.speech.encoder import PhoneNet, load_phone_net
from avfuse.experts.speech.phones import UNKNOWN
from avfuse.experts.speech.probe import (
    Features,
    Heard,
    Ridge,
    encoded,
    loudness,
    read_heard,
    remembered,
    score,
    with_context,
)
from avfuse.experts.speech.recordings import Spoken, cached_speech, find_recordings, read_spoken
from avfuse.experts.speech.wear import coloured_noise
from avfuse.experts.speech.windows import WholeRecordings
from avfuse.layers.audio_encoder import AudioEncoder
from avfuse.model_file import load
from avfuse.sound.mel import SAMPLE_RATE, mel_spectrogram

HELD_BACK = 10
"""One of n speakers whom the recipe does not name is kept out of training."""

GRID_TRAIN = ("s1", "s2", "s17", "s22")
GRID_TEST = ("s3", "s4", "s14", "s23")
OBAMA_LATE = 0.08
"""Seconds by which the sound of these clips is late."""


@torch.inference_mode()
def named_right(net: PhoneNet, spoken: Sequence[Spoken]) -> dict[str, float]:
    """Share of moments, ten a second, whose phone is named right.

    Returns:
        `all` of them, those of `speech`, and those of `silence`.
    """
    labels, named = [], []
    whole = WholeRecordings(spoken, net.encoder.steps, net.moments)
    for windows in map(whole.__getitem__, range(len(whole))):
        labels.append(windows.labels[:, len(net.moments) // 2])
        named.append(net.name(windows.mel).argmax(1))
    truth, said = torch.cat(labels), torch.cat(named)
    right = (truth == said).float()
    parts = {"all": truth != UNKNOWN, "speech": truth > 0, "silence": truth == 0}
    return {name: float(right[part].mean()) for name, part in parts.items()}


@torch.inference_mode()
def named_silent(net: PhoneNet, sound: Tensor) -> float:
    """Share of moments that are named `SIL`."""
    mel = mel_spectrogram(sound)
    windows = mel.unfold(1, net.encoder.steps, 8).transpose(0, 1)
    return float((net.name(windows).argmax(1) == 0).float().mean())


def pink(decibels: float | int, seconds: int = 20) -> Tensor:
    """Pink noise of a level in dB of full scale; minus infinity is digital silence."""
    noise = coloured_noise(seconds * SAMPLE_RATE, np.random.default_rng(0), 1.0)
    return torch.from_numpy(noise).float() * 10 ** (decibels / 20)


def probed(net: PhoneNet) -> dict[str, Features]:
    """Features whose probes are compared."""
    torch.manual_seed(0)
    random = AudioEncoder().eval()
    bundled = load("default").get_submodule("audio")
    assert isinstance(bundled, AudioEncoder)
    return {
        "loudness": loudness,
        "random weights": encoded(random, random.steps),
        "the bundled model's encoder": encoded(bundled, bundled.steps),
        "the speech encoder": encoded(net.encoder, net.encoder.steps),
    }


def lip_clips(data: Path, most: int = 48) -> dict[str, list[Heard]]:
    """Clips by what they serve for: `train`, and the sets that are tested.

    Args:
        data: folder with `grid`, `talking`, `more` and `landmarks`.
        most: clips of one speaker.
    """

    def clips(folder: str, pattern: str, late: float = 0.0) -> list[Heard]:
        found = sorted((data / folder).glob(pattern))
        chosen = found[:: -(-len(found) // most)] if found else []
        return [read_heard(video, data / "landmarks", late) for video in chosen]

    return {
        "train": [c for name in GRID_TRAIN for c in clips(f"grid/{name}", "*.mpg")],
        "GRID, unseen": [c for name in GRID_TEST for c in clips(f"grid/{name}", "*.mpg")],
        "obama": clips("more/obama", "*.mp4", OBAMA_LATE),
        "crema_1001": clips("more/crema_1001", "*.flv"),
        "demo1": clips("talking", "demo1_video.mp4"),
        "demo3": clips("talking", "demo3_video.mp4"),
    }


def table(rows: Mapping[str, Mapping[str, float]], first: str, digits: int = 2) -> str:
    """Rows of numbers by name as Markdown."""
    columns = list(next(iter(rows.values())))
    lines = [f"| {' | '.join([first, *columns])} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {' | '.join([name, *(f'{row[c]:.{digits}f}' for c in columns)])} |")
    return "\n".join(lines)


def phone_rows(net: PhoneNet, speech: Path, cache: Path, each: int) -> dict[str, dict[str, float]]:
    """How many phones are named right, by corpus of speakers that were never heard."""
    found = [r for r in find_recordings(speech) if r.language.startswith("en")]
    corpora = ("librispeech", "speechocean762", "vctk")
    found = at_most([r for r in found if r.corpus in corpora], each)
    # LibriSpeech's recordings with text are its test set, and none of their speakers is trained on.
    tested = {r.speaker for r in found if r.corpus == "librispeech" and r.text}
    spoken = [read_spoken(path) for path in cached_speech(found, cache)]
    held = split_speakers(spoken, {"vctk"} | tested, HELD_BACK)[1]
    held = [s for s in held if s.corpus != "librispeech" or s.speaker in tested]
    return {name: named_right(net, [s for s in held if s.corpus == name]) for name in corpora}


def lip_rows(net: PhoneNet, data: Path) -> dict[str, dict[str, float]]:
    """Correlations of the probes' aperture with the truth."""
    sets = lip_clips(data)
    train = sets.pop("train")
    rows = {}
    for name, features in probed(net).items():
        own = remembered(features)
        for wide, seen in (("", own), (", ±80 ms", with_context(own))):
            ridge = Ridge(train, seen)
            rows[name + wide] = {k: score(ridge, clips) for k, clips in sets.items() if clips}
    return rows


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Score the speech encoder.")
    parser.add_argument("data", type=Path, help="folder with speech_many, grid, landmarks, ...")
    parser.add_argument("--weights", type=Path, help="file by save_phone_net; default: shipped")
    parser.add_argument("--cache", type=Path, default=Path(".cache/speech"))
    parser.add_argument("--each", type=int, default=3, help="recordings of a speaker at most")
    args = parser.parse_args(words)
    net = load_phone_net(args.weights)
    levels = {f"{d} dBFS": named_silent(net, pink(d)) for d in (-75, -65, -55, -45, -35)}
    silence = {"digital silence": named_silent(net, pink(-np.inf)), **levels}
    print(table({"named SIL": silence}, "pink noise"), end="\n\n", flush=True)
    rows = phone_rows(net, args.data / "speech_many", args.cache, args.each)
    print(table(rows, "named right"), end="\n\n", flush=True)
    print(table(lip_rows(net, args.data), "lips, correlation"))


if __name__ == "__main__":
    main()
