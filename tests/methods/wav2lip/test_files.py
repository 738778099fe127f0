"""The files that people have, through the verbs that take any model."""

import pickle
from pathlib import Path

import pytest
import torch

import avfuse
from avfuse import InputError
from avfuse.cli import main
from avfuse.methods.wav2lip.generator import Wav2Lip
from avfuse.model_file import export, load

# Saving TorchScript is deprecated, but that is what some downloads are.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*looks like a TorchScript archive:UserWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning"),
]


def made_up(weights):
    """Weights that fit; each tensor is one number, so the files are small."""
    return {
        name: torch.full((), number, dtype=value.dtype).expand(value.shape)
        for number, (name, value) in enumerate(weights.items())
    }


def of_a_training(state, path):
    content = {"state_dict": state, "optimizer": None, "global_step": 3, "global_epoch": 1}
    torch.save(content, path)


def of_several_gpus(state, path):
    of_a_training({f"module.{name}": value for name, value in state.items()}, path)


def bare(state, path):
    torch.save(state, path)


class Holder(torch.nn.Module):
    """Holds tensors by their names, whatever the network."""

    def forward(self, x):
        return x


def torchscript(state, path):
    root = Holder()
    for name, value in state.items():
        *parts, last = name.split(".")
        holder = root
        for part in parts:
            if not hasattr(holder, part):
                holder.add_module(part, Holder())
            holder = getattr(holder, part)
        holder.register_buffer(last, value)
    torch.jit.trace(root, torch.zeros(1), check_trace=False).save(path)


@pytest.mark.parametrize("save", [of_a_training, of_several_gpus, bare, torchscript])
def test_every_form(weights, tmp_path, save):
    state = made_up(weights)
    save(state, tmp_path / "wav2lip_gan.pth")
    loaded = avfuse.load(tmp_path / "wav2lip_gan.pth")
    assert isinstance(loaded, Wav2Lip)
    assert not loaded.training
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())


def test_exported_to_a_model_file(weights, tmp_path, capsys):
    source, target = tmp_path / "wav2lip_gan.pth", tmp_path / "wav2lip.safetensors"
    of_a_training(weights, source)
    assert main(["export", str(source), str(target), "--credit", "LRS2, research only"]) == 0
    loaded = load(target)
    assert isinstance(loaded, Wav2Lip)
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=1e-3, atol=1e-5)
    assert target.stat().st_size < 0.51 * source.stat().st_size  # matrices in 16 bits


def test_a_fork_of_another_size(weights, tmp_path):
    state = {**made_up(weights), "face_encoder_blocks.7.0.conv_block.0.weight": torch.zeros(1)}
    bare(state, tmp_path / "hq.pth")
    for use in (load, lambda path: export(path, tmp_path / "out.safetensors")):
        with pytest.raises(InputError, match=r"hq\.pth does not hold .* of 96 pixels: 1 of") as e:
            use(tmp_path / "hq.pth")
        assert "\n" not in str(e.value)


def test_the_lip_sync_expert(tmp_path):
    names = "face_encoder.0.conv_block.0.weight", "audio_encoder.0.conv_block.0.weight"
    of_a_training(dict.fromkeys(names, torch.zeros(2)), tmp_path / "lipsync_expert.pth")
    with pytest.raises(InputError, match=r"lipsync_expert\.pth holds .* expert, not its generator"):
        load(tmp_path / "lipsync_expert.pth")


def test_no_code_of_a_file_is_run(weights, tmp_path):
    mark = tmp_path / "mark"

    class Mine:
        def __reduce__(self):
            return Path.touch, (mark,)

    path = tmp_path / "wav2lip.pth"
    content = {"state_dict": made_up(weights), "optimizer": Mine()}
    for write in (torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))):
        write(content, path)
        with pytest.raises(InputError, match="is not a model file"):
            load(path)
    assert not mark.exists()
