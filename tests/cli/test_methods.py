"""`avfuse methods`: a line each, by facts."""

from types import SimpleNamespace

import pytest

from avfuse.cli import main
from avfuse.cli.methods import needs
from avfuse.method import method_named, methods


def test_every_method_has_a_line(capsys):
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == methods()
    for line, name in zip(lines, methods(), strict=True):
        assert line.endswith(method_named(name).paper)
    (usual,) = (line for line in lines if line.startswith("dynamic_kernels"))
    # 8 steps of 12.5 ms, and half of the 50 ms that the last of them is made of.
    assert " footage " in usual
    assert " 125 ms ahead " in usual
    assert " default " in usual


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"footage": True}, "footage"),
        ({"footage": True, "landmarks": True}, "footage with landmarks"),
        ({"references": 1}, "a photo"),
        ({"references": 8, "landmarks": True}, "8 frames with landmarks"),
        ({"references": 64, "fewer": True}, "up to 64 frames"),
        ({"footage": True, "references": 1}, "footage and a photo"),
        ({}, "nothing"),
    ],
)
def test_needs_in_words(facts, words):
    usual = {"footage": False, "references": 0, "fewer": False, "landmarks": False}
    assert needs(SimpleNamespace(**{**usual, **facts})) == words
