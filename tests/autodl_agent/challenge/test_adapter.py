import numpy as np
import pytest

from autodl_agent.challenge import adapter
from autodl_agent.challenge.adapter import Model
from autodl_agent.scoring.auc import nauc
from autodl_agent.testing import memory_dataset
from data_format import open_dataset
from data_format.metadata import read_metadata
from data_format.tensors import tensor
from data_format.writer import write_dataset


class OfficialMetadata:
    """The official object, as far as a submission may ask."""

    def __init__(self, folder):
        self.folder, self.metadata_ = folder, read_metadata(folder)

    def get_dataset_name(self):
        return str(self.folder)

    def size(self):
        return self.metadata_.sample_count

    def get_output_size(self):
        return self.metadata_.output_dim

    def get_tensor_shape(self, bundle_index=0):
        return self.metadata_.shape

    def get_label_to_index_map(self):
        return self.metadata_.label_to_index_map

    def get_channel_to_index_map(self):
        return self.metadata_.channel_to_index_map


@pytest.fixture(autouse=True)
def unrehearsed(monkeypatch):
    """The constructor's rehearsal has tests of its own."""
    monkeypatch.setattr(adapter, "warm_up", lambda metadata: None)


@pytest.fixture(scope="module", params=["image", "speech", "text", "tabular", "video"])
def challenge(request, tmp_path_factory):
    """(metadata, train pairs, test pairs, truth) as the ingestion program hands them over."""
    out = tmp_path_factory.mktemp("set")
    dataset, truth = memory_dataset(request.param, n_train=60, n_test=24)
    if request.param == "tabular":
        pytest.importorskip("lightgbm")
    write_dataset(dataset, out)
    folder = next(out.rglob("train"))
    found = open_dataset(folder.parent)
    description = read_metadata(folder)
    pairs = [
        [(tensor(split.source.example(i), description), split.labels[i]) for i in range(len(split))]
        for split in (found.train, found.test)
    ]
    return OfficialMetadata(folder), *pairs, truth


def play(model, train, test, budget_s=5.0, most=30):
    from autodl_agent.clock import Budget

    budget, found = Budget.from_now(budget_s), []
    while not model.done_training and budget.left() > 0 and len(found) < most:
        model.train(train, remaining_time_budget=budget.left())
        found.append(model.test(test, remaining_time_budget=budget.left()))
    return found, budget


def test_predictions_in_the_order_of_the_test_object(challenge):
    metadata, train, test, truth = challenge
    found, budget = play(Model(metadata), train, test)
    assert budget.gone() < 6
    assert all(p.shape == truth.shape and np.isfinite(p).all() for p in found)
    assert nauc(truth, found[0]) > 0.5
    assert nauc(truth, found[-1]) > 0.8


def test_another_order_of_the_test_object_is_noticed(challenge):
    metadata, train, test, truth = challenge
    order = np.random.default_rng(0).permutation(len(test))
    found, _ = play(Model(metadata), train, [test[i] for i in order])
    assert nauc(truth[order], found[-1]) > 0.8


def test_without_the_files_the_stream_is_read(challenge, tmp_path):
    metadata, train, test, truth = challenge

    class Moved(OfficialMetadata):
        def get_dataset_name(self):
            return str(tmp_path / "elsewhere.data" / "train")

    found, _ = play(Model(Moved(metadata.folder)), train, test)
    assert nauc(truth, found[-1]) > 0.8


def test_the_sibling_challenges_hand_over_lists():
    for domain, extra in (("text", {"language": "EN"}), ("speech", {})):
        dataset, truth = memory_dataset(domain)
        metadata = {"class_num": 3, "train_num": 60, "test_num": 20, "time_budget": 10, **extra}
        values = [
            [getattr(e, "text", None) or e.array.ravel() for e in split.source.examples]
            for split in (dataset.train, dataset.test)
        ]
        found, _ = play(Model(metadata), (values[0], dataset.train.labels), values[1])
        assert found[-1].shape == (20, 3)
        assert nauc(truth, found[-1]) > 0.8


@pytest.mark.parametrize("part", ["files_behind", "agrees"])
def test_files_that_cannot_be_read_are_not_needed(challenge, monkeypatch, part):
    """As where no decoder for pictures is installed: the object itself is read."""
    metadata, train, test, truth = challenge

    def fail(*arguments):
        raise ModuleNotFoundError("No module named 'PIL'")

    monkeypatch.setattr(adapter.intake, part, fail)
    found, _ = play(Model(metadata), train, test, budget_s=4)
    assert nauc(truth, found[-1]) > 0.8


def test_nothing_is_ever_raised(challenge, monkeypatch):
    metadata, train, test, truth = challenge

    def fail(*arguments):
        raise RuntimeError("broken disk")

    monkeypatch.setattr(adapter.intake, "files_behind", fail)
    monkeypatch.setattr(adapter.intake, "read_stream", fail)
    model = Model(metadata)
    model.train(train, remaining_time_budget=5)
    assert model.done_training
    found = model.test(test, remaining_time_budget=5)
    assert found.shape == truth.shape


def test_it_ends_by_itself_when_time_is_over(challenge):
    metadata, train, test, _ = challenge
    found, budget = play(Model(metadata), train, test, budget_s=1.5, most=10_000)
    assert found
    assert budget.gone() < 2.5
