import numpy as np

from autodl_agent.learners.text.char_ngrams import character_bag
from autodl_agent.learners.text.config import LinearConfig
from autodl_agent.learners.text.hashing import Bag, token_bag
from autodl_agent.learners.text.tfidf_linear import LinearModel, blend, fit_linear, matrix, members
from autodl_agent.system.clock import Deadline

NEVER = Deadline(np.inf)


def bags_of(texts: list[str]) -> list[Bag]:
    return [token_bag(texts, 3), character_bag(texts, (3, 5))]


def test_blocks_have_the_same_say() -> None:
    texts = [f"red fox {i}" for i in range(30)]
    labels = np.eye(2, dtype=np.float32)[np.arange(30) % 2]
    model = fit_linear(bags_of(texts), labels, True, LinearConfig(), NEVER, 0)
    rows = matrix(bags_of(["red fox", "", "你"]), model.blocks).toarray()
    width = len(model.blocks[0].columns)
    np.testing.assert_allclose((rows[0, :width] ** 2).sum(), 0.5, atol=1e-5)
    np.testing.assert_allclose((rows[0, width:] ** 2).sum(), 0.5, atol=1e-5)
    assert not rows[1:].any()


def test_characters_carry_over_to_unseen_forms_of_a_word() -> None:
    texts = ["painting paints", "driving drives"] * 20
    labels = np.eye(2, dtype=np.float32)[np.arange(40) % 2]
    model = fit_linear(bags_of(texts), labels, True, LinearConfig(), NEVER, 0)
    chances = model.probabilities(bags_of(["painters", "drivers"]), True, 5.0)
    assert chances[0, 0] > chances[1, 0]
    assert chances[1, 1] > chances[0, 1]


def test_blend_prefers_the_member_that_ranks() -> None:
    rng = np.random.default_rng(0)
    labels = np.eye(2, dtype=np.float32)[rng.integers(0, 2, 200)]
    good, noise = labels * 2 + rng.normal(size=labels.shape) * 0.5, rng.normal(size=labels.shape) * 5
    shares = blend(np.stack([noise, good]).astype(np.float32), labels)
    assert shares.tolist() == [0, 1]


def test_members_for_one_label_and_for_several() -> None:
    scores = np.zeros((4, 3), np.float32)
    assert members(scores, scores, True, 5.0).shape == (3, 4, 3)
    assert members(scores, scores, False, 5.0).shape == (2, 4, 3)


def test_class_blocks_change_nothing() -> None:
    rng = np.random.default_rng(1)
    texts = [" ".join(f"w{w}" for w in rng.integers(0, 50, 8)) for _ in range(60)]
    labels = np.eye(6, dtype=np.float32)[rng.integers(0, 6, 60)]
    bags = bags_of(texts)
    whole = fit_linear(bags, labels, True, LinearConfig(), NEVER, 0)
    pieces = fit_linear(bags, labels, True, LinearConfig(block_values=120), NEVER, 0)
    np.testing.assert_allclose(whole.weights, pieces.weights, atol=1e-4)


def test_arrays_round_trip() -> None:
    labels = np.eye(2, dtype=np.float32)[np.arange(24) % 2]
    bags = bags_of([f"a {i % 2} fox" for i in range(24)])
    model = fit_linear(bags, labels, True, LinearConfig(), NEVER, 0)
    back = LinearModel.from_arrays(model.arrays(), 2)
    np.testing.assert_array_equal(model.probabilities(bags, True, 5.0), back.probabilities(bags, True, 5.0))


def rare_texts(classes: int) -> tuple[list[str], np.ndarray]:
    """Thirty texts of each of `classes` subjects and one text of one more."""
    rng = np.random.default_rng(2)
    subject = [*np.repeat(np.arange(classes), 30), classes]
    texts = [" ".join(f"s{k}w{w}" if w < 4 else f"w{w}" for w in rng.integers(0, 40, 20)) for k in subject]
    return texts, np.eye(classes + 1, dtype=np.float32)[subject]


def test_a_class_of_one_text_is_heard_by_ridge_and_hardly_by_naive_bayes() -> None:
    texts, labels = rare_texts(4)
    bags = bags_of(texts)
    model = fit_linear(bags, labels, True, LinearConfig(), NEVER, 0)
    raw = matrix(bags, model.blocks) @ model.weights + model.intercept
    scores = members(np.asarray(raw, np.float32), model.bayes.scores(bags[0], True), True, 5.0)
    ridge, bayes, softmax = (scores * model.slope[:, None]).std(1)
    assert ridge[-1] > ridge[:-1].mean() / 4
    assert softmax[-1] > softmax[:-1].mean() / 6
    assert bayes[-1] < bayes[:-1].mean() / 2
