"""`avfuse evaluate`: files, exit codes and what it says."""

import json
import shutil

import numpy as np
import pytest

from avfuse.cli import main


@pytest.fixture
def words(folder, cache, model, tmp_path):
    words = ["evaluate", "--model", str(model), "--clips", str(folder), "--cache", str(cache)]
    return [*words, "--output", str(tmp_path / "metrics.json")]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "metrics.json"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_writes_metrics_report_and_sheet(words, output, tmp_path, capsys):
    words += ["--report", str(tmp_path / "report.html"), "--sheet", str(tmp_path / "sheet.png")]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "| all (2) | model |" in said.out
    assert said.err == ""
    metrics = json.loads(output.read_text())
    assert metrics["protocol"] == "first-frame"
    assert [row["clips"] for row in metrics["rows"]] == [2] * 5
    assert metrics["skipped"] == metrics["notes"] == []
    assert (tmp_path / "report.html").read_text().count("<video") == 2
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    assert names(tmp_path) == ["metrics.json", "report.html", "sheet.png"]


def test_dubbing_of_what_was_held_back(words, output, capsys):
    assert main([*words, "--protocol", "dubbing", "--unseen", "anna", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    metrics = json.loads(output.read_text())
    assert metrics["protocol"] == "dubbing"
    assert {(row["group"], row["clip"]) for row in metrics["clips"]} == {("unseen", "anna/one")}
    assert metrics["rows"][1]["method"] == "copy input"
    assert metrics["rows"][1]["intervals"]["psnr"] is None  # of one clip


def test_videos_without_labels_are_tracked(folder, words, output, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    shutil.copy(folder / "anna" / "one.mp4", plain)
    words[words.index(str(folder))] = str(plain)
    assert main([*words, "--quiet"]) == 0
    truth = json.loads(output.read_text())["rows"][0]
    assert truth["aperture"] > 0.9


def test_a_broken_clip_is_skipped_and_the_exit_code_says_so(
    folder, words, output, tmp_path, capsys
):
    broken = tmp_path / "clips"
    shutil.copytree(folder, broken)
    path = broken / "ben" / "one.mp4"
    path.write_bytes(path.read_bytes()[:2000])
    words[words.index(str(folder))] = str(broken)
    assert main(words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("avfuse: ben/one: skipped: ")
    metrics = json.loads(output.read_text())
    assert [skipped["clip"] for skipped in metrics["skipped"]] == ["ben/one"]
    assert {row["clip"] for row in metrics["clips"]} == {"anna/one"}
    assert names(tmp_path) == ["clips", "metrics.json"]


def test_only_broken_clips_are_bad_input(words, folder, output, tmp_path, capsys):
    broken = tmp_path / "clips"
    broken.mkdir()
    (broken / "one.mp4").write_bytes(b"no video")
    words[words.index(str(folder))] = str(broken)
    assert main(words) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("avfuse: none of 1 clips")
    assert not output.exists()


def test_an_interrupted_run_goes_on(words, output, tmp_path, monkeypatch, judge):
    from avfuse.evaluation import score

    done = []
    scores = score.Judge.scores

    def once(self, target, videos):
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return scores(self, target, videos)

    monkeypatch.setattr(score.Judge, "scores", once)
    assert main([*words, "--quiet"]) == 130
    assert names(tmp_path) == ["metrics.json.part"]
    done.clear()
    assert main([*words, "--quiet"]) == 0  # one clip was left
    assert names(tmp_path) == ["metrics.json"]
    assert len(json.loads(output.read_text())["clips"]) == 10


def test_folders_of_any_system(folder, words, output, tmp_path, capsys):
    made = tmp_path / "made"
    (made / "anna").mkdir(parents=True)
    shutil.copy(folder / "anna" / "one.mp4", made / "anna" / "one.mov")
    words = ["evaluate", "--generated", str(made), "--reference", str(folder)]
    assert main([*words, "--output", str(output)]) == 1
    said = capsys.readouterr()
    assert "| all (1) | generated | 100.00 |" in said.out
    assert said.err == f"avfuse: ben/one: skipped: is not in {made}\n"
    metrics = json.loads(output.read_text())
    assert [row["method"] for row in metrics["rows"]] == ["truth", "copy first frame", "generated"]
    assert metrics["generated"] == str(made)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--held-back", "99"], "no clip is held back"),
        (["--unseen", "carl"], "no such speakers"),
        (["--generated", "there"], "give either --clips DIR"),
        (["--report", "nowhere/report.html"], "nowhere/report.html: cannot be written"),
        (["--labels", "nowhere"], "no landmark labels"),
    ],
)
def test_bad_input(words, output, change, says, capsys):
    assert main([*words, *change]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not output.exists()


def test_neither_clips_nor_folders(output, capsys):
    assert main(["evaluate", "--output", str(output)]) == 2
    assert "give either --clips DIR" in capsys.readouterr().err


def test_one_file_is_not_two(words, output, capsys):
    assert main([*words, "--report", str(output)]) == 2
    assert "given twice" in capsys.readouterr().err


def test_a_broken_label_is_one_clips_matter(folder, words, output, tmp_path):
    clips = tmp_path / "clips"
    shutil.copytree(folder, clips)
    np.savez(clips / "ben" / "one.npz", points=np.ones(3))
    words[words.index(str(folder))] = str(clips)
    assert main([*words, "--quiet"]) == 1
    (skipped,) = json.loads(output.read_text())["skipped"]
    assert "expected a .npz with an array `landmarks`" in skipped["reason"]
