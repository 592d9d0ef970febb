"""Quick learners for text: naive Bayes within half a second, then TF-IDF of words and characters with ridge."""

from functools import partial
from pathlib import Path
from typing import Self, final

import numpy as np

from autodl_agent.clock import Deadline
from autodl_agent.learners.base import Examples, Learner, Probabilities
from autodl_agent.learners.prior import class_shares
from autodl_agent.learners.state import load_state, save_state
from autodl_agent.learners.text.bayes import BayesModel, fit_bayes
from autodl_agent.learners.text.config import BayesConfig, LinearConfig
from autodl_agent.learners.text.features import WORD, Bag, token_bag, tokenise
from autodl_agent.learners.text.linear import LinearModel, fit_linear
from autodl_agent.learners.text.splits import split_bag
from autodl_agent.task import Task

LOOK = 200  # texts that tell whether a set is written in words


def whole_token_bag(data: Examples, config: LinearConfig, deadline: Deadline | None = None) -> Bag:
    """Token n-grams of the rows, taken from the bag of their whole split (made once and shared)."""
    make = partial(token_bag, longest=config.longest_tokens, max_characters=config.max_characters)
    key = f"tokens@{config.longest_tokens}x{config.max_characters}"
    return split_bag(data.store, data.split, key, make, config.max_characters, deadline).take(data.rows)


def whole_character_bag(data: Examples, config: LinearConfig, deadline: Deadline | None = None) -> Bag:
    """Character n-grams within words of the rows, from the bag of their whole split."""
    from autodl_agent.learners.text.characters import character_bag

    make = partial(character_bag, lengths=config.character_grams, max_characters=config.max_characters)
    key = f"characters@{config.character_grams}x{config.max_characters}"
    return split_bag(data.store, data.split, key, make, config.max_characters, deadline).take(data.rows)


@final
class HashedBayes(Learner):
    """Naive Bayes on hashed words, word pairs and characters: first the beginnings of some texts, then all."""

    def __init__(self, task: Task, seed: int, config: BayesConfig | None = None) -> None:
        super().__init__(task, seed)
        self.config = config or BayesConfig()
        self._model: BayesModel | None = None
        self._whole = False

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """First call: a class-balanced sample of shortened texts; second call: all rows in full length."""
        if len(data) == 0:
            return False
        whole = self._model is not None
        if whole:
            data.texts()
            data = data.readable()
            bag = whole_token_bag(data, LinearConfig(), deadline)
        else:
            data, bag = self._first(data)
        if len(data):
            self._model = fit_bayes(bag, data.labels, not self.task.multilabel, self.config, self.seed)
            self._whole = whole
        return not whole

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated probabilities."""
        if self._model is None or len(data) == 0:
            return np.tile(class_shares(self.task), (len(data), 1))
        if self._whole:
            bag = whole_token_bag(data, LinearConfig())
        else:
            bag = token_bag(data.texts(), LinearConfig().longest_tokens, self.config.first_characters)
        return self._model.probabilities(bag, not self.task.multilabel)

    def save(self, folder: Path) -> None:
        """Write the model's arrays."""
        arrays = self._model.arrays() if self._model else {}
        save_state(folder, {"trained": self._model is not None, "whole": self._whole}, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner._model = BayesModel(**arrays) if facts["trained"] else None
        learner._whole = bool(facts["whole"])
        return learner

    def _first(self, data: Examples) -> tuple[Examples, Bag]:
        texts = data.texts()
        lengths = [min(len(text), self.config.first_characters) + 1 for text in texts]
        share = self.config.first_total_characters / max(1, sum(lengths))
        sample = data.readable()
        sample = sample.sample(max(1, int(len(sample) * share)), self.seed) if share < 1 else sample
        return sample, token_bag(sample.texts(), LinearConfig().longest_tokens, self.config.first_characters)


@final
class LinearText(Learner):
    """TF-IDF with ridge and naive Bayes, blended: words, then words and the characters within them."""

    def __init__(self, task: Task, seed: int, config: LinearConfig | None = None) -> None:
        super().__init__(task, seed)
        self.config = config or LinearConfig()
        self._model: LinearModel | None = None
        self._stage = 0

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One step: words of at most `first_rows` rows, words of all rows, words and characters of all rows."""
        if len(data) == 0:
            return False
        data.texts()
        data = data.readable()
        if len(data) == 0:
            return False
        rows = data.sample(self.config.first_rows, self.seed) if self._stage == 0 else data
        bags = [whole_token_bag(rows, self.config, deadline)]
        if self._stage == 2:
            bags.append(whole_character_bag(rows, self.config, deadline))
        exclusive = not self.task.multilabel
        self._model = fit_linear(bags, rows.labels, exclusive, self.config, deadline, self.seed)
        self._stage = max(self._stage + 1, 2 if len(rows) == len(data) else 1)
        return self._stage < 2 or (self._stage == 2 and self._has_words(data))

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) blended, calibrated probabilities."""
        if self._model is None or len(data) == 0:
            return np.tile(class_shares(self.task), (len(data), 1))
        bags = [whole_token_bag(data, self.config)]
        if len(self._model.blocks) > 1:
            bags.append(whole_character_bag(data, self.config))
        return self._model.probabilities(bags, not self.task.multilabel, self.config.warmth)

    def save(self, folder: Path) -> None:
        """Write the model's arrays."""
        facts = {"stage": self._stage, "blocks": len(self._model.blocks) if self._model else 0}
        save_state(folder, facts, self._model.arrays() if self._model else {})

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner._stage = int(facts["stage"])
        learner._model = LinearModel.from_arrays(arrays, int(facts["blocks"])) if facts["blocks"] else None
        return learner

    def _has_words(self, data: Examples) -> bool:
        """Whether a fair share of the tokens are words, so that there are characters within words to look at."""
        kinds = tokenise(data.sample(LOOK, self.seed).texts(), self.config.max_characters).kinds
        return bool(len(kinds)) and float((kinds == WORD).mean()) >= self.config.min_word_share
