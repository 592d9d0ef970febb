"""The five sample sets: present, readable, of the right shape, and what their script makes."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from data_format import open_dataset
from data_format.examples import Dense, Encoded

ROOT = Path(__file__).resolve().parents[2] / "sample_data"
SETS = {
    "digits": ((1, 32, 32, 3), 240, 100, 10, Encoded),
    "moving_digits": ((-1, 32, 32, 1), 160, 80, 4, Encoded),
    "spoken_words": ((-1, 1, 1, 1), 120, 40, 4, Dense),
    "library_docs": ((-1, 1, 1, 1), 160, 80, 4, Dense),
    "wine": ((1, 1, 11, 1), 120, 58, 5, Dense),
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_sample_data", ROOT / "make_sample_data.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SETS)
def test_opens_with_the_right_shape(name: str) -> None:
    shape, n_train, n_test, n_classes, kind = SETS[name]
    dataset = open_dataset(ROOT / name)
    assert dataset.shape == shape
    assert (len(dataset.train), len(dataset.test), len(dataset.class_names)) == (n_train, n_test, n_classes)
    assert bool(dataset.vocabulary) is (name == "library_docs")
    assert isinstance(dataset.train.source.example(0), kind)
    assert isinstance(dataset.test.source.example(n_test - 1), kind)
    assert dataset.problems == []


@pytest.mark.parametrize("name", SETS)
def test_every_class_can_be_learned_and_scored(name: str) -> None:
    dataset = open_dataset(ROOT / name)
    truth = dataset.truth()
    assert truth is not None and truth.shape == (SETS[name][2], SETS[name][3])
    assert not dataset.test.labels.any()
    for labels in (dataset.train.labels, truth):
        assert ((labels > 0).sum(axis=0) >= 8).all() and ((labels == 0).sum(axis=0) >= 8).all()
        assert (labels.sum(axis=1) == 1).all() == (name != "wine")


def test_ids_count_test_rows_first() -> None:
    dataset = open_dataset(ROOT / "wine")
    assert list(dataset.test.ids) == [str(i) for i in range(58)]
    assert list(dataset.train.ids) == [str(i) for i in range(58, 178)]


def test_tokens_are_words_of_the_vocabulary() -> None:
    dataset = open_dataset(ROOT / "library_docs")
    example = dataset.train.source.example(0)
    assert isinstance(example, Dense)
    words = [dataset.vocabulary[int(token)] for token in example.array.ravel()]
    assert 12 <= len(words) <= 60 and "<unk>" not in words
    assert dataset.vocabulary[0] == "<unk>"


def test_a_table_has_gaps_and_a_sound_is_in_the_range_of_16_bits() -> None:
    wine, words = open_dataset(ROOT / "wine"), open_dataset(ROOT / "spoken_words")
    cells = np.stack([e.array for i in range(120) if isinstance(e := wine.train.source.example(i), Dense)])
    assert 0.02 < np.isnan(cells).mean() < 0.06
    sound = words.train.source.example(0)
    assert isinstance(sound, Dense)
    assert 500 < np.abs(sound.array).max() <= 32768 and len(sound.array) > 800


def test_the_script_makes_the_same_bytes_again(script: ModuleType, tmp_path: Path) -> None:
    script.main(["wine", "--output", str(tmp_path)])
    made = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    kept = {p.relative_to(ROOT): p.read_bytes() for p in (ROOT / "wine").rglob("*") if p.is_file()}
    assert sorted(made) == sorted(kept)
    assert made == kept


def test_a_set_that_is_not_known_is_refused(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script.main(["mnist"])
    assert "unknown set 'mnist'; known are digits" in capsys.readouterr().err


def test_together_they_are_small() -> None:
    files = [path for name in SETS for path in (ROOT / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5_000_000
