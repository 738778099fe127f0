"""One epoch of learning, and what is written."""

import numpy as np
import pytest
import torch
import yaml
from lightning import Trainer

from avfuse.experts.dense.data import DenseFaces
from avfuse.experts.dense.training import LIPS, DenseTraining, errors, start_from
from avfuse.faces.dense import DenseNet, load_dense_net
from avfuse.faces.landmarks import load_net
from avfuse.geometry.dense import LANDMARKS


@pytest.fixture(scope="module")
def data(labelled, tmp_path_factory):
    return DenseFaces(
        str(labelled / "grid"), str(labelled / "mesh"), str(labelled / "portraits"),
        unseen=["ben"], cache=str(tmp_path_factory.mktemp("cache")),
        batch=4, epoch=32, validation=4, workers=0,
    )  # fmt: skip


def fit(module, data):
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(module, data)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def test_learns_and_writes_its_weights(data, tmp_path):
    path = tmp_path / "weights" / "net.safetensors"
    found = fit(DenseTraining(output=str(path), credit="a test"), data)
    for part in ("speakers", "portraits"):
        for name in ("error", "lips", "depth"):
            assert 0 < found[f"val/{part}/{name}"] < 40
    net = load_dense_net(path)
    assert not torch.equal(net.points.weight, DenseTraining().net.points.weight)


def test_begins_at_the_mean_face_and_the_landmark_networks_half(data):
    module, trained = DenseTraining(), load_net()
    torch.testing.assert_close(module.net.down16.state_dict(), trained.down16.state_dict())
    data.prepare_data()
    data.setup()
    mean = data.mean_points()
    found = fit(DenseTraining(rate=1e-9), data)
    guess = torch.stack([data.val[0][i].points for i in range(4)])
    of_mean, _ = errors(mean.expand(4, -1, -1), guess)
    assert found["val/speakers/error"] == pytest.approx(float(of_mean.mean()), rel=0.5)


def test_only_what_both_networks_have_is_taken_over():
    net, trained = DenseNet(), load_net()
    before = net.points.weight.clone()
    start_from(net, trained)
    torch.testing.assert_close(net.stem.state_dict(), trained.stem.state_dict())
    assert torch.equal(net.points.weight, before)


def test_errors_are_percent_of_the_eyes_distance():
    target = torch.zeros(1, 468, 3)
    left, right = LANDMARKS[[36, 45]]
    target[0, left, 0], target[0, right, 0] = -30, 30
    target[0, right, 1] = 80  # 100 apart
    points = target + torch.tensor([3.0, 4.0, -7.0])
    place, depth = errors(points, target)
    torch.testing.assert_close(place, torch.full((1, 468), 5.0))
    torch.testing.assert_close(depth, torch.full((1, 468), 7.0))


def test_lips_are_two_rings():
    assert len(np.unique(LIPS)) == 40


def test_the_recipe_is_one(recipes):
    recipe = yaml.safe_load((recipes / "faces" / "dense.yaml").read_text())
    DenseTraining(**{**recipe["model"], "output": None})
    DenseFaces(**recipe["data"])
    assert {"s3", "s4", "s14", "s23"} <= set(recipe["data"]["unseen"])
