"""Every runner draws what float32 eager draws, and does no work that it promises not to do."""

import copy
import functools
import logging
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from avfuse import Generator, InputError, load
from avfuse.data.synthetic import synthetic_clip
from avfuse.fusion import (
    ChannelConcat,
    DynamicKernel,
    GivenLips,
    LandmarkCascade,
    LipShape,
    NoFusion,
    SpatialAttention,
)
from avfuse.geometry.box import box_from_landmarks, crop
from avfuse.runtime.choose import RUNNERS, runner_named
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.fast import has_bfloat16
from avfuse.runtime.fast_cpu import FastCpuRunner
from avfuse.runtime.parity import TOLERANCE, Trial, composed, largest_error, trial
from avfuse.runtime.runner import Runner
from avfuse.runtime.speaker import Speaker
from avfuse.sound.mel import mel_spectrogram, mel_windows
from avfuse.types import Planes, Seen
from avfuse.video.audio import read_audio
from avfuse.video.read import frames

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CPU = torch.device("cpu")
CLIPS = ["s1/bbbm2p", "s14/lrwq7p", "s23/lrwp9a"]


@pytest.fixture(scope="module")
def bundled():
    return load()


def chunk_of(pictures, landmarks, waveform, times, network):
    """What the pipeline would give a runner."""
    faces = zip(pictures, landmarks, strict=True)
    crops = [crop(image, box_from_landmarks(points), network.size) for image, points in faces]
    heard = mel_windows(mel_spectrogram(waveform), times, network.hears)
    return Trial(heard, Seen(torch.from_numpy(np.stack(crops))), None)


@pytest.fixture(scope="module")
def drawn(bundled):
    """A procedural face, in the middle of another one's words."""
    clip = synthetic_clip(21, seconds=1.0, size=192)
    other = synthetic_clip(22, seconds=1.0, size=32).waveform
    middle = slice(12, 18)
    times = torch.from_numpy(clip.times[middle])
    pictures = clip.frames[middle], clip.landmarks[middle]
    return chunk_of(*pictures, torch.from_numpy(other), times, bundled)


def grid(name, network):
    """Frames of a clip of the GRID corpus, and other words than its own."""
    speaker, stem = name.split("/")
    with np.load(DATA / "landmarks" / f"{speaker}__{stem}.npz") as labels:
        landmarks = labels["landmarks"][20:28, :, :2]
    video = list(frames(DATA / "grid" / f"{name}.mpg"))[20:28]
    times = torch.tensor([frame.time for frame in video], dtype=torch.float64)
    sound = read_audio(DATA / "grid" / f"{name}.mpg").flip(0)
    return chunk_of([frame.image for frame in video], landmarks, sound, times, network)


@pytest.fixture(
    scope="module",
    params=[
        "fast-cpu",
        pytest.param("compiled", marks=pytest.mark.slow),
        pytest.param("onnx", marks=pytest.mark.slow),
        pytest.param("cuda-graph", marks=pytest.mark.gpu),
    ],
)
def name(request):
    if request.param == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package)
    return request.param


@pytest.fixture(scope="module")
def runner(name, bundled):
    on_gpu = name == "cuda-graph"
    return runner_named(name, copy.deepcopy(bundled).cuda() if on_gpu else bundled)


# Types are checked under pytest only; the compiler leaves the check outside its graphs and says so.
@pytest.mark.filterwarnings("ignore:Dynamo does not know how to trace:UserWarning")
class TestParity:
    def test_on_drawn_frames(self, runner, name, bundled, drawn):
        assert isinstance(runner, Runner)
        assert runner.name == name
        assert largest_error(runner, EagerRunner(bundled), drawn) <= TOLERANCE

    @pytest.mark.skipif(not DATA.exists(), reason="needs GRID clips beside the project")
    def test_on_real_frames(self, runner, bundled):
        for clip in CLIPS:
            assert largest_error(runner, EagerRunner(bundled), grid(clip, bundled)) <= TOLERANCE

    def test_the_network_does_something_there(self, bundled, drawn, run):
        crops = drawn.seen.images
        spoken = composed(crops, run(EagerRunner(bundled), drawn))
        assert (spoken - crops.permute(0, 3, 1, 2)).abs().max() > 5 * TOLERANCE

    def test_without_blending(self, network, chunk, run):
        plain = copy.deepcopy(network)
        plain.blend = False
        given = chunk(2)
        fast, eager = FastCpuRunner(plain), EagerRunner(plain)
        assert largest_error(fast, eager, given) <= TOLERANCE
        assert (run(fast, given).mask == 1).all()


