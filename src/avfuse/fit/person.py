"""One person's footage to a model of them: the stages of a method in order, each from the last.

What ends it, at any moment, costs what came since the last epoch: the same command goes on there.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from avfuse.data.preprocess import digest, find_videos
from avfuse.errors import InputError
from avfuse.files.recipes import bundled_folder
from avfuse.files.whole import write_whole
from avfuse.fit.command import trainable
from avfuse.fit.stage_bar import StageBar
from avfuse.fit.stage_report import History, drawn, write_report
from avfuse.method import Method, method_named, methods, name_of
from avfuse.model_file import from_checkpoint, save

_LAST = 0.6  # of the time, what the last stage has, which draws; the others share the rest alike
_QUIET = {
    "logger": "false",
    "enable_progress_bar": "false",
    "enable_model_summary": "false",
}


class Footage(NamedTuple):
    """Of whom a model is made.

    Attributes:
        videos: folder of videos of one person, or a single video.
        labels: folder of labelled dense points; None finds them.
    """

    videos: Path
    labels: Path | None = None


def person(
    footage: Footage,
    output: Path,
    *,
    work: Path | None = None,
    minutes: float | None = None,
    recipes: Path | None = None,
    options: Sequence[str] = (),
    credit: str = "",
    quiet: bool = False,
) -> Path:
    """Make a model of a person.

    Args:
        footage: of them.
        output: the model file, .safetensors.
        work: folder of what is kept until the end; None: beside the output, named as it.
        minutes: that training takes at most, tracking not counted; None: the recipes' epochs.
        recipes: folder of recipes, `STAGE/person.yaml`; None: the library's.
        options: more words of the training verbs, for every stage.
        credit: of the footage, for the file.
        quiet: no progress bars.

    Returns:
        The report, a JSON file; a picture of the same name lies beside it.

    Raises:
        InputError: the footage cannot be used, or the work is of other footage.
    """
    work = output.with_suffix(".work") if work is None else work
    _claim(work, footage, options)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    stages, best = _stages(recipes), None
    for number, (stage, recipe) in enumerate(stages.items()):
        words = [f"--config={recipe}", *_words(footage, work, best), *options]
        if minutes is not None:
            share = _LAST if number == len(stages) - 1 else (1 - _LAST) / (len(stages) - 1)
            words.append(f"--trainer.max_time={_clock(60 * share * minutes)}")
        best = _trained(words, stage, work / stage, quiet)
    assert best is not None  # there is a stage
    save(from_checkpoint(best), output, credit)
    return write_report(work, [*stages], output)


def _whole_person() -> type[Method]:
    """The method that is shown nobody: who speaks is in its file."""
    found = (method_named(name) for name in methods())
    return next(kind for kind in found if not (kind.footage or kind.references or not kind.whole))


def _stages(folder: Path | None) -> dict[str, Path]:
    """Recipes for a person, in the order of the stages.

    Raises:
        InputError: the folder holds none.
    """
    method = _whole_person()
    if folder is None:
        folder = bundled_folder() / "papers" / name_of(method)
    found = {stage: folder / stage / "person.yaml" for stage in method.stages}
    there = {stage: path for stage, path in found.items() if path.exists()}
    if not there:
        raise InputError(f"{folder} holds no recipe of a person, STAGE/person.yaml")
    return there


def _words(footage: Footage, work: Path, before: Path | None) -> Iterator[str]:
    """What every stage is told."""
    yield f"--data.videos={footage.videos}"
    yield f"--data.labels={'null' if footage.labels is None else footage.labels}"
    yield f"--data.cache={work / 'takes'}"
    if before is not None:
        yield f"--model.weights={before}"
    yield from (f"--trainer.{name}={value}" for name, value in _QUIET.items())


def _claim(work: Path, footage: Footage, options: Sequence[str]) -> None:
    """Note what the work is of; refuse to go on with another's."""
    told = json.dumps({"footage": digest(*find_videos(footage.videos)), "options": [*options]})
    note = work / "person.json"
    if note.exists() and note.read_text() != told:
        raise InputError(f"{work} holds work on other footage or options; give another --work")
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{work}: cannot be made ({error.strerror})") from error
    write_whole(note, told)


def _trained(words: Sequence[str], stage: str, folder: Path, quiet: bool) -> Path:
    """A stage's best checkpoint, its training gone on with from where it was."""
    done = folder / "done"
    if not done.exists():
        folder.mkdir(exist_ok=True)
        trainer, training, data = trainable(words)
        history = History(folder / "history.json")
        trainer.callbacks += [history, *([] if quiet else [StageBar(stage)])]  # type: ignore[attr-defined]
        for kept in trainer.checkpoint_callbacks:
            kept.dirpath = str(folder)  # type: ignore[attr-defined] # of a file each
        last = folder / "last.ckpt"
        trainer.fit(training, datamodule=data, ckpt_path=str(last) if last.exists() else None)
        if not last.exists():  # the time was up before the first epoch was
            trainer.save_checkpoint(last)
        drawn(training, data, folder / "held.png")
        done.touch()
    best = folder / "best.ckpt"
    return best if best.exists() else folder / "last.ckpt"


def _clock(seconds: float) -> str:
    """A time as Lightning reads it, days first."""
    whole = max(1, round(seconds))
    minutes, hours = whole // 60, whole // 3600
    return f"{hours // 24:02d}:{hours % 24:02d}:{minutes % 60:02d}:{whole % 60:02d}"
