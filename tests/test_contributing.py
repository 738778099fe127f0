"""The method that CONTRIBUTING.md writes is whole: found, saved, spoken with, streamed, scored."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import avfuse
from avfuse.cli import main
from avfuse.method import method_named, methods, name_of
from avfuse.model_file import save
from avfuse.video.read import frames

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
POINTS = "[avfuse.methods]\nlouder = louder\n"


@pytest.fixture
def page():
    """The folder that the page describes."""
    code = re.search(r'```python title="louder/__init__.py"\n(.*?)```', PAGE.read_text(), re.DOTALL)
    assert code is not None
    return code[1]


@pytest.fixture(params=["folder", "entry point"])
def louder(request, page, tmp_path, monkeypatch):
    """The method, in a folder beside the library's own, or in somebody's package."""
    (tmp_path / "louder").mkdir()
    (tmp_path / "louder" / "__init__.py").write_text(page)
    home = "avfuse.methods.louder"
    if request.param == "folder":
        import avfuse.methods

        monkeypatch.setattr(avfuse.methods, "__path__", [*avfuse.methods.__path__, str(tmp_path)])
    else:
        home = "louder"
        installed = tmp_path / "louder-1.dist-info"
        installed.mkdir()
        (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: louder\nVersion: 1\n")
        (installed / "entry_points.txt").write_text(POINTS)
        monkeypatch.syspath_prepend(tmp_path)
    yield method_named("louder")
    sys.modules.pop(home, None)


def test_is_found(louder, capsys):
    assert "louder" in methods()
    assert name_of(louder) == "louder"
    assert main(["methods"]) == 0
    assert "louder" in capsys.readouterr().out


def test_speaks(louder, face, speech, tmp_path):
    model = tmp_path / "louder.safetensors"
    save(louder(), model)
    report = avfuse.generate(face, speech, tmp_path / "out.mp4", model=model, quiet=True)
    assert report.frames_with_face == report.frames > 0
    shown = [frame.image.astype(int) for frame in frames(tmp_path / "out.mp4")]
    given = [frame.image.astype(int) for frame in frames(face)]
    change = [one - other for one, other in zip(shown, given, strict=False)]
    height = len(change[0])
    below, above = (
        np.mean([c[part].mean() for c in change]) for part in (slice(height // 2, None), slice(20))
    )
    assert below > above + 1


def test_nothing_else_of_the_library_is_touched(page):
    """The page's code stands by itself."""
    done = subprocess.run([sys.executable, "-c", page], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
