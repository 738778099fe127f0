"""The bookkeeping of graphs and buffers, on a device that keeps CUDA's promises and no others."""

import copy
import functools
import itertools
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
import torch

from avfuse import Generator, InputError, load
from avfuse.faces.tracker import Face
from avfuse.fusion import (
    ChannelConcat,
    DynamicKernel,
    LandmarkCascade,
    NoFusion,
    SpatialAttention,
)
from avfuse.geometry.box import Box
from avfuse.method import Method, method_named
from avfuse.runtime.cuda_graph import CudaGraphRunner
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.fast import fast, has_bfloat16
from avfuse.runtime.parity import TOLERANCE, largest_error
from avfuse.runtime.speaker import Speaker
from avfuse.sound.mel import Hearing
from avfuse.speaking.speech import Speech
from avfuse.speaking.stopwatch import Stopwatch
from avfuse.types import Drawn
from avfuse.video.read import TimedFrame


@pytest.fixture
def runner(network, device):
    return CudaGraphRunner(network, dtype=torch.float32, accelerator=device)


@pytest.fixture(scope="module")
def eager(network):
    return EagerRunner(network.lean(torch.float32))


@pytest.fixture(scope="session")
def submit(prepared):
    return lambda runner, given: runner.submit(given.seen.images, prepared(runner, given))


def assert_equal(planes, others, tolerance=0.0):
    for one, other in zip(planes, others, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance)


class TestChunks:
    def test_equal_eager_whatever_size_comes_next(self, runner, eager, chunk, run):
        for seed, count in enumerate([2, 4, 2, 1, 8, 4]):
            given = chunk(count, seed=seed)
            assert_equal(run(runner, given), run(eager, given))

    def test_sizes_between_are_filled_up(self, runner, eager, chunk, run):
        """What is filled in is not given back."""
        for count in (3, 5, 7):
            given = chunk(count, seed=count)
            planes = run(runner, given)
            assert len(planes.colour) == len(planes.mask) == count
            assert_equal(planes, run(eager, given), 1e-2)

    def test_few_sizes_are_captured_and_each_once(self, runner, device, chunk, run):
        for count in [*range(1, 9), *range(8, 0, -1)]:
            run(runner, chunk(count))
        assert (device.captures, device.replays) == (4, 16)  # 1, 2, 4 and 8

    def test_results_stay_when_others_follow(self, runner, eager, chunk, run, submit):
        given = [chunk(2, seed=seed) for seed in range(5)]
        under_way = [submit(runner, one) for one in given]
        for result, one in reversed(list(zip(under_way, given, strict=True))):
            assert_equal(result(), run(eager, one))

    def test_a_result_can_be_asked_for_again(self, runner, chunk, run, submit):
        result = submit(runner, chunk(2))
        first = result()
        run(runner, chunk(2, seed=1))
        run(runner, chunk(2, seed=2))
        assert_equal(result(), first)

    def test_inputs_are_copied(self, runner, eager, chunk, run, submit):
        given = chunk(2)
        expected = run(eager, given)
        result = submit(runner, given)
        given.seen.images.zero_()
        assert_equal(result(), expected)


STRATEGIES = {
    **{c.__name__: c for c in (ChannelConcat, DynamicKernel, NoFusion, SpatialAttention)},
    "LandmarkCascade": functools.partial(LandmarkCascade, inner=ChannelConcat),
}


class TestEveryMethod:
    @pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
    def test_every_strategy(self, strategy, lively, device, chunk, run):
        torch.manual_seed(0)
        plan = {"channels": (4, 8, 8), "blocks": (0, 1, 0), "audio_width": 2, "size": 64}
        network = lively(Generator(strategy, **plan))
        graphs = CudaGraphRunner(network, dtype=torch.float32, accelerator=device)
        for seed in range(2):
            given = chunk(3, seed=seed)
            assert largest_error(graphs, EagerRunner(network), given) < 0.1
        assert (device.captures, device.replays) == (1, 2)

    def test_a_condition_that_is_one_tensor(self, lively, device, chunk):
        torch.manual_seed(0)
        network = lively(method_named("wav2lip").build({}))
        graphs = CudaGraphRunner(network, dtype=torch.float32, accelerator=device)
        for seed in range(2):
            given = chunk(3, size=96, seed=seed)
            assert largest_error(graphs, EagerRunner(network), given) < 0.1
        assert (device.captures, device.replays) == (1, 2)

    def test_whole_frames_of_no_images(self, device):
        method = Whole()
        graphs = CudaGraphRunner(method, dtype=torch.float32, accelerator=device)
        for count, level in ((3, 0.2), (4, 0.4)):
            condition = Lit(torch.full((count, 1, 1, 1), level), torch.empty(count, device="meta"))
            planes = graphs.draw(None, condition)
            assert planes.mask is planes.flow is None
            assert planes.colour.shape == (count, 16, 16, 3)
            torch.testing.assert_close(planes.colour, torch.full_like(planes.colour, 255 * level))
        assert device.captures == 1


