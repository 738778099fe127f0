"""What every fusion strategy promises. Strategies are found, not listed: a new file is tested."""

import functools
import importlib
import inspect
import pkgutil
from typing import get_args

import pytest
import torch

import avfuse.fusion
from avfuse import Condition, Dims, Fused, Generator, NoFusion, load
from avfuse.fusion.naming import strategies
from avfuse.model_file import save

DIMS = Dims(visual=(4, 6, 8), audio=10, positions=2)
BATCH, FRAMES = 2, 3


def found():
    """Every concrete strategy in the package, by name; those that take another, over each other."""
    for module in pkgutil.walk_packages(avfuse.fusion.__path__, "avfuse.fusion."):
        importlib.import_module(module.name)
    ours = [s for s in strategies().values() if s.__module__.startswith("avfuse.")]
    for strategy in ours:
        if not takes_another(strategy):
            yield pytest.param(strategy, id=strategy.__name__)
            yield from other_forms(strategy)
            continue
        for inner in ours:
            if not takes_another(inner) and inner is not NoFusion:  # which makes any other deaf
                made = functools.partial(strategy, inner=inner)
                yield pytest.param(made, id=f"{strategy.__name__}-{inner.__name__}")


def other_forms(strategy):
    """One more for each further value of an option that is a choice among words."""
    for name, parameter in inspect.signature(strategy).parameters.items():
        for value in get_args(parameter.annotation):
            if isinstance(value, str) and value != parameter.default:
                form = functools.partial(strategy, **{name: value})
                yield pytest.param(form, id=f"{strategy.__name__}-{value}")


def takes_another(strategy):
    return "inner" in inspect.signature(strategy).parameters


def class_of(strategy):
    return getattr(strategy, "func", strategy)


def pyramid(count=BATCH * FRAMES, size=(16, 24)):
    return tuple(
        torch.randn(count, channels, size[0] >> level, size[1] >> level)
        for level, channels in enumerate(DIMS.visual)
    )


def speech(batch=BATCH, frames=FRAMES):
    return Condition(torch.rand(batch, frames, DIMS.audio))


def total_of(fusion, fused):
    """A loss on all that a strategy gives, its own losses included."""
    # Weighted, because batch norm makes any plain sum of its output a constant.
    drawn = sum((f * torch.randn_like(f)).sum() for f in fused.features)
    return drawn + sum(fusion.losses(fused.aux, batch()).values())


def tensors(tree):
    return [leaf for leaf in torch.utils._pytree.tree_leaves(tree) if leaf is not None]


def assert_same(one, other):
    torch.testing.assert_close(tensors(one), tensors(other), rtol=1e-4, atol=1e-5)


def pick(condition, frames):
    """Some frames of a folded condition."""
    return torch.utils._pytree.tree_map(lambda t: None if t is None else t[frames], condition)


def test_strategies_are_found():
    assert {
        "ChannelConcat",
        "DynamicKernel",
        "LandmarkCascade-DynamicKernel",
        "NoFusion",
        "SpatialAttention",
    } <= {param.id for param in found()}