STRATEGIES = {
    **{c.__name__: c for c in (ChannelConcat, DynamicKernel, NoFusion, SpatialAttention)},
    "GivenLips": functools.partial(GivenLips, inner=DynamicKernel),
    "LandmarkCascade": functools.partial(LandmarkCascade, inner=ChannelConcat),
    "LipShape": functools.partial(LipShape, inner=DynamicKernel),
    "SpatialAttention-image": functools.partial(SpatialAttention, place="image"),
}


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_every_strategy(strategy, lively, chunk, run):
    torch.manual_seed(0)
    plan = {"channels": (4, 8, 8), "blocks": (0, 1, 0), "audio_width": 2, "size": 64}
    network = lively(Generator(strategy, **plan))
    given = chunk(3)
    runners = FastCpuRunner(network, torch.float32), EagerRunner(network)
    fast, eager = (run(runner, given) for runner in runners)
    torch.testing.assert_close(fast.mask, eager.mask, rtol=0, atol=1e-4)
    torch.testing.assert_close(fast.flow, eager.flow, rtol=0, atol=1e-3)
    torch.testing.assert_close(fast.colour, eager.colour, rtol=0, atol=1e-2)
    rounded = run(FastCpuRunner(network, torch.bfloat16), given)
    torch.testing.assert_close(rounded.mask, eager.mask, rtol=0, atol=0.2)


class TestPlanes:
    def test_compose_to_what_the_generator_draws(self, network, chunk, run):
        given = chunk(3)
        crops = given.seen.images
        planes = run(EagerRunner(network), given)
        with torch.inference_mode():
            condition = network.condition(given.heard.unsqueeze(0)).fold()
            image = network(crops.permute(0, 3, 1, 2) / 255, condition).image
        levels = (image * 255).clamp(0, 255)
        torch.testing.assert_close(composed(crops, planes), levels, rtol=0, atol=1e-3)

    def test_any_number_of_frames(self, network, chunk, run):
        given = chunk(5)
        fast = FastCpuRunner(network)
        together = run(fast, given)
        for i in range(5):
            one = Trial(given.heard[i : i + 1], Seen(given.seen.images[i : i + 1]), None)
            alone = run(fast, one)
            assert largest(alone, Planes(*(p[i : i + 1] for p in together))) < 0.02

    def test_the_generator_is_left_as_it_was(self, network, chunk, run):
        before = copy.deepcopy(network.state_dict())
        given = chunk(1)
        eager = EagerRunner(network)
        planes = run(eager, given)
        FastCpuRunner(network)
        assert network.state_dict().keys() == before.keys()
        assert largest(run(eager, given), planes) == 0


class TestSpeaker:
    def test_frames_that_are_not_shown_are_heard(self, network, chunk):
        given, eager = chunk(5), EagerRunner(network)
        every = Speaker(eager).step(given.heard, given.seen)
        some = Speaker(eager).step(given.heard, given.seen, [1, 4])
        assert largest(some, Planes(*(p[[1, 4]] for p in every))) < 0.01

    def test_none_of_them_shown(self, network, chunk):
        given = chunk(5)
        planes = Speaker(EagerRunner(network)).step(given.heard, given.seen, [])
        assert list(planes.each()) == []


def largest(planes, others):
    return max((a.float() - b).abs().max().item() for a, b in zip(planes, others, strict=True))


class TestPrecision:
    @pytest.mark.skipif(
        not has_bfloat16(torch.device("cpu")), reason="the processor does not compute in bfloat16"
    )
    def test_bfloat16_where_it_holds(self, bundled):
        assert FastCpuRunner(bundled).dtype == torch.bfloat16

    def test_bfloat16_is_refused_where_it_does_not(self, network, monkeypatch):
        given = trial(network)
        narrow = FastCpuRunner(network, torch.bfloat16)
        error = largest_error(narrow, EagerRunner(network), given)
        assert error > 0
        monkeypatch.setattr("avfuse.runtime.fast.has_bfloat16", lambda _: True)
        monkeypatch.setattr("avfuse.runtime.fast.TOLERANCE", 0.9 * error)
        runner = FastCpuRunner(network)
        assert runner.dtype == torch.float32
        assert largest_error(runner, EagerRunner(network), given) < 0.01
        with pytest.raises(InputError, match=r"in bfloat16 pixels are up to .* levels off"):
            FastCpuRunner(network, torch.bfloat16)

    def test_float32_on_request(self, bundled):
        assert FastCpuRunner(bundled, torch.float32).dtype == torch.float32


