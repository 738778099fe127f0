"""Wav2Lip's generator beside a second composition of its layers, and as a method."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from avfuse import InputError
from avfuse.layers.audio_encoder import AudioEncoder
from avfuse.method import method_named, name_of
from avfuse.methods.wav2lip.generator import Wav2Lip
from avfuse.runtime.choose import runner_named
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.parity import TOLERANCE, largest_error, spoken, trial


@pytest.fixture(scope="module")
def method(weights):
    made = Wav2Lip().eval().requires_grad_(False)
    made.take(weights)
    return made


@pytest.fixture
def given():
    random = torch.Generator().manual_seed(1)
    mel = torch.empty(3, 80, 16).uniform_(-4, 4, generator=random)
    return mel, torch.rand(3, 3, 96, 96, generator=random)


class TestNetwork:
    def test_names_and_shapes_are_the_published_ones(self, weights):
        own = {name: value.shape for name, value in Wav2Lip().state_dict().items()}
        assert own == {name: value.shape for name, value in weights.items()}
        assert len(own) == 352

    def test_parameters(self, method):
        assert sum(p.numel() for p in method.parameters()) == 36_298_035

    def test_work_a_frame(self, method):
        with FlopCounterMode(display=False) as counter:
            drawn = method(torch.zeros(1, 1, 80, 16), torch.rand(1, 6, 96, 96))
        assert counter.get_total_flops() / 1e9 == pytest.approx(7.93, abs=0.005)
        assert drawn.shape == (1, 3, 96, 96)

    def test_computes_what_its_layers_do(self, method, weights, reference, given):
        mel, faces = given[0].unsqueeze(1), torch.rand(3, 6, 96, 96)
        expected = reference(weights, mel, faces)
        assert expected.std() > 0.05  # something is drawn
        torch.testing.assert_close(method(mel, faces), expected)


class TestMethod:
    def test_is_found(self):
        assert method_named("wav2lip") is Wav2Lip
        assert name_of(Wav2Lip) == "wav2lip"
        assert Wav2Lip.build({}).config == {}

    def test_prepares_the_audio_feature(self, method, weights, given):
        encoder = AudioEncoder().eval()
        prefix = "audio_encoder."
        encoder.layers.load_state_dict(
            {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        )
        condition, state = method.prepare(given[0].unsqueeze(0))
        torch.testing.assert_close(condition, encoder(given[0]))
        assert condition.shape == (3, 512)
        assert state == ()

    def test_draws_in_blue_green_red(self, method, weights, reference, given):
        mel, images = given
        bgr = images[:, [2, 1, 0]]
        hidden = bgr.clone()
        hidden[:, :, 48:] = 0
        expected = reference(weights, mel.unsqueeze(1), torch.cat([hidden, bgr], 1))
        drawn = method.draw(images, method.prepare(mel.unsqueeze(0))[0])
        torch.testing.assert_close(drawn.colour, expected[:, [2, 1, 0]])
        assert drawn.flow is None

    def test_only_the_lower_half_is_pasted(self, method, given):
        mask = method.draw(given[1], torch.zeros(3, 512)).mask
        assert mask.shape == (3, 1, 96, 96)
        assert (mask[:, :, :48] == 0).all()
        assert (mask[:, :, 54:] == 1).all()
        rows = mask[0, 0, 47:55, 0]
        assert (rows.diff() > 0).sum() >= 6
        assert (mask == mask[:1, :, :, :1]).all()

    def test_faces_of_another_size(self, method):
        with pytest.raises(ValueError, match="images are 64x96; expected 96x96"):
            method.draw(torch.rand(1, 3, 96, 64), torch.zeros(1, 512))

    def test_hears_what_it_heard_in_training(self):
        """Frame k's window began at step int(80 (k - 1) / 25) there."""
        frames = torch.arange(1, 200)
        starts = Wav2Lip.hears.starts(frames.double() / 25)
        assert starts.tolist() == [int(80.0 * ((k - 1) / 25.0)) for k in frames.tolist()]

    def test_looks_from_forehead_to_below_the_chin(self):
        """Narrower than high, as face detectors' boxes are."""
        left, top, right, bottom = Wav2Lip.framing
        assert left == pytest.approx(1 - right)
        assert top < 0 < 0.86 < bottom < 1
        assert 0.7 < (right - left) / (bottom - top) < 0.8


# Types are checked under pytest only; the compiler leaves the check outside its graphs and says so.
@pytest.mark.filterwarnings("ignore:Dynamo does not know how to trace:UserWarning")
class TestRunners:
    def test_lean_has_no_norm(self, method):
        lean = method.lean(torch.float32)
        assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in lean.modules())
        assert len(method.state_dict()) == 352  # which is left as it was

    def test_lean_in_bfloat16_but_for_its_ends(self, method):
        lean = method.lean(torch.bfloat16)
        dtypes = {name: p.dtype for name, p in lean.named_parameters()}
        ends = ("audio_encoder.0.", "face_encoder_blocks.0.", "output_block.")
        for name, dtype in dtypes.items():
            assert dtype == (torch.float32 if name.startswith(ends) else torch.bfloat16), name
        given = trial(method)
        narrow, full = (spoken(EagerRunner(m), given) for m in (lean, method))
        assert 0 < (narrow - full).abs().mean() < 0.5  # of 255
        assert (narrow - full).abs().max() < 6

    @pytest.mark.parametrize(
        "name",
        [
            "fast-cpu",
            pytest.param("compiled", marks=pytest.mark.slow),
            pytest.param("onnx", marks=pytest.mark.slow),
        ],
    )
    def test_draw_what_eager_draws(self, method, name):
        for package in ("onnx", "onnxscript", "onnxruntime") if name == "onnx" else ():
            pytest.importorskip(package)
        runner = runner_named(name, method)
        assert runner.name == name
        assert largest_error(runner, EagerRunner(method), trial(method)) <= TOLERANCE


@pytest.mark.parametrize("change", ["missing", "left over", "of another shape"])
def test_other_weights_are_refused_and_nothing_is_taken(method, weights, change):
    state, name = dict(weights), "face_encoder_blocks.0.0.conv_block.0.bias"
    if change == "missing":
        del state[name]
    elif change == "left over":
        state["disc.weight"] = state[name]
    else:
        state[name] = state[name][:8]
    before = method.output_block[1].weight.clone()
    with pytest.raises(InputError, match=r"does not hold .* 1 of its 352 tensors"):
        method.take({name: value + 1 for name, value in state.items()})
    assert torch.equal(method.output_block[1].weight, before)
