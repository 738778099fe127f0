"""`avfuse models`."""

from avfuse.cli import main


def test_lists_what_is_bundled(model, tmp_path, monkeypatch, capsys):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.safetensors").write_bytes(model.read_bytes())
    monkeypatch.setattr("avfuse.model_file.resources.files", lambda _: tmp_path)
    assert main(["models"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:2] == ["tiny", "dynamic_kernels"]
    assert line.endswith("made in a test")
