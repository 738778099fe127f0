"""Fig. 11: a layout that keeps clusters, and what is counted."""

import pytest
import torch

from avfuse.methods.everybodys_talkin import voices
from avfuse.methods.everybodys_talkin.tsne import _joint, tsne
from avfuse.model_file import save
from avfuse.video.audio import write_wav


@pytest.fixture
def clusters():
    """Three clouds far apart in ten dimensions."""
    generator = torch.Generator().manual_seed(0)
    centres = 6 * torch.eye(10)[:3].repeat_interleave(25, 0)
    return centres + torch.randn(75, 10, generator=generator) * 0.5, torch.arange(
        3
    ).repeat_interleave(25)


def test_neighbours_stay_neighbours(clusters):
    points, names = clusters
    assert voices.nearest_is_right(tsne(points, 10.0), names) == 1


def test_every_point_has_as_many_neighbours_as_is_asked_for(clusters):
    """The perplexity is two to the entropy of whom a point would pick."""
    points, _ = clusters
    joint = _joint(points.double(), 10.0)
    torch.testing.assert_close(joint.sum(), torch.tensor(1.0, dtype=torch.float64))
    torch.testing.assert_close(joint, joint.T)
    entropy = -(joint * joint.clamp_min(1e-30).log()).sum()
    assert (entropy.exp() / len(points)).item() == pytest.approx(10, rel=0.25)


def test_nearest_is_counted():
    points = torch.tensor([[0.0], [1.0], [10.0], [10.4]])
    assert voices.nearest_is_right(points, torch.tensor([0, 0, 1, 1])) == 1
    assert voices.nearest_is_right(points, torch.tensor([0, 1, 1, 0])) == 0


@pytest.fixture
def folder(tmp_path):
    lines = ["path\tcorpus\tspeaker\tlanguage\ttranscript"]
    for number in range(3):
        sound = torch.randn(16_000 * 9, generator=torch.Generator().manual_seed(number)) * 0.1
        write_wav(tmp_path / f"{number}.wav", sound.numpy())
        lines.append(f"{number}.wav\tmade\ts{number}\ten\t")
    (tmp_path / "index.tsv").write_text("\n".join(lines))
    return tmp_path


def test_the_command_draws_and_counts(tiny, folder, tmp_path, capsys):
    model, picture = tmp_path / "m.safetensors", tmp_path / "voices.png"
    save(tiny(), model)
    words = [str(model), "--recordings", str(folder), "--seconds", "8", "--output", str(picture)]
    assert voices.main([*words, "--speakers", "3"]) == 0
    assert "% before" in capsys.readouterr().out
    assert picture.stat().st_size > 0


def test_too_little_speech_is_one_line(tiny, folder, tmp_path, capsys):
    model = tmp_path / "m.safetensors"
    save(tiny(), model)
    assert voices.main([str(model), "--recordings", str(folder), "--seconds", "90"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
