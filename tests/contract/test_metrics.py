"""What every metric promises. Metrics are found, not listed: a new file is tested.

The arguments of `update` are made from its annotations. A leading N means any frames, so that
batches may be joined; a leading T means one clip an update.
"""

import functools
import importlib
import inspect
import pkgutil
import re
from importlib.util import find_spec

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.utils import _pytree as pytree
from torchmetrics import Metric

import avfuse.metrics
from avfuse.metrics import LPIPSNetwork, SyncNet

SIZES = {
    "N": 3,
    "M": 4,
    "T": 20,
    "L": 20 * 640,
    "H": 176,
    "W": 176,
    "D": 5,
    "P": 20,
    "steps": 80,
    "n": 4,
}
CLOSE = {"rtol": 1e-6, "atol": 1e-6}
UNIT = r"Unit: \S"


def metrics():
    """Every metric of the package by name; those of other libraries and bases are none."""
    for module in pkgutil.walk_packages(avfuse.metrics.__path__, "avfuse.metrics."):
        importlib.import_module(module.name)
    found, waiting = {}, [Metric]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        base = kind.__name__.startswith("_") or kind.update is Metric.update
        if kind.__module__.startswith("avfuse.metrics") and not base:
            found[kind.__name__] = kind
    return {name: found[name] for name in sorted(found)}


METRICS = metrics()


class Colours(nn.Module):
    """Features of pictures that are quick to have."""

    num_features = 6

    def forward(self, pictures):
        return torch.cat([pictures.mean((2, 3)), pictures.std((2, 3))], 1)


class QuickSyncNet(SyncNet):
    """Embeddings that are quick to have; what SyncNet makes of clips is tested with LSE."""

    def faces(self, frames):
        return frames.mean((3, 4)).flatten(1)

    def sound(self, mfcc):
        return mfcc[:, 0, :3, :5].flatten(1)


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """What a metric may want at construction, by the annotation of the parameter."""

    def lpips():
        models = pytest.importorskip("torchvision.models")
        path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
        torch.save(models.alexnet(weights=None).state_dict(), path)
        return LPIPSNetwork(path)

    return {
        nn.Module: Colours,
        SyncNet: functools.cache(QuickSyncNet),
        LPIPSNetwork: functools.cache(lpips),
    }


@pytest.fixture(params=METRICS.values(), ids=METRICS.keys())
def make(request, networks):
    """Makes the metric, as often as one likes."""
    return lambda: construct(request.param, networks)


def construct(kind, networks):
    needed = inspect.signature(kind).parameters.values()
    return kind(*(networks[p.annotation]() for p in needed if p.default is p.empty))


def arguments(metric, seed):
    """Values for `update` of the shapes and kinds that it names."""
    generator = torch.Generator().manual_seed(seed)
    parameters = inspect.signature(metric.update).parameters
    return [value(n, p.annotation, generator) for n, p in parameters.items()]


def value(name, annotation, generator):
    if annotation is float:
        return 50.0
    shape = [SIZES.get(d) or int(d) for d in annotation.dim_str.split()]
    if name == "times":
        return torch.arange(shape[0], dtype=torch.float64) / 25
    if name == "mel":
        return torch.rand(shape, generator=generator) * 8 - 4
    if shape[-2:] == [68, 2]:
        return face() + torch.randn(shape, generator=generator)
    kinds = set(annotation.dtypes)
    if "bool" in kinds:
        mask = torch.zeros(shape, dtype=torch.bool)
        mask[..., 40:90, 50:120] = True
        return mask
    noise = torch.rand(shape, generator=generator)
    return (noise * 255).byte() if kinds == {"uint8"} else noise


def face():
    """68 points in the middle of 176 pixels, mouth and eyes as wide as they are in a face."""
    angles = torch.arange(68) / 68 * 6.283
    points = 88 + 70 * torch.stack([angles.cos(), angles.sin()], 1)
    lips = torch.arange(20) / 20 * 6.283
    points[48:] = torch.stack([88 - 25 * lips.cos(), 120 - 10 * lips.sin()], 1)
    eye = torch.tensor([[-12, 0], [-5, -4], [5, -4], [12, 0], [5, 4], [-5, 4.0]])
    points[36:42], points[42:48] = eye + torch.tensor([60, 70]), eye + torch.tensor([116, 70])
    return points


def result(metric):
    """As one vector, whatever `compute` gives."""
    return torch.stack([v.double() for v in pytree.tree_leaves(metric.compute())])


def assert_same(a, b):
    torch.testing.assert_close(result(a), result(b), **CLOSE)


def test_some_are_found():
    assert {"PSNR", "LegacyPSNR", "SSIM", "MSSSIM", "LMD", "FID", "LSED", "LSEC"} <= set(METRICS)


