"""Importing the package and asking for help must not pay for the heavy libraries.

Not timed, because a busy machine would fail it: what costs is which modules are loaded.
"""

import subprocess
import sys

import pytest

HEAVY = {"torch", "lightning", "torchaudio", "torchmetrics", "kornia", "cv2", "av", "numpy"}

TRAINING = {"lightning", "torchaudio", "torchmetrics", "kornia", "scipy"}
"""What speaking does without: seconds of every start."""

LOADED = "\nprint(*sys.modules, file=sys.stderr)"

HELP = """
import sys
sys.argv = ["avfuse", "--help"]
from avfuse.cli import main
try:
    code = main()
except SystemExit as exit:
    code = exit.code
assert not code, code
"""


RECIPES = HELP.replace("--help", "recipes")


def loaded(code):
    command = [sys.executable, "-c", f"import sys\n{code}{LOADED}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "code", ["import avfuse", HELP, RECIPES], ids=["import", "help", "recipes"]
)
def test_loads_nothing_heavy(code):
    assert not loaded(code) & HEAVY


def test_speaking_loads_nothing_of_trainings_and_scores():
    loads = loaded("import avfuse; avfuse.generate, avfuse.Stream, avfuse.Generator")
    assert "torch" in loads
    assert not loads & TRAINING


def test_help_names_the_verbs():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for verb in [
        "generate",
        "fit",
        "validate",
        "test",
        "export",
        "models",
        "demo",
        "person",
        "methods",
        "recipes",
    ]:
        assert verb in done.stdout
