"""Saved models: the same rows give the same probabilities as in the run, in every domain and at every moment."""

import io
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.rounds import rounds
from autodl_agent.engine.snapshot import Part, Snapshot
from autodl_agent.learners.image.quick import QuickImage
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.learners.testing.contract import FakeClock, examples_of, memory_dataset
from autodl_agent.runs.agent import run
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.model import save
from autodl_agent.runs.model.batch_predict import predict_source
from autodl_agent.runs.model.checkpointer import Checkpointer
from autodl_agent.runs.model.load import SavedModel, load_model
from autodl_agent.runs.model.save import MODEL_FILE, save_model
from autodl_agent.system.clock import Budget
from autodl_agent.system.errors import UsageError
from data_format.dataset import Split
from data_format.examples import Encoded
from data_format.input_spec import Inputs
from data_format.memory_source import MemorySource

ROOT = Path(__file__).resolve().parents[4]

DOMAINS = list(Domain)
UNSAFE = {".pkl", ".pickle", ".joblib", ".py", ".so"}


def sizes(domain):
    """Training and test rows: few where pretrained networks look at them."""
    return (24, 6) if domain in ("image", "video") else (80, 20)


def play(domain, seconds=20.0, most=8, multilabel=False, choose=None):
    """(dataset, [(snapshot, prediction)]) of a short run."""
    dataset, _ = memory_dataset(domain, *sizes(domain), multilabel=multilabel)
    budget = Budget.from_now(seconds)
    task = make_task(dataset)
    store = TensorStore(dataset, task, budget.deadline(seconds))
    kept, seen = [], []
    options = {} if choose is None else {"choose": choose}
    for played in rounds(store, LEARNERS_BY_DOMAIN[task.domain], budget, keep=kept.append, **options):
        if played.prediction is not None:
            seen.append((kept[-1], played.prediction))
        if played.number >= most:
            break
    assert len(kept) == len(seen)
    inputs = Inputs.of(dataset, (lambda: store.table("train")) if domain == "tabular" else None)
    return dataset, task, inputs, seen


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("domain", DOMAINS)
def test_every_prediction_of_a_run_is_repeated_by_its_saved_model(domain, multilabel, tmp_path):
    dataset, task, inputs, seen = play(domain, multilabel=multilabel)
    assert len(seen) >= 3
    # Saved only now, after the members went on: what is saved must be what stood then.
    for snapshot, prediction in seen:
        save_model(tmp_path / "model", snapshot, task, inputs, 1.0)
        model = load_model(tmp_path)
        assert (model.task, model.inputs) == (task, inputs)
        found = predict_source(model, dataset.test.source, list(dataset.test.ids), [])
        assert np.abs(found - prediction).max() < 1e-5
    assert not [file for file in tmp_path.rglob("*") if file.suffix in UNSAFE]
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_settled_learners_do_not_learn(domain):
    """Fitting goes on by binding anew, in every learner: a copy made before predicts as before."""
    dataset, _ = memory_dataset(domain, *sizes(domain))
    train, test = examples_of(dataset)
    for spec in LEARNERS_BY_DOMAIN[domain]:
        if not spec.fits(train.task):
            continue
        learner = spec.create(train.task, 1)
        more, copies = True, []
        while more and len(copies) < (2 if spec.worker else 4):  # networks all go on in the same way, and slowly
            more = learner.fit(train, Budget.from_now(30).deadline(30))
            copies.append((learner.snapshot(), learner.predict(test)))
        for copy, before in copies:
            assert np.allclose(copy.predict(test), before, atol=1e-6), spec.name


def test_chunks_do_not_change_the_answer(tmp_path):
    dataset, task, inputs, seen = play("image")
    save_model(tmp_path / "model", seen[-1][0], task, inputs, 1.0)
    model = load_model(tmp_path / "model")
    one_by_one = [
        predict_source(model, _one(dataset.test.source, row), [str(row)], []) for row in range(len(dataset.test))
    ]
    assert np.abs(np.concatenate(one_by_one) - seen[-1][1]).max() < 1e-5


