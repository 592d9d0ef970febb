"""Which folder a run is about, and through which API."""

import json
from pathlib import Path
from typing import Any

import pytest

from autodl_agent.challenge.api.task_folder import find_task, is_raw, read_meta
from data_format.errors import DataError

META = {"class_num": 3, "train_num": 5, "test_num": 2}


def raw(folder: Path, meta: Any = META, *files: str) -> Path:
    data = folder / "my.set.data"
    data.mkdir(parents=True)
    (data / "meta.json").write_text(meta if isinstance(meta, str) else json.dumps(meta), encoding="utf-8")
    for file in files:
        (data / file).touch()
    return data


@pytest.mark.parametrize(
    ("file", "api"), [("train.data", "autonlp"), ("train.pkl", "autospeech"), ("train.npz", "autospeech")]
)
@pytest.mark.parametrize("asked", ["auto", "own"])
def test_a_raw_folder_belongs_to_one_api(tmp_path: Path, file: str, api: str, asked: str) -> None:
    folder = raw(tmp_path, META, file)
    found = find_task(tmp_path, "auto" if asked == "auto" else api)
    assert (found.name, found.folder, found.api, found.raw) == ("my.set", folder, api, True)
    assert found.shape == (2, 3) and found.time_budget is None


@pytest.mark.parametrize(("written", "seconds"), [(30, 30.0), ("12.5", 12.5), (0, None), (None, None), ("", None)])
def test_a_budget_of_its_own(tmp_path: Path, written: Any, seconds: float | None) -> None:
    raw(tmp_path, META | {"time_budget": written}, "train.data")
    assert find_task(tmp_path).time_budget == seconds


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        ("{", "cannot be read"),
        ("[1]", "expected an object, found list"),
        ({}, "expected a whole number as class_num, found None"),
        (META | {"test_num": "many"}, "expected a whole number as test_num, found 'many'"),
        (META | {"train_num": None}, "expected a whole number as train_num, found None"),
        (META | {"class_num": 0}, "expected class_num of 1 or more, found 0"),
        (META | {"test_num": -1}, "expected test_num of 0 or more, found -1"),
        (META | {"time_budget": "soon"}, "expected seconds as time_budget, found 'soon'"),
    ],
)
def test_a_wrong_description_is_named(tmp_path: Path, meta: Any, says: str) -> None:
    raw(tmp_path, meta, "train.data")
    with pytest.raises(DataError, match=f"meta.json: {says}"):
        find_task(tmp_path)


def test_counts_may_be_written_as_texts_and_behind_a_mark(tmp_path: Path) -> None:
    folder = raw(tmp_path, "\ufeff" + json.dumps({key: str(value) for key, value in META.items()} | {"more": 1}))
    assert read_meta(folder) == META | {"more": 1}


@pytest.mark.parametrize(
    ("make", "api", "says"),
    [
        (lambda root: None, "auto", r"expected exactly one entry \*\.data, found 0 \(none\)"),
        (lambda root: [(root / name).mkdir() for name in ("a.data", "b.data")], "auto", r"found 2 \(a.data, b.data\)"),
        (lambda root: (root / "a.data").mkdir(), "auto", "found neither"),
        (lambda root: raw(root), "auto", "expected train.data, train.pkl or train.npz beside meta.json, found none"),
        (lambda root: raw(root, META, "train.data"), "autospeech", "that of the API autonlp, expected autospeech"),
        (lambda root: raw(root, META, "train.data"), "autodl", "that of the API autonlp, expected autodl"),
        (lambda root: raw(root, META, "train.data"), "autocv", "expected one of the APIs auto, autodl"),
    ],
)
def test_what_cannot_be_presented_is_said(tmp_path: Path, make: Any, api: str, says: str) -> None:
    make(tmp_path)
    with pytest.raises(DataError, match=says):
        find_task(tmp_path, api)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: cannot be read"):
        find_task(tmp_path / "none")
    assert not is_raw(tmp_path / "none")
