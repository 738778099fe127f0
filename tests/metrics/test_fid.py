"""The Fréchet distance against scipy's matrix root and against Gaussians with known answers."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn

from avfuse.errors import InputError
from avfuse.metrics import FID, InceptionFeatures, frechet_distance


class Colours(nn.Module):
    """Six features: mean and spread of each channel."""

    num_features = 6

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(6)  # differs between training and evaluation

    def forward(self, pictures):
        return self.norm(torch.cat([pictures.mean((2, 3)), pictures.std((2, 3))], 1))


def by_scipy(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(cov_a @ cov_b).real
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root)


def test_agrees_with_scipy():
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(2, 5, 5, generator=generator)
    a = torch.randn(200, 5, generator=generator) @ mixing[0] + 1
    b = torch.randn(300, 5, generator=generator) @ mixing[1]
    assert frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-5)


def test_closed_form():
    """Independent features: the means' distance and that of the deviations, squared."""
    generator = torch.Generator().manual_seed(0)
    plain = torch.randn(500, 3, generator=generator).double()
    centred = plain - plain.mean(0)
    white = centred @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(centred.T)).T)
    means, spreads = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([2.0, 0.5, 3.0])
    want = means.square().sum() + (spreads - 1).square().sum()
    got = frechet_distance((white * spreads + means).float(), white.float())
    assert got == pytest.approx(want.item(), rel=1e-4)


def test_metric_is_the_distance_of_its_features(pictures, noisy):
    features = Colours()
    metric = FID(features)
    metric.update(noisy[:4], pictures[:3])
    metric.update(noisy[4:], pictures[3:])
    want = frechet_distance(features.eval()(noisy).detach(), features(pictures).detach())
    assert metric.compute() == pytest.approx(want.item(), rel=1e-4)


def test_stays_in_evaluation_mode(pictures, noisy):
    """A LightningModule that trains would switch its metrics too."""
    metric = FID(Colours())
    whole = nn.ModuleList([metric]).train()
    assert not any(module.training for module in metric.modules())
    before = {k: v.clone() for k, v in metric.inception.state_dict().items()}
    whole[0].update(noisy, pictures)
    assert all(before[k].equal(v) for k, v in metric.inception.state_dict().items())


def test_two_pictures_are_needed(pictures):
    metric = FID(Colours())
    metric.update(pictures[:1], pictures[:1])
    with pytest.raises(RuntimeError, match="More than one sample"):
        metric.compute()


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    """A file such as torchvision publishes, with random weights, and the network it is of."""
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    network = models.inception_v3(weights=None, init_weights=False).eval()
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(network.state_dict(), path)
    return path, network


def test_inception_features_are_those_before_its_classifier(inception):
    path, network = inception
    pictures = torch.rand(2, 3, 299, 299, generator=torch.Generator().manual_seed(0))
    features = InceptionFeatures(path)(pictures)
    assert features.shape == (2, InceptionFeatures.num_features)
    with torch.inference_mode():
        want = network(pictures * 2 - 1)
        torch.testing.assert_close(network.fc(features), want, rtol=1e-3, atol=1e-4)


def test_inception_takes_any_size(inception):
    assert FID(InceptionFeatures(inception[0])).inception(torch.rand(1, 3, 64, 48)).shape == (
        1,
        2048,
    )


def test_files_that_are_no_inception(tmp_path):
    pytest.importorskip("torchvision")
    with pytest.raises(InputError, match=r"missing\.pth does not exist"):
        InceptionFeatures(tmp_path / "missing.pth")
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="does not hold the weights of torchvision's inception_v3"):
        InceptionFeatures(tmp_path / "other.pth")