def _one(source, row):
    from data_format.raw.arrays.sources import PickedSource

    return PickedSource(source, np.array([row]))


def test_the_prior_alone_is_a_model_too(tmp_path):
    dataset, task, _, seen = play("text", most=0)
    assert seen[0][0] == Snapshot()
    save_model(tmp_path / "model", seen[0][0], task, Inputs(), 0.1)
    found = predict_source(load_model(tmp_path), dataset.test.source, list(dataset.test.ids), [])
    assert np.allclose(found, seen[0][1])


def test_the_levels_of_deep_pictures_are_saved_with_the_model(tmp_path):
    """Twelve bits in sixteen: brighter or darker by less than the high byte tells."""
    rng = np.random.default_rng(0)

    def pictures(bright):
        for kind in bright:
            pixels = rng.integers(0, 50, (16, 16)) + np.where(np.arange(256).reshape(16, 16) < 128, 50 * kind, 0)
            file = io.BytesIO()
            Image.fromarray(pixels.astype(np.uint16)).save(file, "PNG")
            yield Encoded((file.getvalue(),))

    kinds = np.arange(60) % 2
    train, test = (MemorySource(list(pictures(some))) for some in (kinds, kinds[:20]))
    dataset, _ = memory_dataset("image", 60, 20)
    labels = np.eye(2, dtype=np.float32)[kinds]
    ids = [str(k) for k in range(60)]
    dataset = replace(
        dataset, class_names=("a", "b"), shape=(1, 16, 16, 1), train=Split(ids, labels, train),
        test=Split(ids[:20], np.zeros((20, 2), np.float32), test),
    )  # fmt: skip
    learner, (rows, _) = QuickImage(make_task(dataset), 0), examples_of(dataset)
    learner.fit(rows, Budget.from_now(60).deadline(60))
    snapshot = Snapshot((Part("quick-image", 1.0, (learner,)),))
    save_model(tmp_path / "model", snapshot, rows.task, Inputs(), 1.0)
    model = load_model(tmp_path)
    assert model.task.levels == rows.task.levels and len(rows.task.levels) == 1
    found = predict_source(model, test, ids[:20], [])
    assert (found.argmax(1) == kinds[:20]).all() and np.ptp(found[:, 0]) > 0.5


@pytest.fixture
def saved(tmp_path):
    _, task, inputs, seen = play("tabular", most=2)
    save_model(tmp_path / "model", seen[-1][0], task, inputs, 1.0)
    return tmp_path / "model"


def edit(folder: Path, **changes):
    facts = json.loads((folder / MODEL_FILE).read_text())
    (folder / MODEL_FILE).write_text(json.dumps(facts | changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": 99}, "format 1, found 99"),
        ({"parts": [{"learner": "os:system", "weight": 1.0, "folds": 1}]}, "found 'os:system'"),
        ({"thresholds": [0.5]}, "3 thresholds, found 1"),
        ({"parts": [{"learner": "quick-table", "weight": 1.0, "folds": 9}]}, "cannot be read"),
        ({"calibration": {"slope": "steep"}}, "cannot be read"),
        ({"task": {}}, "cannot be read"),
    ],
)
def test_a_damaged_model_is_one_clear_line(saved, changes, says):
    edit(saved, **changes)
    with pytest.raises(UsageError) as caught:
        load_model(saved)
    assert says in str(caught.value) and str(saved) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_damaged_description_is_one_clear_line(saved, content):
    (saved / MODEL_FILE).write_bytes(content)
    with pytest.raises(UsageError, match=r"model\.json"):
        load_model(saved)