@pytest.mark.parametrize("strategy", list(found()))
class TestContract:
    @pytest.fixture(autouse=True)
    def seed(self):
        torch.manual_seed(0)

    @pytest.fixture
    def fusion(self, strategy):
        return strategy(DIMS).eval()

    def test_exported_by_the_package(self, strategy):
        name = class_of(strategy).__name__
        assert getattr(avfuse.fusion, name) is getattr(avfuse, name) is class_of(strategy)
        assert name in avfuse.__all__

    def test_keeps_dims(self, fusion):
        assert fusion.dims == DIMS

    @pytest.mark.parametrize("size", [(16, 24), (4, 4), (32, 8)])
    def test_shapes_are_kept(self, fusion, size):
        features = pyramid(size=size)
        fused = fusion(features, fusion.prepare(speech()).fold())
        assert isinstance(fused, Fused)
        assert [f.shape for f in fused.features] == [f.shape for f in features]
        assert all(f.isfinite().all() for f in fused.features)

    def test_prepare_keeps_time(self, fusion):
        prepared = fusion.prepare(speech())
        assert isinstance(prepared, Condition)
        assert all(t.shape[:2] == (BATCH, FRAMES) for t in tensors(prepared))
        assert all(t.shape[0] == BATCH * FRAMES for t in tensors(prepared.fold()))

    def test_clips_are_prepared_apart(self, fusion):
        condition = speech()
        together = fusion.prepare(condition)
        alone = [fusion.prepare(Condition(audio[None])) for audio in condition.audio]
        for i, clip in enumerate(alone):
            assert_same(pick(together, slice(i, i + 1)), clip)

    def test_a_chunk_is_its_frames(self, fusion):
        condition = speech()
        together = fusion.prepare(condition).fold()
        for i, audio in enumerate(condition.audio.flatten(0, 1)):
            alone = fusion.prepare(Condition(audio[None, None])).fold()
            assert_same(pick(together, slice(i, i + 1)), alone)

    def test_forward_is_stateless_and_deterministic(self, fusion):
        features, condition = pyramid(), fusion.prepare(speech()).fold()
        state = {k: v.clone() for k, v in fusion.state_dict().items()}
        before = [f.clone() for f in features]
        first = fusion(features, condition)
        fusion(pyramid(), fusion.prepare(speech()).fold())
        assert_same(fusion(features, condition), first)
        assert_same(features, before)  # inputs are not written to
        assert all(torch.equal(v, state[k]) for k, v in fusion.state_dict().items())

    def test_frames_do_not_mix(self, fusion):
        features, condition = pyramid(), fusion.prepare(speech()).fold()
        order = torch.tensor([4, 2, 0, 5, 1, 3])
        shuffled = fusion(tuple(f[order] for f in features), pick(condition, order))
        fused = fusion(features, condition)
        assert_same(shuffled.features, [f[order] for f in fused.features])

    def test_image_reaches_the_output(self, fusion):
        condition = fusion.prepare(speech()).fold()
        one, other = (fusion(pyramid(), condition).features[-1] for _ in range(2))
        assert not torch.allclose(one, other)

    def test_hears(self, fusion, strategy):
        audio = torch.rand(BATCH, FRAMES, DIMS.audio, requires_grad=True)
        features = tuple(f.requires_grad_() for f in pyramid())
        fused = fusion(features, fusion.prepare(Condition(audio)).fold())
        total_of(fusion, fused).backward()
        other = fusion(features, fusion.prepare(speech()).fold())
        same = all(map(torch.equal, fused.features, other.features))
        if strategy is NoFusion:  # the control: hears nothing, or it controls nothing
            assert audio.grad is None
            assert same
        else:
            assert (audio.grad.flatten(0, 1).abs().sum(1) > 0).all()  # every frame's sound counts
            assert not same

    def test_trains_every_parameter(self, strategy):
        fusion = strategy(DIMS).train()
        total_of(fusion, fusion(pyramid(), fusion.prepare(speech()).fold())).backward()
        silent = [name for name, p in fusion.named_parameters() if p.grad is None]
        assert silent == []

    def test_losses_are_named_scalars(self, fusion):
        fused = fusion(pyramid(), fusion.prepare(speech()).fold())
        for name, value in fusion.losses(fused.aux, batch()).items():
            assert isinstance(name, str)
            assert value.shape == ()

    def test_runs_with_weights_in_bfloat16(self, fusion):
        features, condition = pyramid(), speech()
        exact = fusion(features, fusion.prepare(condition).fold())
        fusion.bfloat16()
        narrow = Condition(condition.audio.bfloat16())
        fused = fusion(tuple(f.bfloat16() for f in features), fusion.prepare(narrow).fold())
        for one, other in zip(fused.features, exact.features, strict=True):
            assert one.dtype == torch.bfloat16
            assert (one.float() - other).abs().mean() < 0.03 * other.abs().mean()

    def test_runs_in_mixed_precision(self, fusion):
        features, condition = pyramid(), speech()
        exact = fusion(features, fusion.prepare(condition).fold())
        with torch.autocast("cpu", torch.bfloat16):
            fused = fusion(features, fusion.prepare(condition).fold())
            own = fusion.losses(fused.aux, batch())
        for one, other in zip(fused.features, exact.features, strict=True):
            assert (one.float() - other).abs().mean() < 0.03 * other.abs().mean()
        for name, value in fusion.losses(exact.aux, batch()).items():
            torch.testing.assert_close(own[name].float(), value, rtol=0.03, atol=0)

    def test_forward_exports_with_dynamic_batch(self, fusion):
        def arguments(count):
            condition = pick(fusion.prepare(speech(1, count)).fold(), slice(None))
            return pyramid(count), condition

        frames = torch.export.Dim("frames", min=2, max=64)
        example = arguments(4)
        shapes = torch.utils._pytree.tree_map(lambda t: None if t is None else {0: frames}, example)
        program = torch.export.export(fusion, example, dynamic_shapes=shapes)
        for count in (2, 5):
            args = arguments(count)
            assert_same(program.module()(*args), fusion(*args))

    def test_state_dict_round_trip(self, fusion, strategy):
        other = strategy(DIMS).eval()
        other.load_state_dict(fusion.state_dict())
        features, condition = pyramid(), speech()
        assert_same(
            other(features, other.prepare(condition).fold()),
            fusion(features, fusion.prepare(condition).fold()),
        )

    @pytest.mark.parametrize("blend", [True, False])
    def test_is_a_factory_for_the_generator(self, strategy, blend):
        generator = in_generator(functools.partial(strategy), blend=blend)
        assert isinstance(generator.fusion, class_of(strategy))
        assert generator.fusion.dims == Dims((4, 8), generator.audio.dim, 2)
        image, mel = torch.rand(2, 3, 16, 16), torch.randn(2, 1, 2, 80, 24) * 4
        one, other = (generator(image, generator.condition(m).fold()).image for m in mel)
        assert one.shape == image.shape
        assert torch.equal(one, other) == (strategy is NoFusion)

    def test_model_file_there_and_back(self, strategy, tmp_path):
        generator = in_generator(strategy)
        save(generator, tmp_path / "model.safetensors")
        loaded = load(tmp_path / "model.safetensors")
        assert loaded.config == generator.config
        image, mel = torch.rand(2, 3, 16, 16), torch.randn(1, 2, 80, 24)
        one, other = (g(image, g.condition(mel).fold()).image for g in (generator, loaded))
        torch.testing.assert_close(one, other, rtol=0, atol=5e-3)

    @pytest.mark.parametrize("dims", [Dims((), 10), Dims((4, 0), 10), Dims((4, 8), -1)])
    def test_dims_that_make_no_network(self, strategy, dims):
        with pytest.raises(ValueError, match="expected a pyramid of positive widths"):
            strategy(dims)

    @pytest.mark.parametrize("value", [0, -1])
    def test_sizes_that_make_no_network(self, strategy, value):
        for name, parameter in inspect.signature(class_of(strategy)).parameters.items():
            if parameter.annotation in (int, int | None):
                with pytest.raises(ValueError, match=rf"{name}\b.*{value}"):
                    strategy(DIMS, **{name: value})


def in_generator(strategy, **options):
    return Generator(strategy, channels=(4, 8), audio_width=2, mel_steps=24, **options).eval()


def batch(pairs=BATCH // 2):
    """Pairs that make `BATCH` clips, both ways."""
    video = torch.rand(pairs, FRAMES, 3, 16, 24)
    mel = torch.randn(pairs, FRAMES, 80, 16)
    landmarks = torch.rand(pairs, FRAMES, 68, 2)
    lips = torch.linspace(0, 1, pairs * FRAMES * 40).view(pairs, FRAMES, 20, 2)
    return avfuse.Batch(video, video, mel, mel, landmarks, landmarks, lips, lips)
