"""Quick learners for text: naive Bayes within half a second, then TF-IDF of words and characters with ridge."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self, final

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.text.config import BayesConfig, LinearConfig
from autodl_agent.learners.text.hashing import WORD, Bag, token_bag, tokenise
from autodl_agent.learners.text.naive_bayes import BayesModel, fit_bayes, in_time
from autodl_agent.learners.text.split_cache import character_rows, token_rows
from autodl_agent.learners.text.tfidf_linear import LinearModel, fit_linear
from autodl_agent.system.clock import Deadline

LOOK = 200  # texts that tell whether a set is written in words


WHOLE = LinearConfig()  # both learners share the bags of whole splits


@final
class HashedBayes(Learner):
    """Naive Bayes on hashed words, word pairs and characters: first the beginnings of some texts, then all."""

    def __init__(self, task: Task, seed: int, config: BayesConfig | None = None) -> None:
        super().__init__(task, seed)
        self.config = config or BayesConfig()
        self._model: BayesModel | None = None
        self._whole = False
        self._reading = WHOLE
        affordable = 2 * self.config.first_total_characters // max(1, task.n_test)
        self._limit = min(max(affordable, self.config.least_characters), self.config.first_characters)

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """First call: a class-balanced sample of shortened texts; second call: all rows in full length."""
        if len(data) == 0:
            return False
        whole, complete = self._model is not None, True
        if whole:
            data.texts()
            data = data.readable()
            bag = token_rows(data, self._reading, deadline)
        else:
            data, bag, complete = self._first(data, deadline)
        if len(data):
            exclusive = not self.task.multilabel
            self._model = fit_bayes(bag, data.labels, exclusive, self.config, self.seed, deadline=deadline)
            self._whole = whole
        return not complete

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated probabilities."""
        if self._model is None or len(data) == 0:
            return np.tile(self.task.class_priors, (len(data), 1))
        if self._whole:
            bag = token_rows(data, self._reading)
        else:
            bag = self._bag(data)
        return self._model.probabilities(bag, not self.task.multilabel)

    def save(self, folder: Path) -> None:
        """Write the model's arrays."""
        arrays = self._model.arrays() if self._model else {}
        facts = {"trained": self._model is not None, "whole": self._whole, "limit": self._limit}
        facts["marks"] = self._reading.marks
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner._model = BayesModel(**arrays) if facts["trained"] else None
        learner._whole, learner._limit = bool(facts["whole"]), int(facts["limit"])
        learner._reading = replace(WHOLE, marks=bool(facts.get("marks")))  # the first models told nothing
        return learner

    def _first(self, data: Examples, deadline: Deadline) -> tuple[Examples, Bag, bool]:
        texts = data.texts()
        limit = self._limit
        share = self.config.first_total_characters / max(1, sum(min(len(text), limit) + 1 for text in texts))
        sample = data.readable()
        sample = sample.sample(max(1, int(len(sample) * share)), self.seed) if share < 1 else sample
        complete = share >= 1 and all(len(text) <= limit for text in texts)
        in_time(deadline, "reading texts")
        return sample, self._bag(sample), complete

    def _bag(self, data: Examples) -> Bag:
        return token_bag(data.texts(), self._reading.longest_tokens, self._limit, self._reading.marks)


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
        data = data.sample(self.config.most_rows, self.seed)
        rows = data.sample(self.config.first_rows, self.seed) if self._stage == 0 else data
        bags = [token_rows(rows, self.config, deadline)]
        if self._stage == 2:
            bags.append(character_rows(rows, self.config, deadline))
        exclusive = not self.task.multilabel
        self._model = fit_linear(bags, rows.labels, exclusive, self.config, deadline, self.seed)
        self._stage = max(self._stage + 1, 2 if len(rows) == len(data) else 1)
        return self._stage < 2 or (self._stage == 2 and self._has_words(data))

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) blended, calibrated probabilities."""
        if self._model is None or len(data) == 0:
            return np.tile(self.task.class_priors, (len(data), 1))
        bags = [token_rows(data, self.config)]
        if len(self._model.blocks) > 1:
            bags.append(character_rows(data, self.config))
        return self._model.probabilities(bags, not self.task.multilabel, self.config.warmth)

    def save(self, folder: Path) -> None:
        """Write the model's arrays."""
        blocks = len(self._model.blocks) if self._model else 0
        config = asdict(self.config)
        facts = {"stage": self._stage, "blocks": blocks, "marks": config.pop("marks"), "config": config}
        save_state(folder, facts, self._model.arrays() if self._model else {})

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        facts, arrays = load_state(folder)
        settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts["config"].items()}
        learner = cls(task, task.seed, LinearConfig(**settings, marks=bool(facts.get("marks"))))
        learner._stage = int(facts["stage"])
        learner._model = LinearModel.from_arrays(arrays, int(facts["blocks"])) if facts["blocks"] else None
        return learner

    def _has_words(self, data: Examples) -> bool:
        """Whether a fair share of the tokens are words, so that there are characters within words to look at."""
        kinds = tokenise(data.sample(LOOK, self.seed).texts(), self.config.max_characters).kinds
        return bool(len(kinds)) and float((kinds == WORD).mean()) >= self.config.min_word_share
