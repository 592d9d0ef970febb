"""What the constructor of a submission does before the clock starts: everything once, on random examples.

A rehearsal of the first rounds on data of the shape that the metadata describes imports what will be needed, opens the
pretrained models and fills the caches of the numerical libraries; nothing of it is kept, and no real example is seen.
"""

import io
import logging
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.challenge.submission import input_data
from autodl_agent.data.domain import domain_of
from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.policy.planner import Slice, SliceRecord
from autodl_agent.engine.worker.factory import launch_worker, libraries_found, switched_off
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN, LearnerSpec
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.session import Session
from autodl_agent.system.clock import Budget
from data_format.dataset import Dataset

if TYPE_CHECKING:
    from autodl_agent.engine.worker.client import WorkerClient

log = logging.getLogger(__name__)
ROWS = 24
LONGEST_S = 20.0  # of a rehearsal; the rules allow the constructor 1200
LOADING_S = 60.0  # that the worker may take to load its libraries
MOST_VALUES = 3_000_000  # of one random example
USUAL = {  # (time, rows, columns) where the metadata leave them open
    Domain.IMAGE: (1, 64, 64),
    Domain.VIDEO: (12, 48, 64),
    Domain.SPEECH: (16_000, 1, 1),
    Domain.TEXT: (30, 1, 1),
    Domain.TABULAR: (1, 1, 20),
}


def warm_up(metadata: Any) -> "WorkerClient | None":
    """Import what the ladder of the domain will need, then rehearse.

    Returns the client of a worker process that has loaded its libraries, where the domain has learners that need one.
    """
    domain = _domain(metadata)
    for name in ("scipy.sparse", "scipy.linalg", "sklearn.linear_model", "lightgbm"):
        try:
            import_module(name)
        except ImportError as error:
            log.info("not there: %s", error)
    heavy = [spec for spec in LEARNERS_BY_DOMAIN[domain] if spec.worker]
    worker = (
        launch_worker(heavy, Budget.from_now(LOADING_S))
        if heavy and libraries_found(heavy) and not switched_off()
        else None
    )
    for spec in LEARNERS_BY_DOMAIN[domain]:
        if not spec.worker:
            import_module(f"autodl_agent.learners.{spec.where.partition(':')[0]}")
    if not isinstance(metadata, Mapping):
        input_data.read_descriptions(metadata)
        _warm_decoders(domain)
    _rehearse(_random_dataset(metadata, domain))
    if worker is not None:
        worker.wait_loaded(LOADING_S)
    return worker


def _domain(metadata: Any) -> Domain:
    if isinstance(metadata, Mapping):
        return Domain.TEXT if "language" in metadata else Domain.SPEECH
    empty = (input_data.PackedSource([]), np.zeros((0, int(metadata.get_output_size())), np.float32))
    return domain_of(input_data.stream_dataset(metadata, empty, empty[0]))[0]


def _rehearse(dataset: Dataset) -> None:
    """Play one slice of every learner; their predictions are for nobody."""
    session = Session(dataset, Budget.from_now(LONGEST_S), choose=_each_once, config=RunConfig(use_worker=False))
    session.start()
    session.join(LONGEST_S + 1)


def _each_once(
    history: Sequence[SliceRecord],
    candidates: Sequence[LearnerSpec],
    task: Task,
    elapsed_s: float,
    total_s: float,
    folds: int = 1,
) -> Slice | None:
    played = {record.learner for record in history}
    return next((Slice(spec, total_s - elapsed_s, 1.0) for spec in candidates if spec.name not in played), None)


def _random_dataset(metadata: Any, domain: Domain) -> Dataset:
    rng = np.random.default_rng(0)
    if isinstance(metadata, Mapping):
        classes = int(metadata["class_num"])
        labels = _labels(classes)
        examples = [_sibling_example(domain, rng) for _ in range(2 * ROWS)]
        return input_data.sibling_dataset(metadata, (examples[:ROWS], labels), examples[ROWS:])
    labels = _labels(int(metadata.get_output_size()))
    arrays = [_example(metadata, domain, rng) for _ in range(2 * ROWS)]
    train = input_data.PackedSource(arrays[:ROWS]), labels
    return input_data.stream_dataset(metadata, train, input_data.PackedSource(arrays[ROWS:]))


def _labels(classes: int) -> NDArray[np.float32]:
    labels = np.zeros((ROWS, classes), np.float32)
    labels[np.arange(ROWS), np.arange(ROWS) % min(classes, 4)] = 1
    return labels


def _sibling_example(domain: Domain, rng: np.random.Generator) -> Any:
    if domain is Domain.TEXT:
        return " ".join(map(str, rng.integers(0, 100, 12)))
    return rng.normal(0, 0.1, 16_000).astype(np.float32)


def _example(metadata: Any, domain: Domain, rng: np.random.Generator) -> NDArray[Any]:
    time, rows, columns, channels = (int(side) for side in metadata.get_tensor_shape())
    usual = USUAL[domain]
    sides = [side if side > 0 else other for side, other in zip((time, rows, columns), usual, strict=True)]
    while np.prod(sides) * max(channels, 1) > MOST_VALUES:
        sides = [max(1, side // 2) for side in sides]
    shape = (*sides, max(channels, 1))
    if domain is Domain.TEXT:
        return rng.integers(0, max(2, len(metadata.get_channel_to_index_map())), shape).astype(np.float32)
    return rng.random(shape, np.float32)


def _warm_decoders(domain: Domain) -> None:
    """TensorFlow, where the program that runs us has it, makes and reads one data set; one small picture is decoded."""
    if (tf := sys.modules.get("tensorflow")) is not None:
        pairs = tf.data.Dataset.from_tensor_slices(np.zeros((2, 2), np.float32)).map(lambda row: (row, row))
        list(pairs.as_numpy_iterator())
    if domain not in (Domain.IMAGE, Domain.VIDEO):
        return
    try:
        from PIL import Image
    except ImportError:  # the pictures then come decoded
        return
    from data_format.examples import Encoded
    from data_format.media.images import image_at

    picture = io.BytesIO()
    Image.new("RGB", (16, 16)).save(picture, "JPEG")
    image_at(Encoded((picture.getvalue(),)), 8, 8, 3)
