"""What all verbs have in common."""

import pytest

from avfuse.cli import main


@pytest.mark.parametrize("words", [[], ["nonsense"], ["generate"], ["generate", "--face"]])
def test_words_that_make_no_command(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_version(capsys):
    from avfuse import __version__

    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"avfuse {__version__}\n"
