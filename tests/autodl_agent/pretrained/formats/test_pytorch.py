import pickle
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.pretrained.formats.pytorch import TorchFileError, read_tensors

A = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.arange(4, dtype=np.int64)


@pytest.mark.parametrize("form", ["torch_stream", "torch_zip"])
def test_both_forms_are_read(form, request, tmp_path, torch_tensor):
    turned = torch_tensor(A, "2", shape=(3, 2), strides=(1, 3))
    turned = torch_tensor(A, "2", shape=(3, 2), strides=(1, 3))
    state = {"model": {"a": torch_tensor(A, "0"), "turned": turned}, "b": torch_tensor(B, "1"), "epoch": 3}
    found = read_tensors(request.getfixturevalue(form)(tmp_path / "model.pth", state))
    assert set(found) == {"model.a", "model.turned", "b"}
    assert np.array_equal(found["model.a"], A) and found["b"].dtype == np.int64
    assert np.array_equal(found["model.turned"], A.T)


@pytest.mark.parametrize(
    "lie",
    [{"shape": (3, 3), "strides": (3, 1)}, {"offset": 1}, {"offset": -1}, {"strides": (-3, 1)}, {"strides": (1,)}],
)
def test_a_tensor_outside_its_storage_is_refused(lie, tmp_path, torch_tensor, torch_zip):
    path = torch_zip(tmp_path / "model.pth", {"a": torch_tensor(A, "0", **lie)})
    with pytest.raises(TorchFileError, match="tensor a"):
        read_tensors(path)


class Evil:
    """Pickles as a call that leaves a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("form", ["torch_stream", "torch_zip"])
def test_code_in_the_file_is_not_run(form, request, tmp_path):
    trace = tmp_path / "trace"
    path = request.getfixturevalue(form)(tmp_path / "model.pth", {"a": Evil(trace)})
    with pytest.raises(TorchFileError, match="not allowed"):
        read_tensors(path)
    assert not trace.exists()


def test_unknown_storages_are_refused(tmp_path, torch_zip, torch_tensor):
    path = torch_zip(tmp_path / "model.pth", {"a": torch_tensor(np.array([b"x", b"y"]), "0")})
    with pytest.raises(TorchFileError, match=r"torch\.StringStorage"):
        read_tensors(path)


def test_other_files_and_short_ones_are_refused(tmp_path, torch_stream, torch_tensor):
    path = tmp_path / "model.pth"
    for blob in (b"", b"hello", pickle.dumps(7), pickle.dumps({"a": 1})):
        path.write_bytes(blob)
        with pytest.raises(TorchFileError, match=r"model\.pth"):
            read_tensors(path)
    whole = torch_stream(path, {"a": torch_tensor(A, "0")}).read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(TorchFileError, match="24 bytes expected, found 19"):
        read_tensors(path)
    torch_stream(path, {"a": torch_tensor(A, "0")}, magic=5)
    with pytest.raises(TorchFileError, match="magic"):
        read_tensors(path)
