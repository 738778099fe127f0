"""The audio encoder has the public network's shapes, and takes its weights in every form."""

import pickle
import zipfile

import pytest
import torch

from avfuse import AudioEncoder, InputError

# Output channels, height and width behind each of the 13 layers.
SHAPES = [
    *[(32, 80, 16)] * 3,
    *[(64, 27, 16)] * 3,
    *[(128, 9, 6)] * 3,
    *[(256, 3, 3)] * 2,
    *[(512, 1, 1)] * 2,
]


class TestNetwork:
    def test_parameters(self):
        assert sum(p.numel() for p in AudioEncoder().parameters()) == 2_812_672

    def test_output(self):
        encoder = AudioEncoder().eval()
        feature = encoder(torch.randn(3, 80, 16))
        assert feature.shape == (3, encoder.dim) == (3, 512)
        assert feature.min() >= 0
        assert feature.max() > 0

    def test_layer_shapes(self):
        y, shapes = torch.randn(2, 1, 80, 16), []
        for layer in AudioEncoder().layers:
            y = layer(y)
            shapes.append(tuple(y.shape[1:]))
        assert shapes == SHAPES

    @pytest.mark.parametrize("steps", [16, 17, 18, 19, 24, 25, 28, 40, 52])
    def test_published_width_holds_for_longer_windows(self, steps):
        encoder = AudioEncoder(steps, width=2).eval()
        assert encoder(torch.randn(2, 80, steps)).shape == (2, encoder.dim)

    def test_windows_do_not_mix(self):
        encoder = AudioEncoder(width=4).eval()
        mel = torch.randn(5, 80, 16)
        order = torch.tensor([3, 0, 4, 1, 2])
        torch.testing.assert_close(encoder(mel)[order], encoder(mel[order]))

    @pytest.mark.parametrize(("steps", "width"), [(15, 32), (0, 32), (16, 0), (16, -1)])
    def test_sizes_that_make_no_network(self, steps, width):
        with pytest.raises(ValueError, match=r"expected steps >= 16 and width >= 1"):
            AudioEncoder(steps, width)

    def test_windows_are_positions_of_one_network(self):
        encoder, one = AudioEncoder(22, 4, windows=3).eval(), AudioEncoder(16, 4).eval()
        one.load_state_dict(encoder.state_dict())
        mel = torch.randn(2, 80, 22)
        found = encoder(mel).unflatten(1, (-1, encoder.positions))
        assert encoder.positions == 3
        for place, at in enumerate((0, 3, 6)):
            torch.testing.assert_close(found[..., place], one(mel[..., at : at + 16]))

    @pytest.mark.parametrize(
        ("steps", "windows"), [(22, 0), (22, 1), (22, 5), (16, 2), (17, 3), (22, -1)]
    )
    def test_windows_that_do_not_spread(self, steps, windows):
        with pytest.raises(ValueError, match=rf"windows={windows} .* over {steps} steps; expected"):
            AudioEncoder(steps, 2, windows)

    def test_one_window_of_sixteen_is_the_whole(self):
        assert AudioEncoder(16, 2, windows=1).begins == AudioEncoder(16, 2).begins == (0,)

    def test_wrong_window(self):
        with pytest.raises(ValueError, match=r"\(2, 80, 12\); expected \(N, 80, 16\)"):
            AudioEncoder(width=2)(torch.randn(2, 80, 12))


def public_state(encoder, prefix=""):
    """The encoder's weights under the names of the public checkpoints, amid other networks'."""
    own = {f"{prefix}audio_encoder.{k}": v for k, v in encoder.layers.state_dict().items()}
    return {f"{prefix}face_encoder_blocks.0.0.conv_block.0.weight": torch.zeros(1), **own}


class Public(torch.nn.Module):
    """A network whose state has the public names, to be scripted."""

    def __init__(self, encoder):
        super().__init__()
        self.audio_encoder = encoder.layers

    def forward(self, x):
        return self.audio_encoder(x)


def save_training_checkpoint(encoder, path, prefix=""):
    optimizer = torch.optim.Adam(encoder.parameters()).state_dict()
    state = public_state(encoder, prefix)
    checkpoint = {
        "state_dict": state,
        "optimizer": optimizer,
        "global_step": 3,
        "global_epoch": 1,
    }
    torch.save(checkpoint, path)


def save_bare(encoder, path):
    torch.save(public_state(encoder), path)


def save_old_format(encoder, path):
    torch.save(public_state(encoder), path, _use_new_zipfile_serialization=False)


def save_prefixed(encoder, path):
    save_training_checkpoint(encoder, path, "module.")


def save_torchscript(encoder, path):
    torch.jit.trace(Public(encoder), torch.zeros(1, 1, 80, 16)).save(path)


FORMS = [save_training_checkpoint, save_prefixed, save_bare, save_old_format, save_torchscript]


# TorchScript is deprecated, but that is what some downloads are.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*looks like a TorchScript archive:UserWarning"),
]


