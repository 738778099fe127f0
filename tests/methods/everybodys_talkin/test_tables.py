"""Tables 1 and 2: errors of known predictions, another's voice, and the command."""

import numpy as np
import pytest
import torch

from avfuse.data.synthetic import synthetic_clip
from avfuse.errors import InputError
from avfuse.methods.everybodys_talkin import tables
from avfuse.methods.everybodys_talkin.clips import FittedClip
from avfuse.model_file import save
from avfuse.sound.mel import SILENCE
from avfuse.video.audio import write_wav


@pytest.fixture(scope="module")
def clips(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("clips")
    return [
        made.clip_file(folder / f"{seed}.safetensors", synthetic_clip(seed, seconds=1.2, size=64))
        for seed in (3, 4)
    ]


def test_the_truth_is_right_and_a_step_beside_it_as_wrong_as_it_is_long(tiny, clips):
    method = tiny()
    fitted = FittedClip(clips[0], method.face, method.size)
    right = tables.errors(method, fitted, fitted.fit.expression)
    assert right == pytest.approx((0, 0, 1), abs=1e-5)
    beside = fitted.fit.expression + torch.tensor([0.5, 0.0, 0.0, -0.1])
    off = tables.errors(method, fitted, beside)
    assert off.expression == pytest.approx(0.6 / 4, abs=1e-5)
    assert off.landmarks > 0


def test_landmarks_have_no_expression(tiny, clips):
    method = tiny(regress="landmarks")
    fitted = FittedClip(clips[0], method.face, method.size)
    truth = method.regressed.truth(fitted.landmarks, fitted.fit)
    off = tables.errors(method, fitted, truth)
    assert np.isnan(off.expression)
    assert off.aperture > 0.9


def test_rows_are_controls_and_every_name_with_every_sound(tiny, clips):
    models = {"ours": [tiny(), tiny()], "2D": [tiny(regress="landmarks")]}
    scored = tables.score(models, clips, [clips[0].mel])
    sounds = ("", ", other sound", ", another's voice")
    wanted = ["copy first frame", "mean expression", *(n + s for n in models for s in sounds)]
    assert [name for name, _ in scored] == 2 * wanted
    text = tables.table({"all (2)": scored})
    assert text.count("\n| all (2) | ") == len(wanted)
    assert "| 2D | - |" in text


def test_without_an_expression_there_is_no_truth(tiny, clips):
    with pytest.raises(InputError, match="expressions"):
        tables.score({"2D": [tiny(regress="landmarks")]}, clips)


def test_another_voice_has_its_spectrum_and_the_speakers_loudness():
    generator = torch.Generator().manual_seed(0)
    mel = torch.rand(80, 60, generator=generator) - 0.5
    mel[:, :10] = SILENCE
    voice = torch.rand(80, 50, generator=generator) + torch.linspace(-1, 1, 80)[:, None]
    heard = tables.coloured(mel, voice)
    assert (heard[:, :10] == SILENCE).all()
    torch.testing.assert_close(heard[:, 10:].mean(0), mel[:, 10:].mean(0))
    own, other = tables._spectrum(heard), tables._spectrum(voice)
    torch.testing.assert_close(own - own.mean(), other - other.mean())


@pytest.fixture
def folder(tmp_path, made):
    for seed in (3, 4):
        clip = synthetic_clip(seed, seconds=1.2, fps=10.0, size=96)
        (tmp_path / "videos" / f"s{seed}").mkdir(parents=True)
        made.video(tmp_path / "videos" / f"s{seed}" / "one.mp4", clip)
        np.savez(tmp_path / "videos" / f"s{seed}" / "one.npz", landmarks=clip.landmarks)
    write_wav(tmp_path / "a.wav", (np.sin(np.arange(16_000) * 0.3) / 3).astype(np.float32))
    (tmp_path / "index.tsv").write_text(
        "path\tcorpus\tspeaker\tlanguage\ttranscript\na.wav\tm\ta\ten\t"
    )
    return tmp_path


def test_the_command_prints_what_it_writes(tiny, folder, capsys):
    save(tiny(), folder / "m.safetensors")
    words = [f"ours={folder / 'm.safetensors'}", "--clips", str(folder / "videos")]
    words += ["--cache", str(folder / "cache"), "--unseen", "s3", "s4", "--voices", str(folder)]
    assert tables.main([*words, "--output", str(folder / "t.md")]) == 0
    printed = capsys.readouterr().out
    assert printed == (folder / "t.md").read_text()
    assert "| unseen (2) | ours, another's voice | " in printed


def test_no_such_voice_is_one_line(tiny, folder, capsys):
    save(tiny(), folder / "m.safetensors")
    words = [str(folder / "m.safetensors"), "--clips", str(folder / "videos")]
    words += ["--cache", str(folder / "cache"), "--voices", str(folder), "--corpus", "none"]
    assert tables.main(words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