class Calls(TorchDispatchMode):
    """Counts what is asked of the device."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.counts[function.overloadpacket.__name__] += 1
        return function(*args, **(kwargs or {}))


def allocations(work, *arguments):
    with torch.profiler.profile(profile_memory=True) as profile:
        work(*arguments)
    return sum(event.self_cpu_memory_usage > 0 for event in profile.events())


def calls(work, *arguments):
    with Calls() as seen:
        work(*arguments)
    return seen.counts


class TestWork:
    def test_no_norm_is_left(self, network, chunk, run):
        eager, fast = EagerRunner(network), FastCpuRunner(network)
        norms = [
            sum(n for op, n in calls(run, r, chunk(1)).items() if "batch_norm" in op)
            for r in (eager, fast)
        ]
        fused = sum(isinstance(part, torch.nn.BatchNorm2d) for part in fast_parts(network))
        assert norms == [norms[0], fused]
        assert norms[0] > fused

    def test_kernels_of_a_chunk_in_one_product(self, network, chunk, prepared):
        fast = FastCpuRunner(network)
        assert calls(prepared, fast, chunk(8)) == calls(prepared, fast, chunk(1))

    def test_no_call_is_made_for_a_frame_alone(self, network, chunk, prepared):
        """No kernel, copy or memory: a longer chunk asks for the same, but larger."""
        fast = FastCpuRunner(network)
        one, eight = ((g.seen.images, prepared(fast, g)) for g in (chunk(1), chunk(8)))
        assert calls(fast.draw, *one) == calls(fast.draw, *eight)
        assert 0 < allocations(fast.draw, *eight) <= allocations(fast.draw, *one)

    def test_nothing_is_doubled_or_joined(self, network, chunk, prepared):
        fast, given = FastCpuRunner(network), chunk(2)
        seen = calls(fast.draw, given.seen.images, prepared(fast, given))
        assert not {"upsample_nearest2d", "cat", "clone"} & set(seen)

    def test_less_work_than_eager(self, network, chunk, run):
        eager, fast = (
            sum(calls(run, runner, chunk(1)).values())
            for runner in (EagerRunner(network), FastCpuRunner(network, torch.float32))
        )
        assert fast < eager


def fast_parts(network):
    return network.lean(torch.float32).fusion.modules()


class TestNames:
    def test_auto_is_the_fast_one(self, network):
        assert runner_named("auto", network).name == "fast-cpu"

    def test_without_a_gpu_graphs_fall_back_and_say_so(self, network, caplog):
        with caplog.at_level(logging.WARNING):
            assert runner_named("cuda-graph", network).name == "fast-cpu"
        (record,) = caplog.records
        assert record.message.startswith("runner cuda-graph needs a GPU")
        assert "\n" not in record.message

    def test_an_unknown_one(self, network):
        with pytest.raises(InputError, match=f"'quick' is unknown; expected {', '.join(RUNNERS)}"):
            runner_named("quick", network)

    def test_no_compiler(self, network, monkeypatch):
        monkeypatch.setenv("PATH", "")
        monkeypatch.delenv("CXX", raising=False)
        with pytest.raises(InputError, match=r"no C.* compiler found; .* --runner auto"):
            runner_named("compiled", network)

    def test_no_onnx(self, network, monkeypatch):
        monkeypatch.setattr("avfuse.runtime.onnx._installed", lambda name: name != "onnxscript")
        with pytest.raises(InputError, match=r"needs onnxscript: pip install 'avfuse\[onnx\]'"):
            runner_named("onnx", network)

    @pytest.mark.parametrize("name", ["fast-cpu", "onnx"])
    @pytest.mark.gpu
    def test_a_model_on_the_gpu(self, network, name):
        with pytest.raises(InputError, match="the model is on cuda; use --device cpu"):
            runner_named(name, copy.deepcopy(network).cuda())
