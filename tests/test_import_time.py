"""Importing the package and asking for help must not pay for the heavy libraries.

Not timed, because a busy machine would fail it: what costs is which modules are loaded.
"""

import subprocess
import sys

import pytest

HEAVY = ["torch", "lightning", "torchaudio", "torchmetrics", "kornia", "cv2", "av", "numpy"]

LOADED = f"""
import sys
print(" ".join(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)
"""

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


@pytest.mark.parametrize(
    "code", ["import avfuse", HELP, RECIPES], ids=["import", "help", "recipes"]
)
def test_loads_nothing_heavy(code):
    command = [sys.executable, "-c", code + LOADED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.split() == []


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
