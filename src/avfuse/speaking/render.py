"""The paper's data scheme (IV-B): a teacher makes people say recordings, for others to learn from.

people x recordings -> chosen -> rendered, side by side -> a line in the manifest each
"""

import functools
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from avfuse.data.taught import MANIFEST, Rendering, read_manifest
from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.model_file import DEFAULT
from avfuse.runtime.device import method_on
from avfuse.sound.mel import SAMPLE_RATE
from avfuse.speaking.cast import Job, planned
from avfuse.speaking.generate import generate
from avfuse.video.audio import duration, mono_blocks, write_wav
from avfuse.video.read import probe


class Teacher(NamedTuple):
    """How renderings are made.

    Attributes:
        model: a bundled model's name or a model file.
        device: auto, cpu or cuda.
        faces: what looks for faces.
        seconds: of a recording, at most; None for all of it.
    """

    model: str = DEFAULT
    device: str = "auto"
    faces: str = "builtin"
    seconds: float | None = None


class Outcome(NamedTuple):
    """What came of a job.

    Attributes:
        seconds: of the rendering; 0 where there is none.
        reason: why there is none.
        person: whether that is the face's fault, and no other recording would do.
    """

    seconds: float
    reason: str = ""
    person: bool = False


class Rendered(NamedTuple):
    """What a run did.

    Attributes:
        made: renderings.
        kept: those that were there already.
        failed: those that could not be made, and why, `person: reason` each.
    """

    made: int
    kept: int
    failed: list[str]


def render_pairs(
    people: Path,
    speech: Path,
    output: Path,
    *,
    teacher: Teacher = Teacher(),  # noqa: B008  immutable
    count: int = 8,
    jobs: int = 1,
    seed: int = 0,
    quiet: bool = False,
) -> Rendered:
    """Let a model make people say recordings.

    Which recordings a person says is drawn by names and seed: who or what joins later changes
    little of it. What is there whole is not made again.

    Args:
        people: folder of videos or photos, searched through all its subfolders.
        speech: folder of recordings, or of videos with sound, likewise.
        output: folder for `<person>/<recording>.mp4` and the manifest.
        teacher: what renders, and how.
        count: recordings a person, at most; the paper's scheme has every person say all.
        jobs: processes; they share the cores.
        seed: of the draw.
        quiet: no progress bar.

    Raises:
        InputError: for folders or a model that cannot be used, and if nothing at all was made.
    """
    if count < 1 or jobs < 1 or (teacher.seconds is not None and teacher.seconds <= 0):
        raise InputError(
            f"count={count}, jobs={jobs}, seconds={teacher.seconds}; expected at least one each, "
            f"and more than no time"
        )
    plan = list(planned(people, speech, output, count, seed))
    _check(teacher, output)
    there = _kept(plan, output, teacher)
    todo = [job for job in plan if job.video not in there]
    failed: list[str] = []
    bar = tqdm(total=len(plan), initial=len(there), unit="video", disable=quiet or None)
    with bar:
        bar.set_description("rendering")
        for job, outcome in _outcomes(todo, teacher, min(jobs, max(1, len(todo)))):
            bar.update()
            if outcome.reason:
                failed.append(f"{job.person}: {outcome.reason}")
            else:
                _note(job, outcome.seconds, output, teacher)
    made = sum(job.video.exists() for job in todo)
    if failed and not made and not there:
        raise InputError(f"nothing could be rendered; the first: {failed[0]}")
    return Rendered(made, len(there), failed)


def _check(teacher: Teacher, output: Path) -> None:
    """Refuse what could only fail every time."""
    method = _loaded(teacher.model, teacher.device)
    if method.whole or not method.footage:
        raise InputError(
            f"{teacher.model} does not change footage; pairs need a model that gives a person's "
            f"frames other lips"
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{output}: cannot be made ({error.strerror})") from error


def _kept(plan: Sequence[Job], output: Path, teacher: Teacher) -> set[Path]:
    """Renderings that are there; one whose line was lost gets it again.

    Raises:
        InputError: if another model made them.
    """
    noted = read_manifest(output) if (output / MANIFEST).exists() else []
    if others := {line.model for line in noted} - {teacher.model}:
        raise InputError(f"{output} was rendered by {others.pop()}; give another --output")
    lines = {output / line.video for line in noted}
    there = [job for job in plan if job.video.exists()]
    for job in there:
        if job.video not in lines:
            _note(job, probe(job.video).duration, output, teacher)
    return {job.video for job in there}


def _note(job: Job, seconds: float, output: Path, teacher: Teacher) -> None:
    video = str(job.video.relative_to(output))
    face, recording = str(job.face.absolute()), str(job.recording.absolute())
    line = Rendering(job.person, face, recording, video, round(seconds, 3), teacher.model)
    with (output / MANIFEST).open("a") as manifest:
        manifest.write(json.dumps(line._asdict()) + "\n")


def _outcomes(todo: Sequence[Job], teacher: Teacher, jobs: int) -> Iterator[tuple[Job, Outcome]]:
    """Do them; who cannot be rendered is tried once."""
    hopeless: set[str] = set()
    if jobs == 1:
        for job in todo:
            if job.person not in hopeless:
                outcome = render(job, teacher)
                hopeless |= {job.person} if outcome.person else set()
                yield job, outcome
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    context = multiprocessing.get_context("spawn")  # torch's threads do not outlive a fork
    pool = ProcessPoolExecutor(jobs, context, torch.set_num_threads, (threads,))
    waiting: dict[Future[Outcome], Job] = {pool.submit(render, job, teacher): job for job in todo}
    try:
        for future in as_completed(waiting):
            job = waiting[future]
            if future.cancelled() or job.person in hopeless:
                continue
            outcome = future.result()
            if outcome.person:
                hopeless.add(job.person)
                _cancel(future for future, other in waiting.items() if other.person == job.person)
            yield job, outcome
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _cancel(futures: Iterator[Future[Outcome]]) -> None:
    for future in futures:
        future.cancel()


def render(job: Job, teacher: Teacher) -> Outcome:
    """Make one rendering, in whatever process."""
    job.video.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            report = generate(
                job.face,
                _excerpt(job.recording, teacher.seconds, Path(folder)),
                job.video,
                model=_loaded(teacher.model, teacher.device),
                faces=teacher.faces,
                quiet=True,
            )
    except InputError as error:
        return Outcome(0.0, str(error), person=_is_sound(job.recording))
    if not report.frames_with_face:
        job.video.unlink()
        return Outcome(0.0, f"{job.face}: no face is seen in it", person=True)
    return Outcome(report.frames / report.fps)


@functools.lru_cache(maxsize=1)
def _loaded(model: str, device: str) -> Method:
    """The teacher, once a process."""
    return method_on(model, device)


def _excerpt(recording: Path, seconds: float | None, folder: Path) -> Path:
    """The beginning of a recording, as a file."""
    if seconds is None:
        return recording
    wanted, blocks, heard = round(seconds * SAMPLE_RATE), list[torch.Tensor](), 0
    for block in mono_blocks(recording, "earliest"):
        blocks.append(block)
        heard += len(block)
        if heard >= wanted:
            break
    path = folder / "excerpt.wav"
    write_wav(path, torch.cat(blocks)[:wanted].numpy())
    return path


def _is_sound(recording: Path) -> bool:
    """Whether the recording can be heard, so that it was not its fault."""
    try:
        return duration(recording, "earliest") > 0
    except InputError:
        return False
