import codecs
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.challenge.api.autonlp_autospeech import load_sibling, read_waves
from autodl_agent.challenge.api.task_folder import find_task, read_meta
from data_format.errors import DataError

ROOT = Path(__file__).resolve().parents[4]


def dump(path: Path, value: object, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(value, protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_pickled_waves(tmp_path: Path, protocol: int, rng: np.random.Generator) -> None:
    waves = [rng.normal(size=n).astype(kind) for n, kind in ((3, "f4"), (5, "f8"), (1, "i2"), (0, "f4"))]
    found = read_waves(dump(tmp_path / "train.pkl", waves, protocol))
    for ours, theirs in zip(found, waves, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def test_pickles_of_numpy_1(tmp_path: Path) -> None:
    """They name numpy.core, which numpy 2 only keeps with a warning."""
    data = pickle.dumps([np.arange(3.0)], 2).replace(b"numpy._core", b"numpy.core")
    (tmp_path / "train.pkl").write_bytes(data)
    np.testing.assert_array_equal(read_waves(tmp_path / "train.pkl")[0], [0, 1, 2])


class Evil:
    def __init__(self, call: object, *values: object) -> None:
        self.call, self.values = call, values

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call, self.values  # type: ignore[return-value]


@pytest.mark.parametrize(
    "call",
    [(os.system, "touch pwned"), (eval, "1"), (np.load, "x"), (codecs.decode, "x", "hex")],
)
def test_other_pickles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: tuple[object, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    file = dump(tmp_path / "train.pkl", [Evil(*call)])
    with pytest.raises(DataError, match=r"train.pkl|arrays only expected"):
        read_waves(file)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("value", "line"),
    [({"a": 1}, "found dict"), ([np.array(["x"])], "entry 0: expected an array of numbers"), ([1.5], "found float")],
)
def test_pickles_of_something_else(tmp_path: Path, value: object, line: str) -> None:
    with pytest.raises(DataError, match=line):
        read_waves(dump(tmp_path / "train.pkl", value))


def test_damaged_files(tmp_path: Path) -> None:
    (tmp_path / "train.pkl").write_bytes(b"\x80\x04nonsense")
    with pytest.raises(DataError, match="expected a list of arrays"):
        read_waves(tmp_path / "train.pkl")
    with pytest.raises(DataError, match="cannot be read"):
        read_waves(tmp_path / "none.pkl")


@pytest.mark.parametrize("kind", ["pkl", "npz"])
def test_autospeech(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "s.data"
    folder.mkdir()
    (folder / "meta.json").write_text(json.dumps({"class_num": 2, "train_num": 2, "test_num": 1}))
    for subset, waves in (("train", [np.arange(3.0), np.arange(2.0)]), ("test", [np.ones(4)])):
        if kind == "pkl":
            dump(folder / f"{subset}.pkl", waves)
        else:
            np.savez(folder / f"{subset}.npz", *waves)
    (folder / "train.solution").write_text("1 0\n0 1\n")
    task = find_task(tmp_path)
    assert (task.api, task.shape, task.time_budget) == ("autospeech", (1, 2), None)
    data = load_sibling(task, 60.0)
    assert data.metadata == {"class_num": 2, "train_num": 2, "test_num": 1, "time_budget": 60}
    assert [len(x) for x in data.x_train + data.x_test] == [3, 2, 4]
    assert data.y_train.tolist() == [[1, 0], [0, 1]]


def test_texts_of_autodl_records() -> None:
    task = find_task(ROOT / "sample_data" / "library_docs", "autonlp")
    data = load_sibling(task, 60.0)
    assert (task.shape, data.metadata["language"]) == ((80, 4), "EN")
    assert len(data.x_train) == data.metadata["train_num"] == 160
    assert all(isinstance(text, str) and text.endswith("\n") and text.count(" ") >= 11 for text in data.x_test)
    assert data.y_train.shape == (160, 4)


def test_sounds_of_autodl_records() -> None:
    data = load_sibling(find_task(ROOT / "sample_data" / "spoken_words", "autospeech"), 60.0)
    assert data.metadata["sample_rate"] == 16_000
    assert all(wave.ndim == 1 and len(wave) > 100 for wave in data.x_train)


def test_pictures_are_no_texts() -> None:
    with pytest.raises(DataError, match="expected texts"):
        load_sibling(find_task(ROOT / "sample_data" / "digits", "autonlp"), 60.0)
    with pytest.raises(DataError, match="found a Encoded record"):
        load_sibling(find_task(ROOT / "sample_data" / "digits", "autospeech"), 60.0)


def test_find_task(nlp: Path) -> None:
    task = find_task(nlp)
    assert (task.name, task.api, task.raw, task.shape, task.time_budget) == ("tiny.docs", "autonlp", True, (6, 2), 30)
    with pytest.raises(DataError, match="its layout is that of the API autonlp, expected autodl"):
        find_task(nlp, "autodl")
    with pytest.raises(DataError, match="expected one of the APIs auto, autodl"):
        find_task(nlp, "automl")
    (nlp / "second.data").mkdir()
    with pytest.raises(DataError, match="found 2 .*second.data"):
        find_task(nlp)
    sample = find_task(ROOT / "sample_data" / "digits")
    assert (sample.api, sample.raw, sample.shape) == ("autodl", False, (100, 10))


@pytest.mark.parametrize(
    ("meta", "line"),
    [
        ("[]", "expected an object"),
        ("{", "cannot be read"),
        ('{"class_num": 0, "train_num": 1, "test_num": 1}', "class_num"),
        ('{"class_num": 2, "train_num": "x", "test_num": 1}', "train_num, found 'x'"),
        ('{"class_num": 2}', "train_num"),
    ],
)
def test_bad_meta(tmp_path: Path, meta: str, line: str) -> None:
    (tmp_path / "meta.json").write_text(meta)
    with pytest.raises(DataError, match=line):
        read_meta(tmp_path)