class TestLoad:
    @pytest.mark.parametrize("save", FORMS)
    def test_every_form(self, tmp_path, save):
        theirs, ours = AudioEncoder().eval(), AudioEncoder().eval()
        save(theirs, tmp_path / "wav2lip.pth")
        ours.load_wav2lip(tmp_path / "wav2lip.pth")
        mel = torch.randn(2, 80, 16)
        assert torch.equal(ours(mel), theirs(mel))

    def test_longer_windows_take_the_same_weights(self, tmp_path):
        save_bare(AudioEncoder(), tmp_path / "wav2lip.pth")
        AudioEncoder(steps=52).load_wav2lip(str(tmp_path / "wav2lip.pth"))


class Bomb:
    """Unpickling it runs code: the file it touches must never exist."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return open, (self.mark, "w")


def bare_pickle(value, path):
    path.write_bytes(pickle.dumps(value, protocol=2))


def zip_without_weights(value, path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(value, protocol=2))
        archive.writestr("archive/version", "3")


class TestRefusals:
    @pytest.mark.parametrize("write", [torch.save, bare_pickle, zip_without_weights])
    @pytest.mark.parametrize("wrap", [lambda b: b, lambda b: {"state_dict": {"a": b}}])
    def test_code_is_never_run(self, tmp_path, write, wrap):
        mark = tmp_path / "ran"
        write(wrap(Bomb(mark)), tmp_path / "evil.pth")
        with pytest.raises(
            InputError, match="neither a checkpoint of plain tensors nor TorchScript"
        ):
            AudioEncoder(width=2).load_wav2lip(tmp_path / "evil.pth")
        assert not mark.exists()

    def test_says_it_in_one_line(self, tmp_path):
        # torch's own message is a page, and advises to unpickle after all.
        torch.save(Bomb(tmp_path / "ran"), tmp_path / "evil.pth")
        with pytest.raises(InputError) as error:
            AudioEncoder(width=2).load_wav2lip(tmp_path / "evil.pth")
        assert "\n" not in str(error.value)

    def test_the_bomb_would_have_gone_off(self, tmp_path):
        mark = tmp_path / "ran"
        pickle.loads(pickle.dumps(Bomb(mark))).close()
        assert mark.exists()

    @pytest.mark.parametrize("content", [b"", b"no weights", b"\x00" * 1000])
    def test_not_a_checkpoint(self, tmp_path, content):
        (tmp_path / "a.pth").write_bytes(content)
        with pytest.raises(
            InputError, match=r"a\.pth is neither a checkpoint of plain tensors nor TorchScript"
        ):
            AudioEncoder(width=2).load_wav2lip(tmp_path / "a.pth")

    def test_truncated(self, tmp_path):
        save_bare(AudioEncoder(), tmp_path / "a.pth")
        (tmp_path / "b.pth").write_bytes((tmp_path / "a.pth").read_bytes()[:100_000])
        with pytest.raises(
            InputError, match=r"b\.pth is neither a checkpoint of plain tensors nor TorchScript"
        ):
            AudioEncoder().load_wav2lip(tmp_path / "b.pth")

    def test_missing(self, tmp_path):
        with pytest.raises(InputError, match=r"nowhere\.pth does not exist"):
            AudioEncoder(width=2).load_wav2lip(tmp_path / "nowhere.pth")

    @pytest.mark.parametrize(
        "value",
        [[1, 2], {}, {"weight": torch.ones(2)}, {"state_dict": torch.ones(2)}, {3: torch.ones(2)}],
    )
    def test_somebody_elses_weights(self, tmp_path, value):
        torch.save(value, tmp_path / "a.pth")
        with pytest.raises(InputError, match=r"has no keys audio_encoder\.N\.conv_block"):
            AudioEncoder(width=2).load_wav2lip(tmp_path / "a.pth")

    def test_another_width(self, tmp_path):
        save_bare(AudioEncoder(), tmp_path / "a.pth")
        with pytest.raises(InputError, match=r"Wav2Lip's needs AudioEncoder\(width=32\)"):
            AudioEncoder(width=16).load_wav2lip(tmp_path / "a.pth")

    def test_the_experts_longer_encoder(self, tmp_path):
        state = public_state(AudioEncoder())
        state["audio_encoder.13.conv_block.0.weight"] = torch.zeros(512, 512, 1, 1)
        torch.save(state, tmp_path / "a.pth")
        with pytest.raises(InputError, match="do not fit this encoder"):
            AudioEncoder().load_wav2lip(tmp_path / "a.pth")

    def test_nothing_is_changed_by_a_refusal(self, tmp_path):
        encoder = AudioEncoder(width=16)
        before = {k: v.clone() for k, v in encoder.state_dict().items()}
        save_bare(AudioEncoder(), tmp_path / "a.pth")
        with pytest.raises(InputError, match="do not fit"):
            encoder.load_wav2lip(tmp_path / "a.pth")
        assert all(torch.equal(v, before[k]) for k, v in encoder.state_dict().items())
