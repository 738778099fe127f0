"""Which phone is heard when, by pocketsphinx: with the text if there is one, else freely.

Its wheel brings an English acoustic model, a dictionary and a phone language model.
"""

import re
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

from avfuse.errors import InputError
from avfuse.experts.speech.phones import SIL, Phone

if TYPE_CHECKING:
    from pocketsphinx import Decoder

_RATE = 100
"""pocketsphinx's frames a second."""

_LATE = 0.0078
"""Seconds from where a frame is counted to where it begins: half its window less half a step."""


class Aligner:
    """Labels recordings with phones, about 20 seconds of speech a second.

    Raises:
        InputError: if pocketsphinx is not installed.
    """

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder, get_model_path
        except ImportError as error:
            raise InputError(
                "labels of speech need pocketsphinx; install avfuse[speech]"
            ) from error
        self._by_text: Decoder | None = None
        self._freely = Decoder(
            allphone=get_model_path("en-us/en-us-phone.lm.bin"),
            lm=None, dict=None, lw=2.0, beam=1e-20, pbeam=1e-20, loglevel="FATAL",
        )  # fmt: skip

    def label(self, waveform: Float[Tensor, "L"], text: str | None = None) -> list[Phone]:
        """The phones of a recording.

        Args:
            waveform: 16 kHz mono in [-1, 1].
            text: what is said, or None where nobody knows. A text that the dictionary or the sound
                does not follow counts as none.

        Returns:
            Phones in order, noises as `SIL`.
        """
        pcm = (waveform.clamp(-1, 1) * 32767).short().numpy().tobytes()
        words = re.findall(r"[a-z']+", text.lower()) if text else []
        return (self._aligned(pcm, words) if words else None) or self._decoded(pcm)

    def _aligned(self, pcm: bytes, words: list[str]) -> list[Phone] | None:
        decoder = self._by_text or _text_decoder()
        self._by_text = decoder
        if any(decoder.lookup_word(word) is None for word in words):
            return None
        try:
            decoder.set_align_text(" ".join(words))
            _hear(decoder, pcm)
            decoder.set_alignment()
            _hear(decoder, pcm)
            phones = decoder.get_alignment().phones()
            return [_phone(p.name, p.start, p.start + p.duration) for p in phones]
        except RuntimeError:  # the sound does not follow the text; nor does the decoder go on
            self._by_text = None
            return None

    def _decoded(self, pcm: bytes) -> list[Phone]:
        _hear(self._freely, pcm)
        return [_phone(s.word, s.start_frame, s.end_frame + 1) for s in self._freely.seg()]


def _text_decoder() -> "Decoder":
    from pocketsphinx import Decoder

    # The best path through words moves their ends, so that the phones of every third recording no
    # longer fit between them.
    return Decoder(lm=None, bestpath=False, loglevel="FATAL")


def _hear(decoder: "Decoder", pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def _phone(name: str, first: int, after: int) -> Phone:
    """One phone by frames; noises stand between plus signs."""
    plain = SIL if name.startswith(("+", "(")) or name in ("<s>", "</s>") else name
    start = 0.0 if first == 0 else first / _RATE + _LATE
    return Phone(plain, start, after / _RATE + _LATE)
