"""`avfuse recipes`: what comes with the package, listed and written out."""

from avfuse.cli import main
from avfuse.files.recipes import bundled_recipes


def test_lists_names_and_what_they_are(capsys):
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [recipe.name for recipe in bundled_recipes()]
    (base,) = (line for line in lines if line.startswith("base "))
    assert base.endswith("  What every recipe starts from.")


def test_writes_them_out_once(tmp_path, capsys):
    words = ["recipes", "--copy", str(tmp_path / "mine")]
    assert main(words) == 0
    assert (tmp_path / "mine" / "papers" / "atvgnet.yaml").is_file()
    assert capsys.readouterr().out == f"{tmp_path / 'mine'}: {len(bundled_recipes())} recipes\n"
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is there already" in line