def test_a_pickle_in_place_of_arrays_is_refused(saved):
    import pickle

    for file in saved.rglob("*.npz"):
        file.write_bytes(pickle.dumps({"weights": 1}))
    with pytest.raises(UsageError, match="cannot be read"):
        load_model(saved)


def test_no_model_is_one_clear_line(tmp_path):
    with pytest.raises(UsageError, match="no model.json in it"):
        load_model(tmp_path)
    with pytest.raises(UsageError, match="nothing there"):
        load_model(tmp_path / "nowhere")


def test_a_failed_save_leaves_the_older_model(saved, monkeypatch):
    before = (saved / MODEL_FILE).read_bytes()
    model = load_model(saved)

    def full(self, folder):
        raise OSError(28, "No space left on device")

    for part in model.snapshot.parts:
        monkeypatch.setattr(type(part.models[0]), "save", full)
    with pytest.raises(OSError, match="No space"):
        save_model(saved, model.snapshot, model.task, model.inputs, 2.0)
    assert (saved / MODEL_FILE).read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir()] == ["model"]


class TestKeeper:
    @pytest.fixture
    def parts(self, tmp_path):
        _, task, inputs, seen = play("tabular", most=3)
        clock = FakeClock()
        return Checkpointer(tmp_path / "model", task, clock.budget(100), lambda: inputs), clock, [s for s, _ in seen]

    def test_only_what_is_on_disk_is_saved(self, parts):
        checkpointer, _, snapshots = parts
        checkpointer.offer(snapshots[1])
        checkpointer.confirm()
        checkpointer.offer(snapshots[2])  # its prediction came too late
        facts = checkpointer.finish(30)
        assert facts is not None and facts["held_out_nauc"] == snapshots[1].nauc

    def test_saving_waits_until_it_is_cheap(self, parts):
        checkpointer, clock, snapshots = parts
        checkpointer.offer(snapshots[1])
        checkpointer.confirm()
        assert checkpointer.saves == 0 and not checkpointer.folder.exists()  # 0.1 s are more than 5 % of no time
        clock.at += 10
        checkpointer.offer(snapshots[2])
        checkpointer.confirm()
        checkpointer.finish(30)
        assert checkpointer.saves == 1
        checkpointer.seconds = 1.0  # 10 % of the time gone went into saving
        checkpointer.offer(snapshots[1])
        checkpointer.confirm()
        assert checkpointer.saves == 1
        assert checkpointer.finish(30) is not None and checkpointer.saves == 2

    def test_a_save_that_was_too_dear_is_made_up_for(self, parts):
        checkpointer, clock, snapshots = parts
        checkpointer.catch_up()  # there is nothing yet
        checkpointer.offer(snapshots[1])
        checkpointer.confirm()
        checkpointer.catch_up()
        assert not checkpointer.folder.exists()
        clock.at += 10
        checkpointer.catch_up()
        checkpointer.finish(30)  # waits for it
        assert checkpointer.saves == 1

    def test_a_save_that_failed_is_not_tried_again_and_again(self, parts, caplog):
        checkpointer, clock, snapshots = parts
        checkpointer.folder.parent.joinpath("file").write_text("in the way")
        checkpointer.folder = checkpointer.folder.parent / "file" / "model"
        checkpointer.offer(snapshots[1])
        checkpointer.confirm()
        clock.at += 10
        for _ in range(3):
            checkpointer.catch_up()
            with checkpointer._lock:
                pass
        assert caplog.text.count("the model was not saved") <= 1

    def test_a_dear_save_has_to_begin_before_the_end(self, parts):
        checkpointer, _, snapshots = parts
        assert checkpointer.early_s == 0
        checkpointer.offer(snapshots[1])
        checkpointer.confirm()
        assert checkpointer.early_s == 0  # the first guess is short
        checkpointer._cost = 3.0
        assert checkpointer.early_s == pytest.approx(2.6)
        checkpointer._cost = 1000.0
        assert checkpointer.early_s == pytest.approx(20)
        checkpointer.finish(30)
        assert checkpointer.early_s == 0

    def test_the_last_save_is_expected_to_take_longer_than_an_earlier_one(self, parts):
        checkpointer, clock, snapshots = parts
        for moment, number in ((40, 1), (60, 2)):
            clock.at += moment
            checkpointer.offer(snapshots[number])
            checkpointer.confirm()
            if number == 1:
                checkpointer.finish(30)
        checkpointer._cost = 2.0
        assert checkpointer.early_s == pytest.approx(2 * 100 / 40 - 0.4)

    def test_a_save_that_takes_too_long_is_given_up(self, parts, monkeypatch, caplog):
        checkpointer, clock, snapshots = parts
        clock.at += 40
        checkpointer.offer(snapshots[1])
        checkpointer.confirm()
        before = checkpointer.finish(30)
        clock.at += 20
        checkpointer.offer(snapshots[2])
        monkeypatch.setattr(checkpointer, "_cost", 1000.0)  # nothing is saved in the background
        checkpointer.confirm()
        for part in snapshots[2].parts:
            monkeypatch.setattr(type(part.models[0]), "save", lambda self, folder: time.sleep(1.0))
        assert checkpointer.finish(0.05) is before
        assert (
            "it would have taken longer" in caplog.text and "the one of the prediction at 40.0 s stays" in caplog.text
        )
        time.sleep(1.2)
        assert [entry.name for entry in checkpointer.folder.parent.iterdir()] == ["model"]
        assert json.loads((checkpointer.folder / MODEL_FILE).read_text()) == json.loads(json.dumps(before))

    def test_nothing_to_keep_is_no_model(self, parts):
        checkpointer, _, _ = parts
        assert checkpointer.finish(30) is None and not checkpointer.folder.exists()

    def test_a_run_does_not_end_for_its_model(self, parts, caplog):
        checkpointer, _, snapshots = parts
        checkpointer.folder.parent.joinpath("model").write_text("in the way")
        checkpointer.folder = checkpointer.folder / "below"
        checkpointer.offer(snapshots[1])
        checkpointer.confirm()
        assert checkpointer.finish(30) is None


