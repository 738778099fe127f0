"""Strategies as plain values, there and back."""

import functools
import json

import pytest
from jsonargparse import ArgumentParser

from avfuse import (
    ChannelConcat,
    Dims,
    DynamicKernel,
    Fusion,
    InputError,
    LandmarkCascade,
    NoFusion,
)
from avfuse.fusion.base import FusionFactory
from avfuse.fusion.naming import describe, factory, options, strategies

DIMS = Dims(visual=(4, 8), audio=12)
CASCADE = functools.partial(
    LandmarkCascade, inner=functools.partial(DynamicKernel, rank=2, dynamic=(0, 1)), components=3
)
DESCRIBED = {
    "class_path": "LandmarkCascade",
    "init_args": {
        "inner": {"class_path": "DynamicKernel", "init_args": {"rank": 2, "dynamic": [0, 1]}},
        "components": 3,
    },
}


def as_json(value):
    return json.loads(json.dumps(value))


def shapes(fusion):
    return {name: value.shape for name, value in fusion.state_dict().items()}


class TestDescribe:
    def test_a_class(self):
        assert describe(NoFusion, NoFusion(DIMS)) == {"class_path": "NoFusion", "init_args": {}}

    def test_one_within_another(self):
        assert as_json(describe(CASCADE, CASCADE(DIMS))) == DESCRIBED

    def test_there_and_back(self):
        made = factory(DESCRIBED)(DIMS)
        assert shapes(made) == shapes(CASCADE(DIMS))
        assert describe(factory(DESCRIBED), made) == DESCRIBED

    def test_what_the_command_line_makes(self):
        parser = ArgumentParser(exit_on_error=False)
        parser.add_argument("--fusion", type=FusionFactory)
        words = [f"--fusion={json.dumps(DESCRIBED)}"]
        made_by = parser.instantiate(parser.parse_args(words)).fusion
        described = describe(made_by, made_by(DIMS))
        assert dict(options(as_json(described))) == dict(options(DESCRIBED))

    @pytest.mark.parametrize(
        "hidden",
        [
            lambda dims: NoFusion(dims),
            functools.partial(LandmarkCascade, inner=lambda dims: ChannelConcat(dims)),
        ],
    )
    def test_what_a_function_hides(self, hidden):
        assert describe(hidden, hidden(DIMS)) is None


class TestOptions:
    def test_are_flat_and_complete(self):
        assert dict(options(DESCRIBED)) == {
            "fusion": "LandmarkCascade",
            "fusion.components": 3,
            "fusion.layers": 3,
            "fusion.inner": "DynamicKernel",
            "fusion.inner.layers": 4,
            "fusion.inner.kernel_size": 1,
            "fusion.inner.rank": 2,
            "fusion.inner.bottleneck": None,
            "fusion.inner.dynamic": [0, 1],
        }

    def test_of_a_strategy_that_is_not_imported(self):
        given = {"class_path": "Foreign", "init_args": {"depth": 2}}
        assert dict(options(given)) == {"fusion": "Foreign", "fusion.depth": 2}


class TestStrategies:
    def test_are_concrete_and_in_order(self):
        found = strategies()
        assert list(found) == sorted(found)
        assert found["DynamicKernel"] is DynamicKernel
        assert Fusion not in found.values()

    def test_one_within_that_is_unknown(self):
        inner = {"class_path": "Nonsense", "init_args": {}}
        with pytest.raises(InputError, match=r"fusion strategy Nonsense, known are .*NoFusion"):
            factory({"class_path": "LandmarkCascade", "init_args": {"inner": inner}})
