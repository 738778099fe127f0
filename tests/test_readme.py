"""The Python in the README and the docs runs, on media made here."""

import re
from pathlib import Path

import pytest
import torch

from avfuse.method import method_named

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```python\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def examples():
    """Every page with its Python blocks, which run one after the other, as they are read."""
    for page in PAGES:
        blocks = [match[2] for match in FENCE.finditer(page.read_text())]
        if blocks:
            yield pytest.param(page, blocks, id=str(page.relative_to(ROOT)))


@pytest.mark.parametrize(("page", "blocks"), list(examples()))
def test_python_runs(page, blocks, tmp_path, monkeypatch, face, speech, model):
    """Names like `face.mp4`, `speech.wav` and `model.safetensors` are there."""
    for name, source in {
        "face.mp4": face,
        "speech.wav": speech,
        "model.safetensors": model,
    }.items():
        (tmp_path / name).write_bytes(source.read_bytes())
    if any("wav2lip_gan.pth" in block for block in blocks):
        weights = method_named("wav2lip").build({}).state_dict()
        torch.save({"state_dict": weights}, tmp_path / "wav2lip_gan.pth")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)


def test_the_readme_has_examples():
    assert any("avfuse.generate(" in block for block in FENCE.findall(PAGES[0].read_text())[0])


def test_there_is_one_test_command():
    """`.ci/run` takes it from between these markers."""
    text = PAGES[0].read_text()
    assert text.count("<!-- test-command -->") == text.count("<!-- /test-command -->") == 1
