"""When the lips of a clip have to be closed, as its sound tells: at /p/, /b/ and /m/.

Labels of speech are pocketsphinx's (extra `speech`): aligned with what is said, where a text lies
beside the video, and decoded freely where none does.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from avfuse.errors import InputError
from avfuse.experts.speech.alignment import Aligner
from avfuse.experts.speech.phones import Phone
from avfuse.video.audio import read_audio

BILABIAL = ("P", "B", "M")
"""The sounds of English at which both lips touch."""


def closures(videos: Mapping[str, Path], *, quiet: bool = False) -> dict[str, tuple[float, ...]]:
    """Listen to the sound of clips.

    Args:
        videos: with sound, by the names of the clips.
        quiet: no progress bar.

    Returns:
        By clip, the middle of every closure, in seconds; none of a video without sound.

    Raises:
        InputError: if pocketsphinx is not installed.
    """
    aligner = Aligner()
    bar = tqdm(videos.items(), "listening", unit="clip", disable=quiet or None)
    return {name: tuple(map(middle, _closures(aligner, video))) for name, video in bar}


def middle(phone: Phone) -> float:
    """Seconds from the recording's start."""
    return (phone.start + phone.end) / 2


def text_beside(video: Path) -> str | None:
    """What is said in a video, if it lies beside it; None where it does not.

    Either as it is, in a `.txt` of the video's name; or in an `.align` as GRID has it, a word a
    line with its begin and end in front.
    """
    plain, words = video.with_suffix(".txt"), video.with_suffix(".align")
    if plain.exists():
        return plain.read_text(errors="replace")
    if words.exists():
        said = re.findall(r"^\d+\s+\d+\s+(\S+)$", words.read_text(errors="replace"), re.MULTILINE)
        return " ".join(word for word in said if word not in ("sil", "sp"))
    return None


def _closures(aligner: Aligner, video: Path) -> list[Phone]:
    try:
        sound = read_audio(video)
    except InputError:
        return []
    return [phone for phone in aligner.label(sound, text_beside(video)) if phone.name in BILABIAL]
