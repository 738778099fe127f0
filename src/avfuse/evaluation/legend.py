"""How scores are printed: their names for people, units, digits, and which way is better."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Column(NamedTuple):
    """One score in a table.

    Attributes:
        score: field of [`Scores`][avfuse.evaluation.score.Scores].
        title: for people.
        unit: likewise; empty for ratios and the like.
        digits: after the point.
        better: `higher`, `lower` or `near 1`; empty where neither is.
    """

    score: str
    title: str
    unit: str
    digits: int
    better: str

    @property
    def hint(self) -> str:
        """Unit and direction, for people."""
        return ", ".join(part for part in (self.unit, self.better) if part)

    def text(self, value: float | None) -> str:
        """A value in so many digits; a dash where there is none."""
        return "-" if value is None else f"{value:.{self.digits}f}"


PICTURE = (
    Column("mouth_psnr", "mouth PSNR", "dB", 2, "higher"),
    Column("over_copy", "over copy", "dB", 2, "higher"),
    Column("psnr", "PSNR", "dB", 2, "higher"),
    Column("psnr_legacy_uint8", "legacy uint8 PSNR", "dB", 2, ""),
    Column("ssim", "SSIM", "", 3, "higher"),
    Column("sharpness", "sharpness", "", 2, "near 1"),
    Column("eyes", "eyes", "levels", 2, "lower"),
    Column("flicker", "flicker", "levels", 2, "lower"),
)
"""How like the truth the picture is."""

LIPS = (
    Column("lmd", "LMD", "px", 2, "lower"),
    Column("landmark_velocity", "lip velocity", "px/s", 1, "lower"),
    Column("aperture", "aperture r", "", 2, "higher"),
    Column("opening", "opening", "", 2, "near 1"),
    Column("leak", "given left", "", 2, "lower"),
    Column("sync", "sync", "", 3, "higher"),
    Column("sync_confidence", "sync confidence", "", 3, "higher"),
    Column("sync_offset", "sync offset", "frames", 1, "lower"),
)
"""Whether the lips do what they should."""

TALK = (
    Column("closure_gap", "closure gap", "", 2, "lower"),
    Column("closure_share", "closed", "", 2, "higher"),
    Column("rest_silence", "rest: silence", "", 2, "lower"),
    Column("rest_55", "rest: -55 dBFS", "", 2, "lower"),
    Column("rest_45", "rest: -45 dBFS", "", 2, "lower"),
    Column("rest_35", "rest: -35 dBFS", "", 2, "lower"),
)
"""What is asked for by name: whether the lips close, and whether they rest."""


SOMETIMES = (*TALK, *(column for column in LIPS if column.score == "leak"))
"""What not every protocol has."""


def groups(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Column, ...]]:
    """The columns of each table: of what not every protocol has, those that some row has."""
    known = {c.score for c in SOMETIMES if any(row.get(c.score) is not None for row in rows)}
    found = [
        tuple(c for c in group if c not in SOMETIMES or c.score in known)
        for group in (PICTURE, LIPS, TALK)
    ]
    return [group for group in found if group]


def scored(rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> list[dict[str, Any]]:
    """The rows of a table: those that have one of its scores."""
    return [row for row in rows if any(row[c.score] is not None for c in columns)]