@pytest.mark.parametrize("needed", [False, True])
def test_only_a_run_that_needs_its_model_waits_for_it(needed, tmp_path, monkeypatch):
    real = save.write_logits

    def slowly(folder, snapshot):
        time.sleep(3.0)
        real(folder, snapshot)

    monkeypatch.setattr(save, "write_logits", slowly)
    config = RunConfig(budget_s=1.0, learners=("quick-table",), use_all_budget=True, needs_model=needed)
    result = run(ROOT / "sample_data" / "wine", tmp_path / "out", config)
    assert (tmp_path / "out" / "model" / MODEL_FILE).exists() == needed
    assert (result.seconds > 3.0) == needed
    assert ("it would have taken longer" in (tmp_path / "out" / "log.txt").read_text()) != needed
    assert not list((tmp_path / "out").glob(".model*"))


def test_decisions(saved):
    model = load_model(saved)
    single = SavedModel(model.task, model.snapshot, model.inputs, np.array([0.9, 0.2, 0.9], np.float32), {})
    values = np.array([[0.3, 0.25, 0.4], [0.95, 0.1, 0.92]], np.float32)
    assert single.decide(values).tolist() == [[False, False, True], [True, False, False]]
    assert single.decide(values, 0.28).tolist() == [[True, False, True], [True, False, True]]
    several = SavedModel(
        type(model.task)(**{**vars(model.task), "multilabel": True}),
        model.snapshot,
        model.inputs,
        single.thresholds,
        {},
    )
    assert several.decide(values).tolist() == [[False, True, False], [True, False, True]]
    nearest = several.decide(np.array([[0.1, 0.15, 0.85]], np.float32))
    assert nearest.sum() == 1  # nothing reaches its threshold: the nearest
