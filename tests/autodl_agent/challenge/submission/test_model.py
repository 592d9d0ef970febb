import numpy as np
import pytest

from autodl_agent.challenge.submission import model as adapter
from autodl_agent.challenge.submission.model import Model
from autodl_agent.learners.testing.contract import memory_dataset
from autodl_agent.scoring.auc import nauc
from data_format import open_dataset
from data_format.autodl.metadata import read_metadata
from data_format.autodl.tensors import tensor
from data_format.autodl.writer import write_dataset


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


class Damaged:
    """Pairs of which some cannot be read; like tf.data it goes on after them, or, as a generator, does not."""

    def __init__(self, pairs, bad, goes_on=True):
        self.pairs, self.bad, self.goes_on = pairs, bad, goes_on

    def __iter__(self):
        return (
            (self._pair(k) for k in range(len(self.pairs))) if not self.goes_on else map(self._pair, range(len(self)))
        )

    def __len__(self):
        return len(self.pairs)

    def _pair(self, k):
        if k in self.bad:
            raise RuntimeError(f"DataLossError: record {k}")
        return self.pairs[k]


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
    from autodl_agent.system.clock import Budget

    budget, found = Budget.from_now(budget_s), []
    while not model.done_training and budget.remaining() > 0 and len(found) < most:
        model.train(train, remaining_time_budget=budget.remaining())
        found.append(model.test(test, remaining_time_budget=budget.remaining()))
    return found, budget


def test_predictions_in_the_order_of_the_test_object(challenge):
    metadata, train, test, truth = challenge
    found, budget = play(Model(metadata), train, test)
    assert budget.elapsed() < 6
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

    monkeypatch.setattr(adapter.input_data, part, fail)
    found, _ = play(Model(metadata), train, test, budget_s=4)
    assert nauc(truth, found[-1]) > 0.8


@pytest.mark.parametrize("bad", [{0}, {1}, {0, 1, 2}])
@pytest.mark.parametrize("goes_on", [True, False])
def test_an_example_of_the_test_object_that_cannot_be_read_costs_nothing(challenge, bad, goes_on):
    """The files are there: what the first examples of the object cannot tell says nothing against them."""
    metadata, train, test, truth = challenge
    found, _ = play(Model(metadata), Damaged(train, bad, goes_on), Damaged(test, bad, goes_on), budget_s=4, most=4)
    assert nauc(truth, found[-1]) > 0.8


def test_of_a_damaged_stream_the_rest_is_learned_and_every_row_predicted(challenge, tmp_path):
    metadata, train, test, truth = challenge

    class Moved(OfficialMetadata):
        def get_dataset_name(self):
            return str(tmp_path / "elsewhere.data" / "train")

    model = Model(Moved(metadata.folder))
    found, _ = play(model, Damaged(train, {0, 7}), Damaged(test, {1, 5}), budget_s=4, most=4)
    assert len(model._session.dataset.train) == 58 and len(model._session.dataset.test) == 24
    assert found[-1].shape == truth.shape
    readable = [k for k in range(24) if k not in (1, 5)]
    assert nauc(truth[readable], found[-1][readable]) > 0.8


def test_test_rows_that_cannot_be_looked_at_get_the_best_prediction_so_far(challenge, monkeypatch):
    metadata, train, test, truth = challenge
    model = Model(metadata)
    model.train(train, remaining_time_budget=5)

    def fail(*arguments):
        raise OSError("broken disk")

    monkeypatch.setattr(adapter.input_data, "agrees", fail)
    found = model.test(test, remaining_time_budget=4)
    assert nauc(truth, found) > 0.5
    assert not model.done_training or model._session.ended


def test_one_session_ends_before_another_begins(challenge, monkeypatch):
    metadata, train, test, truth = challenge
    sessions = []

    class Recorded(adapter.Session):
        def __init__(self, *arguments, **settings):
            assert all(earlier._stopped.is_set() for earlier in sessions)
            super().__init__(*arguments, **settings)
            sessions.append(self)

    monkeypatch.setattr(adapter, "Session", Recorded)
    found, _ = play(Model(metadata), train, test[::-1], budget_s=5, most=3)
    assert len(sessions) == 2
    sessions[0].join(30)
    assert not sessions[0].is_alive()
    assert nauc(truth[::-1], found[-1]) > 0.5


def test_nothing_is_ever_raised(challenge, monkeypatch):
    metadata, train, test, truth = challenge

    def fail(*arguments):
        raise RuntimeError("broken disk")

    monkeypatch.setattr(adapter.input_data, "files_behind", fail)
    monkeypatch.setattr(adapter.input_data, "read_stream", fail)
    model = Model(metadata)
    model.train(train, remaining_time_budget=5)
    assert model.done_training
    found = model.test(Damaged(test, {3}), remaining_time_budget=5)
    assert found.shape == truth.shape
    assert Model(metadata).test(None, remaining_time_budget=5) is None


def test_it_ends_by_itself_when_time_is_over(challenge):
    metadata, train, test, _ = challenge
    found, budget = play(Model(metadata), train, test, budget_s=1.5, most=10_000)
    assert found
    assert budget.elapsed() < 2.5
