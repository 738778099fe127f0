"""Spans without a face, and how they are said."""

import pytest

from avfuse.faces.gaps import Gaps, in_words


def spans(faces):
    gaps = Gaps()
    for i, face in enumerate(faces):
        gaps.add(i / 10, has_face=face == "x")
    return gaps.spans(len(faces) / 10)


@pytest.mark.parametrize(
    ("faces", "expected"),
    [
        ("", []),
        ("xxx", []),
        ("..xx", [(0.0, 0.2)]),
        ("x.x..x", [(0.1, 0.2), (0.3, 0.5)]),
        ("xx..", [(0.2, 0.4)]),
        ("...", [(0.0, 0.3)]),
    ],
)
def test_spans(faces, expected):
    assert spans(faces) == expected


def test_asking_for_the_spans_changes_nothing():
    gaps = Gaps()
    gaps.add(0.0, has_face=False)
    assert gaps.spans(1.0) == [(0.0, 1.0)]
    gaps.add(2.0, has_face=True)
    assert gaps.spans(3.0) == [(0.0, 2.0)]


def test_in_words():
    assert in_words(9, 9, []) == "9 frames, 9 with a face"
    assert in_words(9, 8, [(0.5, 1.25)]) == "9 frames, 8 with a face (none at 0.50-1.25 s)"
    many = in_words(9, 1, [(float(i), i + 0.5) for i in range(6)])
    assert many.endswith("3.00-3.50 s, 2 more times)")