class Lit(NamedTuple):
    """What `Whole` draws by, and what only its training wants."""

    level: torch.Tensor
    aside: torch.Tensor


class Whole(Method):
    """Frames of one grey."""

    paper = "nobody's"
    footage = False
    whole = True
    size = 16
    hears = Hearing(8, 2)

    def __init__(self):
        super().__init__()
        self.config, self.one = {}, torch.nn.Parameter(torch.ones(1), requires_grad=False)

    def prepare(self, heard, seen, person, state):
        level = heard.mean((0, 2, 3)).view(-1, 1, 1, 1)
        return Lit(level, level), ()

    def draw(self, images, condition):
        return Drawn((condition.level * self.one).expand(-1, 3, 16, 16))

    def lean(self, dtype):
        return self


class TestReads:
    def test_what_the_graph_does_not_read_is_not_copied(self, device):
        """A tensor without content cannot be copied: only shapes of it were looked at."""
        graphs = CudaGraphRunner(Whole(), dtype=torch.float32, accelerator=device)
        for _ in range(3):
            graphs.draw(None, Lit(torch.rand(2, 1, 1, 1), torch.empty(2, 9, device="meta")))
        swapped = Lit(torch.empty(2, 1, 1, 1, device="meta"), torch.rand(2, 9))
        with pytest.raises(NotImplementedError):
            graphs.draw(None, swapped)


class Failing:
    """A device on which nothing can be captured."""

    def __init__(self, device):
        self.device, self.tries = device.device, 0
        self.pinned, self.staging = device.pinned, device.staging
        self.upload, self.download = device.upload, device.download

    def record(self, work):
        self.tries += 1
        raise RuntimeError("operation not permitted when stream is capturing\nand more of that")


def test_where_capturing_fails_it_runs_call_by_call(network, device, chunk, run, submit, caplog):
    failing = Failing(device)
    runner = CudaGraphRunner(network, dtype=torch.float32, accelerator=failing)
    eager = EagerRunner(network.lean(torch.float32))
    with caplog.at_level(logging.WARNING):
        for seed, count in enumerate([2, 3, 2]):
            given = chunk(count, seed=seed)
            assert_equal(run(runner, given), run(eager, given))
            assert_equal(submit(runner, given)(), run(eager, given))
    assert failing.tries == 1
    (record,) = caplog.records
    assert record.message == (
        "no CUDA graph of Generator (operation not permitted when stream is capturing): "
        "it runs call by call"
    )


class Watched(CudaGraphRunner):
    """Remembers what began and ended, and when."""

    def submit(self, images, condition):
        number = len([event for event in self.events if event[0] == "begun"])
        self.events.append(("begun", number))
        result = super().submit(images, condition)

        def end():
            self.events.append(("ended", number))
            return result()

        return end


class Sound:
    """Noise, the same at a time."""

    def windows(self, times):
        return torch.stack(
            [
                torch.empty(80, 16).uniform_(-4, 4, generator=torch.Generator().manual_seed(seed))
                for seed in (times * 25).round().int().tolist()
            ]
        )


def test_two_chunks_are_under_way_in_speech(network, device, person):
    """While one is pasted the next one is drawn; the frames are those of one after the other."""
    face = Face(Box(30.0, 30.0, 130.0, 130.0), 1.0, None, 0)
    timed = map(TimedFrame, person.frames, person.times.tolist())
    # The fourth chunk shows no face.
    tracked = [(f, None if 9 <= i < 12 else face) for i, f in enumerate(timed)]
    runner = Watched(network, dtype=torch.float32, accelerator=device)
    runner.events = []
    made, plain = (
        list(Speech(Speaker(one), Stopwatch()).frames(tracked, Sound(), 3))
        for one in (runner, EagerRunner(network.lean(torch.float32)))
    )
    begun, ended = (
        [number for what, number in runner.events if what == name] for name in ("begun", "ended")
    )
    assert begun == ended == [0, 1, 2, 3]
    depth = itertools.accumulate(1 if what == "begun" else -1 for what, _ in runner.events)
    assert max(depth) == 2
    assert [spoken for _, spoken in made] == [not 9 <= i < 12 for i in range(15)]
    for (one, _), (other, _) in zip(made, plain, strict=True):
        assert one.time == other.time
        assert abs(one.image.astype(int) - other.image).max() <= 1


class TestShapes:
    @pytest.mark.parametrize("size", [(32, 32), (64, 32)])
    def test_other_crops_are_refused_by_name(self, runner, chunk, run, prepared, size):
        given = chunk(2)
        run(runner, given)
        crops = given.seen.images[:, : size[0], : size[1]]
        with pytest.raises(ValueError, match=f"crops are {size[1]}x{size[0]}.* for 64x64"):
            runner.draw(crops, prepared(runner, given))

    def test_another_condition_is_refused_by_name(self, runner, chunk, prepared):
        given = chunk(2)
        condition = prepared(runner, given)
        runner.draw(given.seen.images, condition)
        longer = condition._replace(audio=condition.audio.repeat(1, 2))
        with pytest.raises(ValueError, match=r"condition's tensors .*recapture\(\)"):
            runner.draw(given.seen.images, longer)

    def test_recapture_takes_another_size(self, runner, device, eager, chunk, run):
        run(runner, chunk(2))
        runner.recapture(32)
        small = chunk(2, size=32)
        assert_equal(run(runner, small), run(eager, small))
        assert device.captures == 2

    def test_recapture_on_demand(self, runner, device, chunk, run):
        run(runner, chunk(2))
        runner.recapture()
        run(runner, chunk(2))
        assert device.captures == 2


