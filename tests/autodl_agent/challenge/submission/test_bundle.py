import subprocess
import sys
import zipfile

import numpy as np
import pytest

from autodl_agent.challenge.submission.bundle import write_bundle
from autodl_agent.learners.testing.contract import memory_dataset
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.errors import UsageError
from data_format import open_dataset
from data_format.autodl.metadata import read_metadata
from data_format.autodl.tensors import tensor
from data_format.autodl.writer import write_dataset

# What we install and the challenge's machines do not have.
ABSENT = (
    *("google_crc32c", "cv2", "PIL", "av", "soundfile", "click", "rich", "matplotlib", "jinja2", "markupsafe"),
    *("librosa", "tensorflow_hub"),
)
# A few of those that the scoring program in the zip needs.
TEMPLATES = (
    ("challenge/live_scoring", "task.html.j2"),
    ("runs/report", "report.html.j2"),
    ("runs/report", "report.css"),
    ("runs/report", "report.js"),
)
PLAY = """
import sys
from pathlib import Path
sys.modules.update(dict.fromkeys({absent!r}))
sys.path = [p for p in sys.path if "editable" not in p]
sys.meta_path = [m for m in sys.meta_path if "editable" not in repr(m).lower()]
sys.path.insert(0, "submission")
import numpy as np
from model import Model
from data_format.autodl.metadata import read_metadata

class Metadata:
    metadata_ = read_metadata(Path({folder!r}))
    get_dataset_name = lambda self: {folder!r}
    size = lambda self: self.metadata_.sample_count
    get_output_size = lambda self: self.metadata_.output_dim
    get_tensor_shape = lambda self, bundle_index=0: self.metadata_.shape
    get_label_to_index_map = lambda self: self.metadata_.label_to_index_map
    get_channel_to_index_map = lambda self: self.metadata_.channel_to_index_map

pairs = np.load("pairs.npz", allow_pickle=False)
train = list(zip(pairs["train"], pairs["labels"]))
test = [(example, np.zeros(pairs["labels"].shape[1], np.float32)) for example in pairs["test"]]
model, k = Model(Metadata()), 0
while not model.done_training and k < 3:
    model.train(train, remaining_time_budget=8.0)
    np.save(f"prediction_{{k}}.npy", model.test(test, remaining_time_budget=8.0))
    k += 1
print([name for name in {absent!r} if sys.modules.get(name)])
"""


def test_the_zip_is_a_submission_that_imports_without_our_package(tmp_path):
    size = write_bundle(tmp_path / "out.zip")
    assert size < 5 << 20
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "un zipped")
        text = b"".join(archive.read(name) for name in names)
    assert "model.py" in names and "data_format/autodl/autodl.binpb" in names
    assert {f"autodl_agent/{part}/templates/{file}" for part, file in TEMPLATES} <= set(names)
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


@pytest.mark.parametrize("domain", ["image", "tabular"])
def test_it_learns_where_only_the_challenge_s_libraries_are(tmp_path, domain):
    """Pictures come from the object handed over, there being no decoder; tables from the files behind it."""
    dataset, truth = memory_dataset(domain, n_train=60, n_test=24)
    write_dataset(dataset, tmp_path / "data")
    folder = next((tmp_path / "data").rglob("train"))
    found, description = open_dataset(folder.parent), read_metadata(folder)
    train, test = (
        [tensor(split.source.example(i), description) for i in range(len(split))] for split in (found.train, found.test)
    )
    np.savez(tmp_path / "pairs.npz", train=np.stack(train), test=np.stack(test), labels=found.train.labels)
    write_bundle(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        archive.extractall(tmp_path / "submission")
    code = PLAY.format(absent=ABSENT, folder=str(folder))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Traceback" not in done.stderr
    predictions = [np.load(path) for path in sorted(tmp_path.glob("prediction_*.npy"))]
    assert all(p.shape == truth.shape for p in predictions)
    assert nauc(truth, predictions[-1]) > 0.8


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
    monkeypatch.setattr("autodl_agent.challenge.submission.bundle.MOST_BYTES", 10)
    with pytest.raises(UsageError, match="fewer weights"):
        write_bundle(tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
