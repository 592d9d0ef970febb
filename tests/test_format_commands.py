"""Every example command of docs/data_formats.md runs on data of the form that it stands for."""

import gzip
import re
import shlex
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from autodl_agent.commands.group import cli
from data_format.raw.arrays import dataset

TABLE = re.search(
    r"^\| what you have \|.*?\n\n",
    (Path(__file__).resolve().parent.parent / "docs" / "data_formats.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
assert TABLE
ROWS = {
    what.strip(): re.findall(r"`(autodl [^`]+)`", example)
    for what, example in re.findall(r"^\| (.*?) \| (.*) \|$", TABLE[0], re.MULTILINE)
    if what.strip() != "what you have"
}
NEEDS = {"parquet": "pyarrow", "xlsx": "openpyxl"}


def write(path: str, *lines: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def pictures(folder: str, n: int = 6) -> list[str]:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for i in range(n):
        Image.fromarray(np.full((12, 14, 3), 30 * i, np.uint8)).save(f"{folder}/{i}.png")
    return [f"{folder}/{i}.png" for i in range(n)]


def class_folders() -> None:
    pictures("pets/cat")
    pictures("pets/dog")


def listed() -> None:
    names = [Path(path).name for path in pictures("pets")]
    write("pets/labels.csv", "file,label", *(f"{name},{'ab'[i % 2]}" for i, name in enumerate(names)))


def toolkit() -> None:
    names = [Path(path).name for path in pictures("birds", 8)]
    lines = (f"{name},{i % 2} 0.9 2 0.1,{'test' if i > 5 else 'train'}" for i, name in enumerate(names))
    write("birds/labels.csv", "FileName,LabelConfidencePairs,subset", *lines)


def tables() -> None:
    write("adult.csv", "age;job;class", *(f"{20 + i};{'xy'[i % 2]};{'no' if i % 3 else 'yes'}" for i in range(30)))
    head = ["@relation people", "@attribute a numeric", "@attribute class {p,q}", "@data"]
    write("people.arff", *head, *(f"{i},{'pq'[i % 2]}" for i in range(30)))


def parquet() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": list(range(30)), "label": list("xy" * 15)}), "adult.parquet")


def texts() -> None:
    said = [f"what was said on day {i} of a {'good' if i % 2 else 'bad'} week" for i in range(30)]
    write("reviews.csv", "text,label", *(f"{text},{'np'[i % 2]}" for i, text in enumerate(said)))
    write("reviews.jsonl", *(f'{{"text": "{text}", "label": "{"np"[i % 2]}"}}' for i, text in enumerate(said)))


def packed() -> None:
    class_folders()
    tables()
    shutil.make_archive("pets", "zip", ".", "pets")
    shutil.make_archive("pets", "gztar", ".", "pets")
    Path("adult.csv.gz").write_bytes(gzip.compress(Path("adult.csv").read_bytes()))


def matrix() -> None:
    for part, n in (("train", 20), ("test", 6)):
        write(f"iris/iris_{part}.data", *(f"{i} {i % 2} 0.5" for i in range(n)))
        write(f"iris/iris_{part}.solution", *("1 0" if i % 2 else "0 1" for i in range(n)))


def autonlp() -> None:
    write("O1/O1.data/meta.json", '{"class_num": 2, "train_num": 20, "test_num": 4, "language": "EN"}')
    write("O1/O1.data/train.data", *(f"some words about {i % 2} and {i}" for i in range(20)))
    write("O1/O1.data/test.data", *(f"some words about {i % 2}" for i in range(4)))
    write("O1/O1.data/train.solution", *("1 0" if i % 2 else "0 1" for i in range(20)))


MAKERS: dict[str, Callable[[], object]] = {
    "class folders": class_folders,
    "files and a list of labels": listed,
    "the challenge toolkit's list": toolkit,
    "a table: CSV, TSV, JSON lines, ARFF": tables,
    "Parquet, Excel": parquet,
    "texts": texts,
    "an archive of any of these": packed,
    "matrix format (AutoML)": matrix,
    "AutoNLP format": autonlp,
    "inputs without labels": lambda: pictures("photos"),
}


def commands_of(what: str) -> list[str]:
    """The commands of a row; short forms such as `pets.tar.gz` after a full one are that command on another file."""
    line = next(line for line in TABLE[0].splitlines() if line.startswith(f"| {what} |"))
    more = re.findall(r"`([^` ]+\.(?:gz|zip|tar))`", line)
    return ROWS[what] + [f"autodl inspect {name}" for name in more]


@pytest.mark.parametrize("what", MAKERS)
def test_the_example_commands_run(what, tmp_path, monkeypatch):
    if what.startswith("Parquet") and find_spec("pyarrow") is None:
        pytest.skip("PyArrow is not installed")
    monkeypatch.chdir(tmp_path)
    MAKERS[what]()
    commands = commands_of(what)
    assert commands
    for line in commands:
        done = CliRunner().invoke(cli, shlex.split(line)[1:])
        assert done.exit_code == 0, (line, done.output, done.exception)
        assert "training" in done.output and (" convert " not in line or any(Path("OUT").rglob("*.tfrecord"))), line


def test_no_format_of_the_list_goes_untested():
    assert set(ROWS) - {"arrays and data frames"} == set(MAKERS)
    assert callable(dataset.dataset_from_arrays)
