"""Trained networks learn in a fraction of their usual samples here: the contract is the same, the wait is not."""

from dataclasses import replace

import pytest

from autodl_agent.learners.image.finetuned import FinetunedInputs
from autodl_agent.learners.image.resnet import PixelInputs
from autodl_agent.learners.speech.resnet import MelInputs
from autodl_agent.learners.tabular.mlp import RowInputs
from autodl_agent.learners.text.cnn import TokenInputs
from autodl_agent.learners.video.frame_sequence import FrameInputs

ADAPTERS = (FinetunedInputs, PixelInputs, MelInputs, RowInputs, TokenInputs, FrameInputs)


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    """First increments of 400 samples, convolutions of two blocks."""
    for adapter in ADAPTERS:
        training = replace(adapter.config.training, first_samples=400, first_epochs=8)
        monkeypatch.setattr(adapter, "config", replace(adapter.config, training=training))
    for adapter in (PixelInputs, MelInputs):
        monkeypatch.setattr(adapter, "config", replace(adapter.config, widths=(16, 32)))
