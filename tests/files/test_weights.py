"""A network in a file: small, whole, built again by what the file says."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from avfuse.errors import InputError
from avfuse.files.weights import load_network, read_header, read_weights, save_network


def build(config):
    width = config["width"]
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width))


@pytest.fixture
def network():
    network = build({"width": 4})
    network(torch.randn(2, 1, 8, 8))  # the norm has seen a batch
    return network


@pytest.fixture
def path(tmp_path, network):
    path = tmp_path / "small.safetensors"
    save_network(network, {"width": 4}, path, "a test", format="7")
    return path


def load(path):
    return load_network(build, path, "small network", "save_small")


def test_comes_back_ready_for_use(path, network):
    loaded = load(path)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    image = torch.randn(1, 1, 8, 8)
    torch.testing.assert_close(loaded(image), network.eval()(image), atol=5e-3, rtol=0)
    assert {v.dtype for v in loaded.state_dict().values()} == {torch.float32, torch.int64}


def test_matrices_are_halved_and_all_else_stays_exact(path, network):
    stored, state = load_file(path), network.state_dict()
    assert {name for name, value in stored.items() if value.dtype == torch.float16} == {"0.weight"}
    assert all(torch.equal(v, state[k]) for k, v in stored.items() if k != "0.weight")
    assert torch.equal(read_weights(path)["0.weight"], state["0.weight"].half().float())


def test_says_what_it_is(path):
    assert read_header(path) == {"config": '{"width": 4}', "credit": "a test", "format": "7"}


def test_nothing_else_is_left_beside_it(path):
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("tensors", "header"),
    [
        (None, None),
        ({"a": torch.zeros(1)}, None),
        ({"a": torch.zeros(1)}, {"config": "{"}),
        ({"a": torch.zeros(1)}, {"config": "{}"}),
        ({"a": torch.zeros(1)}, {"config": '{"width": 4}'}),
        ({"a": torch.zeros(1)}, {"config": '{"width": "wide"}'}),
        ({"a": torch.zeros(1)}, {"config": "[4]"}),
    ],
)
def test_what_holds_none_is_said_in_one_line(tmp_path, tensors, header):
    path = tmp_path / "other.safetensors"
    if tensors is None:
        path.write_text("nothing")
    else:
        save_file(tensors, path, header)
    with pytest.raises(InputError) as caught:
        load(path)
    assert str(caught.value) == f"{path} holds no small network; give one by save_small"


def test_a_missing_or_a_cut_file_is_none_either(path, tmp_path):
    path.write_bytes(path.read_bytes()[:-9])
    for file in (path, tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match="holds no small network"):
            load(file)
