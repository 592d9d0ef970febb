"""The door: AutoDL layout or raw, and clear lines for what is neither."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import data_format
from data_format.autodl.metadata import MatrixSpec, Metadata, format_metadata
from data_format.autodl.sequence_example import encode_record
from data_format.autodl.tfrecord import write_records
from data_format.errors import DataError
from data_format.examples import Dense
from data_format.open import open_dataset


def autodl(root: Path) -> Path:
    for subset in ("train", "test"):
        folder = root / f"{root.name}.data" / subset
        folder.mkdir(parents=True)
        (folder / "metadata.textproto").write_text(format_metadata(Metadata(1, 2, (MatrixSpec(1, 1),))))
        write_records(folder / "sample", [encode_record(Dense(np.zeros((1, 1, 1, 1), np.float32)), (1,), None, 0)])
    return root


def test_autodl_layout(tmp_path: Path) -> None:
    root = autodl(tmp_path / "set [1]")
    assert open_dataset(root).train.labels.tolist() == [[0, 1]]
    assert open_dataset(str(root / "set [1].data")).name == "set [1]"


def test_raw_layout(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i % 3},{'yes' if i % 2 else 'no'}\n" for i in range(20))
    (tmp_path / "train.csv").write_text("a,b,label\n" + rows)
    (tmp_path / "test.csv").write_text("a,b,label\n" + rows)
    dataset = open_dataset(tmp_path)
    assert dataset.domain is not None
    assert dataset.domain[0] == "tabular"
    assert (len(dataset.train), len(dataset.test)) == (20, 20)


def test_what_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: expected a data set, found nothing there"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match="found an empty folder"):
        open_dataset(tmp_path)
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match="noise"):
        open_dataset(tmp_path / "noise")


def test_importing_the_package_loads_nothing() -> None:
    script = (
        "import sys, data_format; print([m for m in sys.modules if m.startswith(('numpy', 'data_format.', 'google'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_of_the_package() -> None:
    assert data_format.open_dataset is open_dataset
    assert dir(data_format) == data_format.__all__
    with pytest.raises(AttributeError, match="'nonsense'"):
        data_format.nonsense  # noqa: B018
