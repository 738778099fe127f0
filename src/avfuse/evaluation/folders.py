"""Videos that any other system made, against the true ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from avfuse.data.preprocess import find_videos
from avfuse.errors import InputError
from avfuse.evaluation.case import Shown, Skipped, digest
from avfuse.evaluation.files import COPY, check_alike, compared
from avfuse.evaluation.score import TRUTH

GENERATED = "generated"


@dataclass(frozen=True)
class FilePair:
    """A generated video and the true one.

    Attributes:
        clip: their name.
        generated: made by any system.
        reference: the truth.
    """

    clip: str
    generated: Path
    reference: Path
    group: str = "all"
    methods: tuple[str, ...] = (TRUTH, COPY, GENERATED)
    panels: tuple[str, ...] = (TRUTH, GENERATED)

    @property
    def key(self) -> str:
        stats = [(p.name, p.stat()) for p in (self.generated, self.reference)]
        return digest(self.clip, [(name, s.st_size, s.st_mtime_ns) for name, s in stats])

    def show(self, methods: tuple[str, ...]) -> Shown:
        check_alike(self.generated, self.reference)
        return compared(self.reference, {GENERATED: self.generated}, methods)


def file_pairs(generated: Path, reference: Path) -> tuple[list[FilePair], list[Skipped]]:
    """Pair the videos of two folders by their names without endings, subfolders included.

    Args:
        generated: folder of what a system made, any container.
        reference: folder of what was filmed.

    Returns:
        The pairs, in the order of names, and the videos that have no partner.

    Raises:
        InputError: if a folder has no videos, or two of one name.
    """
    made, true = (dict(named_videos(folder)) for folder in (generated, reference))
    pairs = [FilePair(name, made[name], true[name]) for name in made if name in true]
    alone = [Skipped(name, f"is not in {reference}") for name in made if name not in true]
    alone += [Skipped(name, f"is not in {generated}") for name in true if name not in made]
    return pairs, alone


def named_videos(folder: Path) -> Iterator[tuple[str, Path]]:
    """Videos of a folder by their paths in it, without their endings.

    Raises:
        InputError: two have one.
    """
    taken: dict[str, Path] = {}
    for path in find_videos(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in taken:
            raise InputError(f"{taken[name]} and {path} have one name; remove one of them")
        taken[name] = path
        yield name, path
