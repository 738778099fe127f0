"""LPIPS against its definition, written out over torchvision's own AlexNet."""

from importlib import resources

import pytest
import torch

from avfuse.errors import InputError
from avfuse.metrics import LPIPS, LPIPSNetwork, lpips

LAYERS = (1, 4, 7, 9, 11)  # AlexNet's ReLUs


@pytest.fixture(scope="module")
def alexnet():
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    return models.alexnet(weights=None).eval()


@pytest.fixture(scope="module")
def path(alexnet, tmp_path_factory):
    """A file such as torchvision publishes, with random weights."""
    path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
    torch.save(alexnet.state_dict(), path)
    return path


@torch.inference_mode()
def by_definition(alexnet, a, b):
    """Zhang et al. 2018, eq. 1, with the published weights of its 1 x 1 layers."""
    folder = resources.files("torchmetrics") / "functional/image/lpips_models"
    heads = torch.load(folder / "alex.pth", map_location="cpu", weights_only=True)
    shift = torch.tensor([-0.030, -0.088, -0.188])[:, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[:, None, None]
    x, y = (((2 * p - 1) - shift) / scale for p in (a, b))
    total = torch.zeros(len(a))
    for index, layer in enumerate(alexnet.features):
        x, y = layer(x), layer(y)
        if index in LAYERS:
            unit_x, unit_y = (f / (f.square().sum(1, keepdim=True) + 1e-8).sqrt() for f in (x, y))
            weight = heads[f"lin{LAYERS.index(index)}.model.1.weight"]
            total += ((unit_x - unit_y).square() * weight[0]).sum(1).mean((1, 2))
    return total


def test_agrees_with_its_definition(alexnet, path, pictures, noisy):
    a, b = noisy[:3], pictures[:3]
    torch.testing.assert_close(lpips(a, b, LPIPSNetwork(path)), by_definition(alexnet, a, b))


def test_identical_pictures_have_none_and_one_picture_is_a_batch(path, pictures, noisy):
    metric = LPIPS(LPIPSNetwork(path))
    metric.update(pictures[:1], pictures[:1])
    assert metric.compute() == 0
    metric.update(noisy[-1:], pictures[-1:])
    assert metric.compute() > 0
    assert metric.count == 2


def test_files_that_are_no_alexnet(tmp_path):
    pytest.importorskip("torchvision")
    with pytest.raises(InputError, match=r"missing\.pth does not exist"):
        LPIPSNetwork(tmp_path / "missing.pth")
    torch.save({"features.0.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="does not hold the weights of torchvision's alexnet"):
        LPIPSNetwork(tmp_path / "other.pth")