@pytest.mark.parametrize("kind", METRICS.values(), ids=METRICS.keys())
class TestWords:
    def test_names_its_unit(self, kind):
        assert re.search(UNIT, inspect.getdoc(kind))

    def test_direction_is_said_as_it_is_set(self, kind):
        assert "higher_is_better" in vars(kind)
        said = " ".join(inspect.getdoc(kind).lower().split())
        higher, lower = "higher is better" in said, "lower is better" in said
        if kind.higher_is_better is None:
            assert "no direction" in said
            assert (higher, lower) == (False, False)
        else:
            assert (higher, lower) == (kind.higher_is_better, not kind.higher_is_better)

    def test_is_public(self, kind):
        assert kind.__name__ in avfuse.metrics.__all__
        assert getattr(avfuse.metrics, kind.__name__) is kind


class TestSums:
    def test_states_are_summed(self, make):
        metric = make()
        assert metric._reductions
        assert {how.__name__ for how in metric._reductions.values()} == {"dim_zero_sum"}
        assert all(torch.equal(v, torch.zeros_like(v)) for v in metric._defaults.values())
        assert metric.full_state_update is False

    def test_gives_finite_numbers(self, make):
        metric = make()
        metric.update(*arguments(metric, 0))
        assert result(metric).isfinite().all()

    def test_joined_batches_are_two_updates(self, make):
        """Where a frame stands alone; a clip cannot be joined with another."""
        twice, joined = make(), make()
        one, other = arguments(twice, 0), arguments(twice, 1)
        if not all(per_frame(p) for p in inspect.signature(twice.update).parameters.values()):
            assert any("T" in p.annotation.dim_str.split() for p in tensors(twice))
            return
        for each in (one, other):
            twice.update(*each)
        both = [
            a if isinstance(a, float) else torch.cat([a, b])
            for a, b in zip(one, other, strict=True)
        ]
        joined.update(*both)
        assert_same(twice, joined)

    def test_order_does_not_matter(self, make):
        forth, back = make(), make()
        batches = [arguments(forth, seed) for seed in range(3)]
        for metric, order in ((forth, batches), (back, batches[::-1])):
            for batch in order:
                metric.update(*batch)
        assert_same(forth, back)

    def test_merged_states_are_two_updates(self, make):
        whole, half, rest = make(), make(), make()
        one, other = arguments(whole, 0), arguments(whole, 1)
        whole.update(*one)
        whole.update(*other)
        half.update(*one)
        rest.update(*other)
        half.merge_state(rest)
        assert_same(whole, half)

    def test_reset_forgets(self, make):
        metric, fresh = make(), make()
        metric.update(*arguments(metric, 0))
        metric.reset()
        for each in (metric, fresh):
            each.update(*arguments(each, 1))
        assert_same(metric, fresh)

    @pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")
    def test_nothing_is_unknown(self, make):
        assert unknown(make())

    def test_inputs_are_left_as_they_are(self, make):
        metric = make()
        given = arguments(metric, 0)
        metric.update(*given)
        for before, after in zip(arguments(metric, 0), given, strict=True):
            assert before == after if isinstance(before, float) else torch.equal(before, after)

    def test_gradients_where_they_are_promised(self, make):
        metric = make()
        if not metric.is_differentiable:
            return
        given = arguments(metric, 0)
        given[0].requires_grad_()
        (gradient,) = torch.autograd.grad(metric(*given), given[0])
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0

    def test_networks_in_it_only_evaluate(self, make):
        """A LightningModule switches all that it holds to training."""
        metric = nn.ModuleList([make()]).train()[0]
        assert not any(module.training for module in list(metric.modules())[1:])


def unknown(metric):
    """NaN, or an error that says what is missing; never a number."""
    try:
        return bool(result(metric).isnan().all())
    except RuntimeError as error:
        return "More than one sample is required" in str(error)


def tensors(metric):
    parameters = inspect.signature(metric.update).parameters.values()
    return [p for p in parameters if hasattr(p.annotation, "dim_str")]


def per_frame(parameter):
    """A number counts for every frame alike."""
    return parameter.annotation is float or parameter.annotation.dim_str.split()[0] in ("N", "M")


SPLITS = {"uneven": [(0, 1), (2,)], "one sees nothing": [(0, 1, 2), ()]}


def work(rank, metrics, folder):
    """One process: its share of the batches, and the result over both processes' shares."""
    torch.set_num_threads(1)  # threads do not survive the fork
    dist.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    results = {}
    for name, metric in metrics.items():
        for split, shares in SPLITS.items():
            metric.reset()
            for seed in shares[rank]:
                metric.update(*arguments(metric, seed))
            results[name, split] = result(metric)
    torch.save(results, folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")
def test_two_processes_are_one(tmp_path, networks):
    here = find_spec("torchvision")  # without it LPIPS alone is left out
    kinds = {name: kind for name, kind in METRICS.items() if here or name != "LPIPS"}
    metrics = {name: construct(kind, networks) for name, kind in kinds.items()}
    mp.start_processes(work, (metrics, tmp_path), nprocs=2, start_method="fork")
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    for name, metric in metrics.items():
        for seed in range(3):
            metric.update(*arguments(metric, seed))
        for split in SPLITS:
            assert torch.equal(first[name, split], second[name, split]), name
            torch.testing.assert_close(first[name, split], result(metric), **CLOSE, msg=name)
