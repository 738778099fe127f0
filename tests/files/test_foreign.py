"""Files that users bring are read, not run."""

import pickle

import pytest
import torch
from torch import nn

from avfuse.errors import InputError
from avfuse.files.foreign import load_into, read_state


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return print, ("code from a file was run",)


def test_round_trip(tmp_path):
    one, other = nn.Linear(2, 3), nn.Linear(2, 3)
    torch.save(one.state_dict(), tmp_path / "file")
    load_into(other, tmp_path / "file", "a layer")
    assert torch.equal(one.weight, other.weight)


def test_files_of_old_torch_are_read(tmp_path):
    """What is passed around is years old, and no zip archive."""
    state = nn.Linear(2, 3).state_dict()
    torch.save(state, tmp_path / "file", _use_new_zipfile_serialization=False)
    assert set(read_state(tmp_path / "file")) == set(state)


def test_nothing_is_run(tmp_path, capsys):
    (tmp_path / "file").write_bytes(pickle.dumps({"weight": Trap()}))
    with pytest.raises(InputError, match="no file of plain tensors"):
        read_state(tmp_path / "file")
    torch.save({"weight": Trap()}, tmp_path / "file")
    with pytest.raises(InputError, match="no file of plain tensors"):
        read_state(tmp_path / "file")
    assert "run" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [{"epoch": 3}, [torch.zeros(1)]])
def test_what_is_no_state_dict(tmp_path, content):
    torch.save(content, tmp_path / "file")
    with pytest.raises(InputError, match="no state dict"):
        read_state(tmp_path / "file")


def test_weights_of_something_else(tmp_path):
    torch.save(nn.Linear(2, 4).state_dict(), tmp_path / "file")
    with pytest.raises(InputError, match="does not hold the weights of a layer"):
        load_into(nn.Linear(2, 3), tmp_path / "file", "a layer")
    with pytest.raises(InputError, match="does not exist"):
        load_into(nn.Linear(2, 3), tmp_path / "missing", "a layer")
