"""What users may import is a promise: adding or removing a name has to be done here as well."""

import ast
import inspect

import pytest

import avfuse

NAMES = [
    "AudioEncoder",
    "Batch",
    "ChannelConcat",
    "Condition",
    "Dims",
    "DynamicConv2d",
    "DynamicKernel",
    "Fused",
    "Fusion",
    "Generated",
    "Generator",
    "GivenLips",
    "InputError",
    "Kernel",
    "LandmarkCascade",
    "LipShape",
    "MelStream",
    "NoFusion",
    "SpatialAttention",
    "Stream",
    "TalkingFace",
    "__version__",
    "dynamic_conv2d",
    "generate",
    "load",
    "mel_spectrogram",
    "mel_windows",
    "synthetic_clip",
]


def test_all_is_as_promised():
    assert sorted(avfuse.__all__) == NAMES


def test_every_name_has_a_home_and_types():
    lazy = set(NAMES) - {"__version__"}
    assert set(avfuse._HOMES) == lazy
    tree = ast.parse(inspect.getsource(avfuse))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name: node.module for node in block.body for alias in node.names}
    assert typed == avfuse._HOMES


def test_dir_lists_every_name():
    assert set(NAMES) <= set(dir(avfuse))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "__version__"])
def test_name_resolves_and_is_described(name):
    value = getattr(avfuse, name)
    assert value.__name__ == name
    # `type.__doc__` is what a class without a docstring would inherit from NamedTuple's machinery.
    assert value.__doc__
    assert not value.__doc__.startswith(f"{name}(")


def test_unknown_name_says_so():
    with pytest.raises(AttributeError, match="no attribute 'Kernle'"):
        avfuse.Kernle  # noqa: B018


def test_submodules_are_still_found():
    from avfuse import types

    assert types.Dims is avfuse.Dims
