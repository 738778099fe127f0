"""`avfuse models`."""

import torch
from safetensors.torch import load_file

from avfuse.cli import main
from avfuse.files.weights import read_header
from avfuse.model_file import card_of, save


def test_lists_what_is_bundled(model, tmp_path, monkeypatch, capsys):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.safetensors").write_bytes(model.read_bytes())
    monkeypatch.setattr("avfuse.model_file.resources.files", lambda _: tmp_path)
    assert main(["models"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:2] == ["tiny", "dynamic_kernels"]
    assert line.endswith("made in a test")


def test_prints_a_card(tmp_path, generator, capsys):
    path = tmp_path / "mine.safetensors"
    save(generator, path, card="# Mine\n\nIt smiles.\n")
    assert main(["models", str(path)]) == 0
    assert capsys.readouterr().out == "# Mine\n\nIt smiles.\n"


def test_a_model_without_a_card(model, capsys):
    assert main(["models", str(model)]) == 2
    assert "has no card; avfuse export --card FILE.md writes one" in capsys.readouterr().err


def test_a_card_is_given_to_a_file_that_keeps_the_rest(tmp_path, model, capsys):
    card, path = tmp_path / "card.md", tmp_path / "mine.safetensors"
    card.write_text("# Mine\n")
    assert main(["export", str(model), str(path), "--card", str(card)]) == 0
    assert card_of(path) == "# Mine\n"
    assert read_header(path)["credit"] == read_header(model)["credit"]
    kept, given = load_file(model), load_file(path)
    assert all(torch.equal(value, given[name]) for name, value in kept.items())
    assert main(["export", str(path), str(path), "--credit", "nobody"]) == 0
    assert read_header(path)["credit"] == "nobody"
    assert card_of(path) == "# Mine\n"


def test_a_card_that_is_no_text(tmp_path, model, capsys):
    card = tmp_path / "card.md"
    assert main(["export", str(model), str(tmp_path / "a"), "--card", str(card)]) == 2
    assert "card.md: expected a text" in capsys.readouterr().err
