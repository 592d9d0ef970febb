"""Trained networks learn in a fraction of their usual samples here: the contract is the same, the wait is not."""

from dataclasses import replace

import pytest

from autodl_agent.learners.image.resnet import ScratchImage
from autodl_agent.learners.speech.resnet import SoundNetwork
from autodl_agent.learners.tabular.mlp import TableNetwork
from autodl_agent.learners.text.cnn import TextNetwork
from autodl_agent.learners.video.frame_sequence import FrameSequence

NETWORKS = (ScratchImage, SoundNetwork, TableNetwork, TextNetwork, FrameSequence)


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    """First increments of 400 samples, convolutions of two blocks."""
    for network in NETWORKS:
        training = replace(network.config.training, first_samples=400, first_epochs=8)
        monkeypatch.setattr(network, "config", replace(network.config, training=training))
    for network in (ScratchImage, SoundNetwork):
        monkeypatch.setattr(network, "config", replace(network.config, widths=(16, 32)))
