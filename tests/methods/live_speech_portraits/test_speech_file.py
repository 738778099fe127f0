"""A representation as a file of its own, and a training that begins with it."""

import pytest
import torch

from avfuse.errors import InputError
from avfuse.methods.live_speech_portraits import speech_file
from avfuse.methods.live_speech_portraits.speech import read_representation
from avfuse.methods.live_speech_portraits.training import MouthTraining
from avfuse.model_file import save


@pytest.fixture
def file(tiny, tmp_path):
    method = tiny()
    method.trained = ("speech",)
    save(method, tmp_path / "model.safetensors")
    words = [str(tmp_path / "model.safetensors"), str(tmp_path / "speech.safetensors")]
    assert speech_file.main([*words, "--credit=nobody"]) == 0
    return tmp_path / "speech.safetensors", method


def test_is_what_it_was(file):
    path, method = file
    mel = torch.randn(1, 9, 80)
    read = read_representation(str(path), 8)
    torch.testing.assert_close(read(mel)[0], method.speech(mel)[0], rtol=1e-2, atol=1e-3)


def test_stands_for_the_first_stage(file, plan):
    path, method = file
    training = MouthTraining(representation=str(path), **plan)
    weights = training.method.speech.gru.weight_hh_l0
    torch.testing.assert_close(weights, method.speech.gru.weight_hh_l0, rtol=1e-3, atol=1e-4)
    assert training.trained_method().trained == ("speech", "mouth")
    assert weights.requires_grad  # as any other weight; the stage does not train it


def test_of_another_width_is_refused(file):
    with pytest.raises(InputError, match=r"of width 8, here 16; give model.speech_width=8"):
        read_representation(str(file[0]), 16)


def test_what_was_not_trained_is_refused(tiny, tmp_path, capsys):
    save(tiny(), tmp_path / "model.safetensors")
    words = [str(tmp_path / "model.safetensors"), str(tmp_path / "speech.safetensors")]
    assert speech_file.main(words) == 2
    assert "no speech representation was trained in it" in capsys.readouterr().err
