"""Perceptual losses: 0 of what is alike, through networks that stay as they are."""

import pytest
import torch

from avfuse.errors import InputError
from avfuse.training.perceptual import FaceFeatures, VGGFeatures, features_of


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """A file by the names of torchvision's VGG-19, weights at random."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    places = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256)}
    places |= {12: (256, 256), 14: (256, 256), 16: (256, 256), 19: (256, 512)}
    state = {}
    for number, (inputs, outputs) in places.items():
        state[f"features.{number}.weight"] = torch.randn(outputs, inputs, 3, 3) * 0.05
        state[f"features.{number}.bias"] = torch.zeros(outputs)
    torch.save(state | {"classifier.0.bias": torch.zeros(2)}, path)
    return path


@pytest.fixture(params=["face", "vgg"])
def network(request):
    return (
        FaceFeatures() if request.param == "face" else VGGFeatures(request.getfixturevalue("vgg"))
    )


def test_alike_is_nothing_and_blur_is_something(network):
    target = torch.rand(1, 3, 32, 32)
    blurred = torch.nn.functional.avg_pool2d(target, 3, 1, 1)
    assert network(target, target) == 0
    assert network(blurred, target) > 0


def test_gradients_reach_the_output_and_no_weight(network):
    output = torch.rand(1, 3, 32, 32, requires_grad=True)
    network.train()
    network(output, torch.rand(1, 3, 32, 32)).backward()
    assert output.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in network.parameters())


def test_norms_stay_as_they_are():
    network = FaceFeatures().train()
    before = [b.clone() for b in network.buffers()]
    network(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32))
    assert all(map(torch.equal, network.buffers(), before))


def test_vgg_is_seen_at_four_scales(vgg):
    shapes = [tuple(f.shape[1:]) for f in VGGFeatures(vgg).features(torch.rand(1, 3, 32, 32))]
    assert shapes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]


def test_other_weights_are_one_line(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(2)}, path)
    with pytest.raises(InputError, match="torchvision's vgg19"):
        VGGFeatures(path)


def test_the_users_vgg_is_taken_where_it_is_given(vgg):
    assert isinstance(features_of(str(vgg)), VGGFeatures)
    assert isinstance(features_of(None), FaceFeatures)
