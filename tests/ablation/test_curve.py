"""The file of a training's scores."""

import json

from avfuse.ablation.curve import FILE, read_curve


def test_an_epoch_that_was_begun_twice_counts_once(tmp_path):
    lines = [{"epoch": 0, "gain": 1.0}, {"epoch": 1, "gain": 2.0}, {"epoch": 1, "gain": 3.0}]
    (tmp_path / FILE).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert read_curve(tmp_path) == [lines[0], lines[2]]


def test_without_a_file_there_is_no_curve(tmp_path):
    assert read_curve(tmp_path) == []
