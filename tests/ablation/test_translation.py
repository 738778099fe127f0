"""The translation test of Fig. 8."""

import numpy as np
import pytest

from avfuse.ablation.held import HeldClip
from avfuse.ablation.translation import translation
from avfuse.evaluation.dubbing import DUBBING, dubbing
from avfuse.evaluation.judged import Judged
from avfuse.evaluation.score import Judge
from avfuse.evaluation.task import SIZE


@pytest.fixture(scope="module")
def judge():
    return Judge()


@pytest.fixture
def held(twins, generator):
    return HeldClip("procedural", twins[0], Judged(generator), DUBBING)


def test_the_face_moves_up_by_that_share_of_the_crop(twins):
    still, moved = (dubbing(twins[0], 64, up=up).target for up in (0.0, 0.125))
    offset = still.landmarks - moved.landmarks
    np.testing.assert_allclose(offset[..., 1], 0.125 * SIZE, atol=1e-3)
    np.testing.assert_allclose(offset[..., 0], 0.0, atol=1e-3)
    rows = round(0.125 * SIZE)
    same = np.abs(still.truth[:, rows:].astype(int) - moved.truth[:, :-rows])
    assert np.median(same) <= 1


def test_where_the_face_is_not_moved_it_is_the_score_of_the_table(held, judge):
    shown = held.show(held.methods)
    expected = judge.scores(shown.target, shown.videos)["model"].over_copy
    assert translation([held], [0.0], judge) == pytest.approx([expected], abs=1e-6)


def test_a_model_that_does_the_same_everywhere_scores_the_same_everywhere(held, judge):
    """The tiny generator brightens the whole crop, wherever the mouth is."""
    at = translation([held], [0.0, 0.05, 0.1], judge)
    assert max(at) - min(at) < 0.3
    assert at[0] < -1


def test_a_model_that_only_looks_at_one_place_fails_elsewhere(held, judge, monkeypatch):
    """Corrects the lower part of the crop perfectly: right only as long as the mouth is there."""
    share = 0.2
    truth = {up: dubbing(held.source, 64, up=up).target for up in (0.0, share)}

    def speak(task):
        given = task.target.copy
        target = next(t for t in truth.values() if np.array_equal(t.copy, given))
        top = int(truth[0.0].landmarks[:, 48:, 1].min()) - 4
        made = given.copy()
        made[:, top:] = target.truth[:, top:]
        return made, None

    monkeypatch.setattr(held.judged, "speak", speak)
    still, moved = translation([held], [0.0, share], judge)
    assert still > moved + 3