def test_recapture_takes_other_weights(network, device, chunk, run):
    changed, given = copy.deepcopy(network), chunk(2)
    runner = CudaGraphRunner(changed, dtype=torch.float32, accelerator=device)
    before = run(runner, given)
    with torch.no_grad():
        changed.heads[0].bias.add_(0.5)
    assert_equal(run(runner, given), before)
    runner.recapture()
    assert_equal(run(runner, given), run(EagerRunner(changed.lean(torch.float32)), given))
    assert not torch.equal(run(runner, given).mask, before.mask)


def test_bfloat16_where_it_holds(device, chunk, monkeypatch):
    monkeypatch.setattr("avfuse.runtime.fast.has_bfloat16", lambda _: True)
    bundled = load()
    runner = CudaGraphRunner(bundled, accelerator=device)
    assert runner.dtype == torch.bfloat16
    given = chunk(2, size=bundled.size, steps=bundled.hears.steps)
    assert 0 < largest_error(runner, EagerRunner(bundled), given) <= TOLERANCE
    in_full = CudaGraphRunner(bundled, dtype=torch.float32, accelerator=device)
    assert in_full.dtype == torch.float32
    assert largest_error(in_full, EagerRunner(bundled), given) < 0.1


def test_a_refused_recapture_leaves_it_as_it_was(network, device, chunk, run, monkeypatch):
    given = chunk(2)
    runner = CudaGraphRunner(network, dtype=torch.bfloat16, accelerator=device)
    before = run(runner, given)
    monkeypatch.setattr("avfuse.runtime.fast.TOLERANCE", 0.0)
    with pytest.raises(InputError, match="levels off"):
        runner.recapture(size=32)
    assert_equal(run(runner, given), before)


def test_bfloat16_is_asked_of_the_gpu_itself(monkeypatch):
    """Two of different age in one machine."""
    gpus = {torch.device("cuda", 0): (9, 0), torch.device("cuda", 1): (7, 5)}
    monkeypatch.setattr("torch.cuda.get_device_capability", gpus.__getitem__)
    assert [has_bfloat16(gpu) for gpu in gpus] == [True, False]


def test_refuses_a_model_on_the_cpu(network):
    with pytest.raises(InputError, match="cuda-graph: the model is on cpu"):
        CudaGraphRunner(network)


@pytest.mark.gpu
class TestOnAGpu:
    @pytest.fixture(scope="class")
    def on_gpu(self, network):
        return copy.deepcopy(network).to("cuda", memory_format=torch.channels_last)

    @pytest.mark.parametrize("dtype", [torch.float32, None])
    def test_numerically_equal_to_eager(self, on_gpu, chunk, run, dtype):
        runner = CudaGraphRunner(on_gpu, dtype=dtype)
        eager = EagerRunner(fast(on_gpu, dtype).method)
        for seed, count in enumerate([8, 1, 4, 8, 3, 1]):
            given = chunk(count, seed=seed)
            one, other = run(runner, given), run(eager, given)
            torch.testing.assert_close(tuple(one), tuple(other))

    def test_in_another_thread(self, on_gpu, chunk, run):
        """Captured where the pipeline speaks, while others take pinned memory."""
        runner, eager = CudaGraphRunner(on_gpu), EagerRunner(fast(on_gpu).method)
        given = chunk(4)
        with ThreadPoolExecutor(2) as threads:
            speaking = threads.submit(run, runner, given)
            for size in range(1, 200):
                torch.empty(size << 10, pin_memory=True)
        torch.testing.assert_close(speaking.result().mask, run(eager, given).mask)

    def test_several_under_way(self, on_gpu, chunk, run, submit):
        runner, eager = CudaGraphRunner(on_gpu), EagerRunner(fast(on_gpu).method)
        given = [chunk(4, seed=seed) for seed in range(6)]
        under_way = [submit(runner, one) for one in given]
        for result, one in zip(under_way, given, strict=True):
            torch.testing.assert_close(result().mask, run(eager, one).mask)

    def test_one_launch_a_chunk(self, on_gpu, chunk, prepared):
        runner, given = CudaGraphRunner(on_gpu), chunk(8)
        condition = prepared(runner, given)
        runner.draw(given.seen.images, condition)
        activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=activities) as profile:
            runner.draw(given.seen.images, condition)
        launches = [e.name for e in profile.events() if e.name.startswith("cudaGraphLaunch")]
        kernels = [e.name for e in profile.events() if e.name.startswith("cudaLaunchKernel")]
        assert len(launches) == 1
        assert len(kernels) <= 2 * len(condition.kernels) + 2  # copies to the graph's inputs
