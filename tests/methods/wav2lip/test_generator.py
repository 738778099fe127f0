"""Wav2Lip's generator: what is known of it from outside, and the checkpoints that people have."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from avfuse import InputError
from avfuse.methods.wav2lip.generator import Wav2LipGenerator

# Saving TorchScript is deprecated, but that is what some downloads are.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*looks like a TorchScript archive:UserWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Wav2LipGenerator().eval().requires_grad_(False)


class TestArchitecture:
    def test_parameters(self, network):
        assert sum(p.numel() for p in network.parameters()) == 36_298_035
        assert len(network.state_dict()) == 352

    def test_work_a_frame(self, network):
        with FlopCounterMode(display=False) as counter:
            drawn = network(torch.zeros(1, 1, 80, 16), torch.rand(1, 6, 96, 96))
        assert counter.get_total_flops() / 1e9 == pytest.approx(7.93, abs=0.005)
        assert drawn.shape == (1, 3, 96, 96)

    @pytest.mark.parametrize(
        ("name", "shape"),
        [
            ("face_encoder_blocks.0.0.conv_block.0.weight", (16, 6, 7, 7)),
            ("face_encoder_blocks.2.3.conv_block.0.weight", (64, 64, 3, 3)),
            ("face_encoder_blocks.6.1.conv_block.0.weight", (512, 512, 1, 1)),
            ("audio_encoder.12.conv_block.1.running_mean", (512,)),
            ("face_decoder_blocks.1.0.conv_block.0.weight", (1024, 512, 3, 3)),
            ("face_decoder_blocks.6.0.conv_block.0.weight", (160, 64, 3, 3)),
            ("output_block.0.conv_block.0.weight", (32, 80, 3, 3)),
            ("output_block.1.weight", (3, 32, 1, 1)),
        ],
    )
    def test_names_of_its_weights(self, network, name, shape):
        assert network.state_dict()[name].shape == shape

    def test_faces_do_not_mix_and_sound_matters(self, network):
        mel, faces = torch.randn(2, 1, 80, 16), torch.rand(2, 6, 96, 96)
        both = network(mel, faces)
        torch.testing.assert_close(network(mel[1:], faces[1:]), both[1:])
        assert not torch.equal(network(mel.flip(0), faces), both)


def made_up(network):
    """Weights that fit; each tensor is one number, so the files are small."""
    state = network.state_dict()
    return {
        name: torch.full((), number, dtype=value.dtype).expand(value.shape)
        for number, (name, value) in enumerate(state.items())
    }


def training_checkpoint(state, path):
    content = {"state_dict": {f"module.{k}": v for k, v in state.items()}, "global_step": 3}
    torch.save({**content, "optimizer": None, "global_epoch": 1}, path)


def bare(state, path):
    torch.save(state, path)


def torchscript(state, path):
    network = Wav2LipGenerator().eval()
    network.load_state_dict(state, assign=True)
    network.requires_grad_(False)
    inputs = torch.zeros(1, 1, 80, 16), torch.zeros(1, 6, 96, 96)
    torch.jit.trace(network, inputs, check_trace=False).save(path)


@pytest.mark.parametrize("save", [training_checkpoint, bare, torchscript])
def test_loads_every_form(network, tmp_path, save):
    state = made_up(network)
    save(state, tmp_path / "wav2lip_gan.pth")
    loaded = Wav2LipGenerator()
    loaded.load(tmp_path / "wav2lip_gan.pth")
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())


@pytest.mark.parametrize("change", ["missing", "left over", "of another shape"])
def test_refuses_other_weights_and_changes_nothing(network, tmp_path, change):
    state = made_up(network)
    name = "face_encoder_blocks.0.0.conv_block.0.bias"
    if change == "missing":
        del state[name]
    elif change == "left over":
        state["disc.weight"] = state[name]
    else:
        state[name] = state[name][:8]
    bare(state, tmp_path / "other.pth")
    before = network.output_block[1].weight.clone()
    with pytest.raises(InputError, match=r"other\.pth does not hold .* 1 of its 352 tensors"):
        network.load(tmp_path / "other.pth")
    assert torch.equal(network.output_block[1].weight, before)
