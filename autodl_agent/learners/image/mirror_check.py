"""Whether pictures may be mirrored, by what left-out rows say of a linear model on gradients."""

from autodl_agent.learners.base import Examples
from autodl_agent.learners.networks.common import decoded
from autodl_agent.learners.vision.block_weights import CHOICE_ROWS, choose
from autodl_agent.learners.vision.features import gradient_feature
from autodl_agent.learners.vision.mirror_symmetry import fold
from autodl_agent.system.clock import Deadline

SIDE_PX = 32


def mirroring_is_harmless(data: Examples, least_rows: int, seed: int, deadline: Deadline) -> bool:
    """False of fewer readable rows than least_rows, which cannot tell. Raises OutOfTimeError."""
    features = (gradient_feature(data.task, SIDE_PX),)
    few = decoded(data.sample(CHOICE_ROWS, seed), features[0].recipe, deadline)
    if len(few) < least_rows:
        return False
    return not choose(fold(few, features, deadline), few.labels, features, ((),), seed).with_odd
