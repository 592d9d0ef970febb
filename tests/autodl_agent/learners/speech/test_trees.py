import numpy as np

from autodl_agent.data.task import Domain
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.learners.speech.trees import SoundTrees
from autodl_agent.learners.testing.contract import check_learner, examples_of, memory_dataset
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Budget


def soon(seconds=60.0):
    return Budget.from_now(seconds).deadline(seconds)


def test_the_contract():
    check_learner(LearnerSpec("sound-trees", "speech.trees:SoundTrees"), Domain.SPEECH, slices=3)


def test_boosted_trees_join_where_there_are_rows_enough(tmp_path):
    dataset, truth = memory_dataset("speech", n_train=260, n_test=30)
    train, test = examples_of(dataset)
    learner = SoundTrees(train.task, 0)
    more = [learner.fit(train, soon())]
    alone = learner.predict(test)
    assert learner.forest is None
    more += [learner.fit(train, soon()) for _ in range(4)]
    assert learner.forest is not None
    assert more[0]
    assert not np.array_equal(alone, learner.predict(test))
    assert nauc(truth, learner.predict(test)) > 0.9
    learner.save(tmp_path)
    assert np.allclose(SoundTrees.load(tmp_path, train.task).predict(test), learner.predict(test), atol=1e-6)


def test_few_rows_are_left_to_random_trees():
    train, _ = examples_of(memory_dataset("speech", n_train=40)[0])
    learner = SoundTrees(train.task, 0)
    assert not learner.fit(train, soon())
    assert learner.random_forest.trees
    assert learner.forest is None
