import subprocess
import sys
import zipfile

import pytest

from autodl_agent.challenge.bundle import write_bundle
from autodl_agent.errors import UsageError


def test_the_zip_is_a_submission_that_imports_without_our_package(tmp_path):
    size = write_bundle(tmp_path / "out.zip")
    assert size < 5 << 20
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "un zipped")
        text = b"".join(archive.read(name) for name in names)
    assert "model.py" in names and "data_format/autodl.binpb" in names
    assert not any("__pycache__" in name for name in names)
    assert str(tmp_path).encode() not in text and b"/work/" not in text
    code = (
        "import sys; sys.path = [p for p in sys.path if 'editable' not in p]; sys.meta_path = [m for m in sys.meta_path"
        " if 'editable' not in repr(m).lower()]; sys.path.insert(0, '.'); import model, autodl_agent;"
        "print(autodl_agent.__file__); print(model.Model.__mro__[0].__module__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "un zipped", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(str(tmp_path))


def test_the_same_sources_give_the_same_zip(tmp_path):
    write_bundle(tmp_path / "a.zip")
    write_bundle(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_weights_come_along(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"123")
    write_bundle(tmp_path / "a.zip", {"net.bin": tmp_path / "w.bin"})
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.read("weights/net.bin") == b"123"


def test_a_folder_is_no_file_name(tmp_path):
    with pytest.raises(UsageError, match=r"submission\.zip"):
        write_bundle(tmp_path)


def test_too_large_for_the_platform(tmp_path, monkeypatch):
    monkeypatch.setattr("autodl_agent.challenge.bundle.MOST_BYTES", 10)
    with pytest.raises(UsageError, match="fewer weights"):
        write_bundle(tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
