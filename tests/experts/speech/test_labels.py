"""Which phone is heard when: labels at mel steps, recordings on disk, pocketsphinx."""

import itertools
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from avfuse.errors import InputError
from avfuse.experts.speech import recordings
from avfuse.experts.speech.alignment import Aligner
from avfuse.experts.speech.phones import PHONES, SIL, UNKNOWN, Phone, step_labels
from avfuse.experts.speech.recordings import (
    cached_speech,
    find_recordings,
    labelled,
    read_spoken,
)
from avfuse.experts.speech.voices import ENGLISH, invented_speech


class Decoder:
    """What pocketsphinx does, without sound: three words it knows, one phone every 100 ms."""

    def __init__(self, **options):
        self.options, self.text, self.heard = options, None, 0

    def lookup_word(self, word):
        return {"no": "N OW", "sun": "S AH N", "deaf": "D EH F"}.get(word)

    def set_align_text(self, text):
        self.text = text.split()

    def set_alignment(self):
        pass

    def start_utt(self):
        pass

    def process_raw(self, pcm, full_utt):
        self.heard = len(pcm) // 2

    def end_utt(self):
        if self.text == ["deaf"]:
            raise RuntimeError("Failed to stop utterance processing")

    def get_alignment(self):
        names = [p for word in self.text for p in self.lookup_word(word).split()]
        phones = [SimpleNamespace(name=n, start=10 * i, duration=10) for i, n in enumerate(names)]
        return SimpleNamespace(phones=lambda: phones)

    def seg(self):
        words = [("SIL", 0, 9), ("+NSN+", 10, 19), ("AA", 20, 29)]
        return [SimpleNamespace(word=w, start_frame=a, end_frame=b) for w, a, b in words]


@pytest.fixture
def pocketsphinx(monkeypatch):
    module = ModuleType("pocketsphinx")
    module.Decoder, module.get_model_path = Decoder, lambda name: name
    monkeypatch.setitem(sys.modules, "pocketsphinx", module)


@pytest.fixture
def folder(tmp_path, made):
    sound = 0.1 * np.sin(np.arange(16_000) / 10).astype(np.float32)
    (tmp_path / "one").mkdir()
    for name in "ab":
        made.speech(tmp_path / "one" / f"{name}.wav", sound)
    rows = ["path\tcorpus\tspeaker\tlanguage\tseconds\ttranscript"]
    rows += [f"one/{n}.wav\tone\t{n}\ten\t1\t{text}" for n, text in (("a", "NO, SUN!"), ("b", ""))]
    (tmp_path / "index.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_phones_become_labels_of_mel_steps():
    said = [Phone(SIL, 0, 0.1), Phone("AA", 0.1, 0.2), Phone("noise", 0.2, 0.25)]
    labels = step_labels(said, 24)
    assert labels.tolist() == [0] * 8 + [PHONES.index("AA")] * 8 + [UNKNOWN] * 8


def test_phones_have_each_one_name():
    assert len(set(PHONES)) == 40
    assert PHONES[0] == SIL
    assert set(ENGLISH.values()) <= set(PHONES)


def test_text_is_aligned(pocketsphinx):
    phones = Aligner().label(torch.zeros(16_000), "No, SUN!")
    assert [p.name for p in phones] == ["N", "OW", "S", "AH", "N"]
    assert phones[0].start == 0
    assert phones[1].start == pytest.approx(0.1078)
    assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(phones))


@pytest.mark.parametrize("text", [None, "", "Xyzzy sun", "deaf", "日本語"])
def test_without_a_text_that_fits_phones_are_decoded(pocketsphinx, text):
    aligner = Aligner()
    names = [p.name for p in aligner.label(torch.zeros(16_000), text)]
    assert names == [SIL, SIL, "AA"]
    assert len(aligner.label(torch.zeros(16_000), "sun")) == 3  # and goes on afterwards


def test_pocketsphinx_missing_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(InputError, match=r"avfuse\[speech\]"):
        Aligner()


def test_recordings_are_labelled_once(pocketsphinx, folder, monkeypatch):
    monkeypatch.setattr(recordings, "ProcessPoolExecutor", Here)
    found = find_recordings(folder)
    assert [(r.speaker, r.text) for r in found] == [("one/a", "NO, SUN!"), ("one/b", "")]
    paths = cached_speech(found, folder / "cache")
    first, second = map(read_spoken, paths)
    assert first.speaker, first.corpus == ("one/a", "one")
    assert len(first.labels) == 81
    assert first.labels[0] == PHONES.index("N")
    assert second.labels[20] == PHONES.index("AA")
    monkeypatch.setattr(recordings, "ProcessPoolExecutor", None)
    assert cached_speech(found, folder / "cache") == paths  # nothing is left to label


class Here:
    """An executor that works in this very process."""

    def __init__(self, processes, initializer):
        recordings._aligner.clear()
        initializer()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        recordings._aligner.clear()

    def map(self, function, *columns, chunksize):
        return map(function, *columns)


@pytest.mark.parametrize("content", [None, "name\tage\nann\t7\n"])
def test_a_folder_without_a_table_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "index.tsv").write_text(content)
    with pytest.raises(InputError, match="path, corpus, speaker"):
        find_recordings(tmp_path)


def test_sound_is_kept_in_16_bits():
    sound = torch.linspace(-1.5, 1.5, 16_000)
    spoken = labelled(sound, [Phone("AA", 0, 1)], "one/a", "one")
    assert (spoken.sound / 32767 - sound.clamp(-1, 1)).abs().max() < 1e-4


def test_invented_speech_says_what_it_is_said_to():
    spoken = invented_speech(3)
    assert torch.equal(spoken.sound, invented_speech(3).sound)
    heard = (spoken.sound[: len(spoken.labels) * 200 - 200].float() / 32768).unflatten(0, (-1, 200))
    level = heard.square().mean(1).log()
    vowels = torch.isin(spoken.labels[:-1], torch.tensor([PHONES.index(v) for v in ("AA", "OW")]))
    assert level[vowels].mean() > level[spoken.labels[:-1] == 0].mean() + 3
    assert len(spoken.labels) == len(spoken.sound) // 200 + 1
