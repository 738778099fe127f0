"""The tables, on tiny models: rows, and scores whose value is known."""

import pytest
import torch

from avfuse.methods.rhythmic_head_motion import tables
from avfuse.methods.rhythmic_head_motion.data import Moved
from avfuse.methods.rhythmic_head_motion.head_motion import MEAN, motions
from avfuse.methods.rhythmic_head_motion.tables import (
    COPY,
    MESH,
    Clip,
    main,
    met,
    pasted,
    picture_table,
    pictures,
)
from avfuse.model_file import save


@pytest.fixture
def moved():
    return Moved(
        0.1 * torch.randn(4, 8, 6), torch.randn(4, 8, 80, 22), 0.1 * torch.randn(4, 5, 6),
        torch.randn(4, 5, 80, 22),
    )  # fmt: skip


@pytest.fixture
def clip(head):
    return Clip.of(head.clip, 8)


def test_a_head_at_its_mean_is_as_far_off_as_it_turns(tiny, moved):
    poses = torch.zeros(4, 5, 6)
    poses[..., 1], poses[..., 4] = torch.pi / 18, 0.03
    known = moved._replace(before=torch.zeros(4, 8, 6), poses=poses)
    rows = dict(motions({"ours": tiny()}, known))
    assert rows[MEAN].d_rot == pytest.approx(10, abs=1e-3)
    assert rows[MEAN].d_pos == pytest.approx(3, abs=1e-4)
    assert set(rows) == {MEAN, "ours", "ours, of the wrong person"}


def test_the_wrong_person_moves_otherwise(tiny, moved):
    rows = list(motions({"ours": tiny()}, moved))
    ours, wrong = (
        [m for n, m in rows if n == name] for name in ("ours", "ours, of the wrong person")
    )
    assert len(ours) == len(wrong) == 4
    assert ours != wrong


def test_what_follows_is_not_met(clip):
    assert len(clip.met.places) == 8
    assert clip.after.places[0] == 8
    assert clip.met.square == clip.after.square


def test_the_mesh_alone_is_the_face_over_a_reference(tiny, clip):
    method = tiny()
    person = met(method, clip)
    made = pasted(person, person.mesh.pose[None])[0]
    inside = (made - person.mesh.texture).abs().amax(0) < 0.02
    assert inside.float().mean() > 0.3


def test_every_row_is_scored(tiny, clip):
    scored = list(pictures({"ours": tiny()}, [clip], [1, 3]))
    rows = [name for name, _ in scored]
    drives = [f"ours, K = {k}, from {d}" for d in ("landmarks", "sound") for k in (1, 3)]
    assert rows == [COPY, MESH, *drives]
    text = picture_table(scored)
    assert text.count("\n") == 2 + len(rows)
    assert "| | psnr | ssim | lmd | fid |" in text


def test_by_one_command(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tables, "rhythmic", lambda people, history: Moved(
        torch.zeros(2, 8, 6), torch.zeros(2, 8, 80, 22), torch.zeros(2, 5, 6),
        torch.zeros(2, 5, 80, 22)))  # fmt: skip
    save(tiny(), tmp_path / "a.safetensors")
    path = tmp_path / "table.md"
    assert main([f"ours={tmp_path / 'a.safetensors'}", "--output", str(path)]) == 0
    assert path.read_text() == capsys.readouterr().out
    assert f"| {MEAN} | 0.000" in path.read_text()


def test_a_model_of_another_method_is_refused(model, capsys):
    assert main([f"other={model}"]) == 2
    assert "is a model of another method" in capsys.readouterr().err
