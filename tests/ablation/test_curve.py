"""The file of a training's scores."""

import json

import pytest
from lightning import Trainer
from lightning.pytorch.demos.boring_classes import BoringModel

from avfuse.ablation.curve import FILE, Curve, read_curve
from avfuse.errors import InputError

LINES = [{"epoch": 0, "gain": 1.0}, {"epoch": 1, "gain": 2.0}]


def test_an_epoch_that_was_begun_twice_counts_once(tmp_path):
    lines = [{"epoch": 0, "gain": 1.0}, {"epoch": 1, "gain": 2.0}, {"epoch": 1, "gain": 3.0}]
    (tmp_path / FILE).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert read_curve(tmp_path) == [lines[0], lines[2]]


def test_without_a_file_there_is_no_curve(tmp_path):
    assert read_curve(tmp_path) == []


@pytest.mark.parametrize("cut", ['{"epo', '{"epoch": 2, "gain": 3.0', ""])
def test_a_last_line_that_was_cut_is_none(tmp_path, cut):
    whole = "".join(f"{json.dumps(line)}\n" for line in LINES)
    (tmp_path / FILE).write_text(whole + cut)
    assert read_curve(tmp_path) == LINES


def test_a_line_before_the_last_may_not_be_cut(tmp_path):
    first, second = map(json.dumps, LINES)
    (tmp_path / FILE).write_text(f"{first[:9]}\n{second}\n")
    with pytest.raises(InputError, match="line 1 is damaged"):
        read_curve(tmp_path)


def test_who_goes_on_after_a_cut_line_mends_it(tmp_path):
    (tmp_path / FILE).write_text(f"{json.dumps(LINES[0])}\n{json.dumps(LINES[1])[:7]}")
    trainer = Trainer(
        max_epochs=2, limit_train_batches=1, limit_val_batches=1, accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=tmp_path, callbacks=[Curve()],
    )  # fmt: skip
    trainer.fit(BoringModel())
    lines = (tmp_path / FILE).read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [0, 1]
