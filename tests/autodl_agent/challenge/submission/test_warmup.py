"""The rehearsal in the constructor: any shape the metadata can describe, nothing kept, no real example read."""

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autodl_agent.challenge.api.metadata import AutoDLMetadata
from autodl_agent.challenge.submission import warmup
from autodl_agent.data.task import Domain
from data_format.autodl.metadata import MatrixSpec, Metadata

SPECS = {
    Domain.IMAGE: (MatrixSpec(col_count=-1, row_count=-1, num_channels=3, format="COMPRESSED"), 1),
    Domain.VIDEO: (MatrixSpec(col_count=-1, row_count=-1, num_channels=3, format="COMPRESSED"), -1),
    Domain.SPEECH: (MatrixSpec(col_count=1, row_count=1), -1),
    Domain.TABULAR: (MatrixSpec(col_count=7, row_count=1), 1),
}


def described(domain: Domain, classes: int, folder: Path) -> AutoDLMetadata:
    if domain is Domain.TEXT:
        spec, length, words = MatrixSpec(col_count=1, row_count=1), -1, {f"word{i}": i for i in range(50)}
    else:
        (spec, length), words = SPECS[domain], {}
    facts = Metadata(9, classes, (spec,), length, channel_to_index_map=words)
    return AutoDLMetadata(folder / "x.data" / "train", facts)


@pytest.mark.parametrize("domain", list(Domain))
@pytest.mark.parametrize("classes", [1, 3])
def test_a_rehearsal_plays_the_rounds_of_every_domain(
    domain: Domain, classes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    played: list[Any] = []
    sessions = warmup.Session

    class Watched(sessions):  # type: ignore[misc, valid-type]
        def run(self) -> None:
            super().run()
            played.append((self.dataset, self.newest()))

    monkeypatch.setattr(warmup, "Session", Watched)
    with caplog.at_level(logging.WARNING):
        warmup.warm_up(described(domain, classes, tmp_path))
    ((dataset, newest),) = played
    assert newest.version >= 1
    assert newest.prediction.shape == (warmup.ROWS, classes)
    assert np.isfinite(newest.prediction).all()
    assert len(dataset.train) == warmup.ROWS
    assert "disabled" not in caplog.text


@pytest.mark.parametrize("metadata", [{"class_num": 3, "language": "EN"}, {"class_num": 2, "train_num": 9}])
def test_the_sibling_challenges_are_rehearsed(metadata: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warmup.warm_up(metadata)
    assert not caplog.records


def test_huge_examples_are_rehearsed_small(tmp_path: Path) -> None:
    facts = Metadata(9, 2, (MatrixSpec(col_count=4000, row_count=4000, num_channels=3),), 500)
    metadata = AutoDLMetadata(tmp_path / "train", facts)
    array = warmup._example(metadata, Domain.VIDEO, np.random.default_rng(0))
    assert array.size <= warmup.MOST_VALUES
    assert array.shape[3] == 3


def test_many_classes_take_little_memory() -> None:
    labels = warmup._labels(100_000)
    assert labels.shape == (warmup.ROWS, 100_000)
    assert labels.sum() == warmup.ROWS


def test_tensorflow_is_not_imported_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    warmup._warm_decoders(Domain.IMAGE)
    assert "tensorflow" not in sys.modules
