"""The bookkeeping of graphs and buffers, on a device that keeps CUDA's promises and no others."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from avfuse.methods.dynamic_kernels.lean import lean

from avfuse import InputError, load
from avfuse.runtime.cuda_graph import CudaGraphRunner
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.fast import fast, has_bfloat16
from avfuse.runtime.parity import TOLERANCE, largest_error


class Pretended:
    """Replays write where the capture wrote; what is downloaded arrives when it is waited for."""

    def __init__(self):
        self.device = torch.device("cpu")
        self.captures = self.replays = 0

    def record(self, work):
        self.captures += 1
        result = work()

        def replay():
            self.replays += 1
            for target, source in zip(result, work(), strict=True):
                target.copy_(source)

        for value in result:
            value.zero_()  # a capture computes nothing
        return result, replay

    def pinned(self, like):
        return torch.zeros(like.shape, dtype=like.dtype)

    staging = pinned

    def upload(self, host, device):
        device.copy_(host)

    def download(self, device, host):
        under_way = [source.clone() for source in device]

        @torch.inference_mode()
        def wait():
            for target, source in zip(host, under_way, strict=True):
                target.copy_(source)

        return wait


@pytest.fixture
def device():
    return Pretended()


@pytest.fixture
def runner(network, device):
    return CudaGraphRunner(network, dtype=torch.float32, accelerator=device)


@pytest.fixture(scope="module")
def eager(network):
    return EagerRunner(lean(network))


def run(runner, chunk):
    crops, mel = chunk
    return runner(crops, runner.prepare(mel))


def assert_equal(planes, others):
    torch.testing.assert_close(tuple(planes), tuple(others), rtol=0, atol=0)


class TestChunks:
    def test_equal_eager_whatever_size_comes_next(self, runner, eager, chunk):
        for seed, count in enumerate([2, 3, 2, 1, 3]):
            given = chunk(count, seed=seed)
            assert_equal(run(runner, given), run(eager, given))

    def test_each_size_is_captured_once(self, runner, device, chunk):
        for count in [2, 3, 2, 2, 3]:
            run(runner, chunk(count))
        assert (device.captures, device.replays) == (2, 5)

    def test_results_stay_when_others_follow(self, runner, eager, chunk):
        given = [chunk(2, seed=seed) for seed in range(5)]
        under_way = [runner.submit(crops, runner.prepare(mel)) for crops, mel in given]
        for result, one in reversed(list(zip(under_way, given, strict=True))):
            assert_equal(result(), run(eager, one))

    def test_a_result_can_be_asked_for_again(self, runner, chunk):
        crops, mel = chunk(2)
        result = runner.submit(crops, runner.prepare(mel))
        first = result()
        run(runner, chunk(2, seed=1))
        run(runner, chunk(2, seed=2))
        assert_equal(result(), first)

    def test_inputs_are_copied(self, runner, eager, chunk):
        crops, mel = chunk(2)
        expected = run(eager, (crops, mel))
        result = runner.submit(crops, runner.prepare(mel))
        crops.zero_()
        assert_equal(result(), expected)


class TestShapes:
    @pytest.mark.parametrize("size", [(32, 32), (64, 32)])
    def test_other_crops_are_refused_by_name(self, runner, chunk, size):
        run(runner, chunk(2))
        crops, mel = chunk(2)
        with pytest.raises(ValueError, match=f"crops are {size[1]}x{size[0]}.* for 64x64"):
            runner(crops[:, : size[0], : size[1]], runner.prepare(mel))

    def test_another_condition_is_refused_by_name(self, runner, chunk):
        crops, mel = chunk(2)
        condition = runner.prepare(mel)
        runner(crops, condition)
        longer = condition._replace(audio=condition.audio.repeat(1, 2))
        with pytest.raises(ValueError, match=r"condition's tensors .*recapture\(\)"):
            runner(crops, longer)

    def test_recapture_takes_another_size(self, runner, device, eager, chunk):
        run(runner, chunk(2))
        runner.recapture(32)
        small = chunk(2, size=32)
        assert_equal(run(runner, small), run(eager, small))
        assert device.captures == 2

    def test_recapture_on_demand(self, runner, device, chunk):
        run(runner, chunk(2))
        runner.recapture()
        run(runner, chunk(2))
        assert device.captures == 2


def test_recapture_takes_other_weights(network, device, chunk):
    changed, given = copy.deepcopy(network), chunk(2)
    runner = CudaGraphRunner(changed, dtype=torch.float32, accelerator=device)
    before = run(runner, given)
    with torch.no_grad():
        changed.heads[0].bias.add_(0.5)
    assert_equal(run(runner, given), before)
    runner.recapture()
    assert_equal(run(runner, given), run(EagerRunner(lean(changed)), given))
    assert not torch.equal(run(runner, given).mask, before.mask)


def test_bfloat16_where_it_holds(device, chunk, monkeypatch):
    monkeypatch.setattr("avfuse.runtime.fast.has_bfloat16", lambda _: True)
    bundled = load()
    runner = CudaGraphRunner(bundled, accelerator=device)
    assert runner.dtype == torch.bfloat16
    crops, mel = chunk(2, size=bundled.size, steps=bundled.audio.steps)
    assert 0 < largest_error(runner, EagerRunner(bundled), crops, mel) <= TOLERANCE
    in_full = CudaGraphRunner(bundled, dtype=torch.float32, accelerator=device)
    assert in_full.dtype == torch.float32
    assert largest_error(in_full, EagerRunner(bundled), crops, mel) < 0.1


def test_a_refused_recapture_leaves_it_as_it_was(network, device, chunk, monkeypatch):
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
    def test_numerically_equal_to_eager(self, on_gpu, chunk, dtype):
        runner = CudaGraphRunner(on_gpu, dtype=dtype)
        eager = EagerRunner(fast(on_gpu, dtype).generator)
        for seed, count in enumerate([8, 1, 4, 8, 3, 1]):
            given = chunk(count, seed=seed)
            one, other = run(runner, given), run(eager, given)
            torch.testing.assert_close(tuple(one), tuple(other))

    def test_in_another_thread(self, on_gpu, chunk):
        """Captured where the pipeline speaks, while others take pinned memory."""
        runner, eager = CudaGraphRunner(on_gpu), EagerRunner(fast(on_gpu).generator)
        crops, mel = chunk(4)
        with ThreadPoolExecutor(2) as threads:
            speaking = threads.submit(run, runner, (crops, mel))
            for size in range(1, 200):
                torch.empty(size << 10, pin_memory=True)
        torch.testing.assert_close(speaking.result().mask, run(eager, (crops, mel)).mask)

    def test_several_under_way(self, on_gpu, chunk):
        runner, eager = CudaGraphRunner(on_gpu), EagerRunner(fast(on_gpu).generator)
        given = [chunk(4, seed=seed) for seed in range(6)]
        under_way = [runner.submit(crops, runner.prepare(mel)) for crops, mel in given]
        for result, one in zip(under_way, given, strict=True):
            torch.testing.assert_close(result().mask, run(eager, one).mask)

    def test_one_launch_a_chunk(self, on_gpu, chunk):
        runner = CudaGraphRunner(on_gpu)
        crops, mel = chunk(8)
        condition = runner.prepare(mel)
        runner(crops, condition)
        activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=activities) as profile:
            runner(crops, condition)
        launches = [e.name for e in profile.events() if e.name.startswith("cudaGraphLaunch")]
        kernels = [e.name for e in profile.events() if e.name.startswith("cudaLaunchKernel")]
        assert len(launches) == 1
        assert len(kernels) <= 2 * len(list(condition.kernels)) + 2  # copies to the graph's inputs
