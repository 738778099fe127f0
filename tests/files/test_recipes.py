"""Recipes by name and by path, what they build on, and that they come with the package."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from avfuse.errors import InputError
from avfuse.files.recipes import (
    BASE,
    MARK,
    built_on,
    bundled_folder,
    bundled_recipes,
    copy_recipes,
    in_words,
    located,
    recipe_file,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(*names, text="{}"):
    paths = [Path(name).absolute() for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return paths


class TestNames:
    @pytest.mark.parametrize(
        "word", ["papers/atvgnet", "papers/atvgnet.yaml", "papers/atvgnet.yml"]
    )
    def test_a_bundled_recipe_is_found_with_its_suffix_or_without(self, word):
        assert recipe_file(word) == ROOT / "recipes" / "papers" / "atvgnet.yaml"

    def test_a_file_wins_where_its_path_says_that_it_is_one(self, here):
        write("base.yaml", "base", "mine")
        assert recipe_file("base.yaml") == Path("base.yaml")
        assert recipe_file("./base.yaml") == Path("base.yaml")
        assert recipe_file(str(here / "mine")) == here / "mine"
        assert recipe_file("./mine") == Path("mine")
        assert recipe_file("base") == ROOT / "recipes" / "base.yaml"

    def test_at_home(self, here, monkeypatch):
        monkeypatch.setenv("HOME", str(here))
        write("mine.yaml")
        assert recipe_file("~/mine.yaml") == here / "mine.yaml"

    @pytest.mark.parametrize(
        "word", ["mine", "nobody.yaml", "./base", "/base", "../base", "papers"]
    )
    def test_neither_is_said_in_one_line(self, word):
        write("mine")
        with pytest.raises(
            InputError, match=f"recipe '{word}' is neither a file .* avfuse recipes"
        ):
            recipe_file(word)

    def test_words_of_a_command(self):
        write("mine.yaml")
        base = str(ROOT / "recipes" / "base.yaml")
        words = ["fit", "--config", "base", "--config=./mine.yaml", "-c", "base", "--model=base"]
        assert located(words) == [
            "fit", "--config", base, "--config=mine.yaml", "-c", base, "--model=base",
        ]  # fmt: skip
        assert located(["--config={model: {}}", "--config"]) == ["--config={model: {}}", "--config"]


class TestBuiltOn:
    def test_in_a_tree_of_recipes(self, here):
        write(BASE, text=f"{MARK}\n")
        one, ablation = write("papers/one.yaml", "papers/one/ablation.yaml")
        assert built_on(one) == [here / BASE]
        assert built_on(ablation) == [here / BASE, one]
        assert built_on(here / BASE) == []

    def test_on_the_paper_in_its_folder(self, here):
        write(BASE, text=f"{MARK}\n")
        paper, ablation = write("papers/one/paper.yaml", "papers/one/ablation.yaml")
        assert built_on(paper) == [here / BASE]
        assert built_on(ablation) == [here / BASE, paper]

    def test_a_stray_base_above_is_none(self, here):
        write(BASE)
        (mine,) = write("mine/recipe.yaml")
        assert built_on(mine) == [ROOT / "recipes" / BASE]

    def test_nor_is_a_stray_recipe_of_the_folders_name(self):
        write("mine.yaml", "mine/paper.yaml")
        (mine,) = write("mine/recipe.yaml")
        assert built_on(mine) == [ROOT / "recipes" / BASE]

    def test_one_beside_the_recipe_is_meant(self, here):
        write(BASE, text=f"{MARK}\n")
        base, mine = write(f"mine/{BASE}", "mine/recipe.yaml")
        assert built_on(mine) == [base]

    def test_bundled_ones_build_on_bundled_ones(self):
        recipes = ROOT / "recipes"
        expected = [recipes / BASE, recipes / "papers" / "atvgnet.yaml"]
        assert built_on(recipe_file("papers/atvgnet/without_dal")) == expected

    def test_a_copy_builds_on_itself(self, here):
        copy_recipes(here / "copy")
        expected = [here / "copy" / BASE, here / "copy" / "papers" / "atvgnet.yaml"]
        assert built_on(Path("copy/papers/atvgnet/without_dal.yaml")) == expected

    def test_in_words(self, here):
        paths = [recipe_file("base"), recipe_file("papers/atvgnet"), here / "a" / "mine.yaml"]
        assert in_words(paths) == "base + papers/atvgnet + a/mine.yaml"
        assert in_words([Path("/nowhere/mine.yaml")]) == "/nowhere/mine.yaml"


class TestCopy:
    def test_is_the_same(self, here):
        files = copy_recipes(here / "a" / "copy")
        assert len(files) == len(bundled_recipes())
        for file in files:
            original = bundled_folder() / file.relative_to(here / "a" / "copy")
            assert file.read_bytes() == original.read_bytes()

    def test_overwrites_nothing(self, here):
        (mine,) = write("copy/sweeps/kernels.yaml", text="mine")
        with pytest.raises(InputError, match=r"kernels.yaml is there already, and is kept"):
            copy_recipes(here / "copy")
        assert [path for path in (here / "copy").rglob("*") if path.is_file()] == [mine]
        assert mine.read_text() == "mine"

    def test_where_nothing_can_be_written(self, here):
        write("file")
        with pytest.raises(InputError, match="cannot be written"):
            copy_recipes(here / "file" / "copy")


def test_all_have_a_first_line_about_them():
    for recipe in bundled_recipes():
        assert recipe.about, recipe.name
        assert not recipe.about.startswith("yaml-language-server")


@pytest.mark.slow
def test_they_come_with_the_wheel(here):
    """Built as users' pip builds it, and used from nowhere near the sources."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", here, ROOT]
    subprocess.run(command, check=True)
    (wheel,) = here.glob("avfuse-*.whl")
    with zipfile.ZipFile(wheel) as content:
        names = {name for name in content.namelist() if name.endswith(".yaml")}
        content.extractall(here / "installed")
    files = (ROOT / "recipes").rglob("*.yaml")
    assert names == {f"avfuse/{path.relative_to(ROOT).as_posix()}" for path in files}
    program = f"import sys; sys.path[0] = {str(here / 'installed')!r}; import avfuse.cli as c; "
    listed = subprocess.run(
        [sys.executable, "-c", f"{program} print(c.__file__); c.main(['recipes'])"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert listed[0].startswith(str(here / "installed"))
    assert len(listed) == 1 + len(names)
