"""What a learner on a frozen sound encoder keeps: saved models hear sounds as they were fitted on them."""

import json
from pathlib import Path

from autodl_agent.data.domain import make_task
from autodl_agent.learners.speech.config import EMBEDDING
from autodl_agent.learners.speech.encoder_features import EMBEDDING_ENCODER
from autodl_agent.learners.speech.frozen import FrozenEncoderSound
from autodl_agent.learners.testing.contract import memory_dataset


def saved(folder: Path) -> FrozenEncoderSound:
    learner = FrozenEncoderSound(make_task(memory_dataset("speech")[0]), 0, EMBEDDING_ENCODER, EMBEDDING)
    learner.save(folder)
    return learner


def restored(folder: Path) -> FrozenEncoderSound:
    learner = FrozenEncoderSound(make_task(memory_dataset("speech")[0]), 0, EMBEDDING_ENCODER, EMBEDDING)
    learner.restore(folder)
    return learner


def test_a_model_goes_on_with_the_resampler_it_was_fitted_with(tmp_path: Path) -> None:
    learner = saved(tmp_path)
    assert restored(tmp_path)._recipe(0).key == learner._recipe(0).key


def test_a_model_of_version_0_1_0_resamples_as_that_did(tmp_path: Path) -> None:
    learner = saved(tmp_path)
    file = tmp_path / "state.json"
    facts = json.loads(file.read_text("utf-8"))
    assert facts.pop("resampler") == "soxr"
    file.write_text(json.dumps(facts), "utf-8")
    assert restored(tmp_path)._recipe(0).key == learner._recipe(0).key.replace("soxr", "spectrum")
