"""Models on devices, and under other options."""

import pytest

from avfuse import InputError
from avfuse.method import method_named
from avfuse.runtime.device import method_on


@pytest.fixture(scope="module")
def portrait():
    kind = method_named("live_speech_portraits")
    return kind.build(dict(kind.tiny)).eval()


def test_options_that_shape_no_weight_may_be_others(portrait):
    other = method_on(portrait, "auto", {"variety": 0.0})
    assert (other.variety, portrait.variety) == (0.0, 0.3)
    assert other.config == {**portrait.config, "variety": 0.0}
    for name, value in other.state_dict().items():
        assert value.equal(portrait.state_dict()[name])


@pytest.mark.parametrize("name", ["channels", "nobody"])
def test_those_that_do_and_those_that_are_none_are_refused(portrait, name):
    with pytest.raises(InputError, match=f"{name} is no option .* expected ahead, .*variety"):
        method_on(portrait, "auto", {name: 1})


def test_a_value_that_cannot_be_is_refused_in_one_line(portrait):
    with pytest.raises(InputError, match="ahead=-1") as error:
        method_on(portrait, "auto", {"ahead": -1})
    assert "\n" not in str(error.value)
