"""Encoders of texts and sounds in bytes against single precision: milliseconds, and what a head makes of them.

    python benchmarks/encoder_bytes.py SET…

SET: data sets of texts or sounds. Both forms encode the same rows in turn, on all cores, a few rows before that to warm
up; the head is ridge regression on at most MOST_ROWS training rows, judged on all test rows. Texts are read up to
PIECES pieces, sounds heard for SECONDS. Needs the extra `weights`.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.learners.base import Examples
from autodl_agent.learners.heads.config import RidgeConfig
from autodl_agent.learners.heads.ridge import fit_ridge
from autodl_agent.learners.text.frozen import PENALTIES
from autodl_agent.pretrained.encoders import can_load, file_of, text_encoder, whisper
from autodl_agent.pretrained.models.e5 import E5_LAYERS, E5Encoder, E5File
from autodl_agent.pretrained.models.resampling import resampled
from autodl_agent.pretrained.models.use import UseEncoder
from autodl_agent.pretrained.models.whisper import RATE, WhisperEncoder
from autodl_agent.pretrained.runtime.interpreter import interpreter_found
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Budget
from autodl_agent.system.resources import cores, limit_blas_threads
from data_format import open_dataset
from data_format.dataset import Dataset
from data_format.examples import Example
from data_format.media.sounds import sound

Floats = NDArray[np.float32]
Encode = Callable[[Sequence[Any]], Floats]
WARM, MOST_ROWS, PIECES, TOGETHER, SECONDS, HOURS_S = 64, 3000, 64, 32, 5.0, 3600.0


def text_forms(name: str) -> dict[str, Encode]:
    """Both forms of a text encoder: of lists of pieces."""
    fast = text_encoder(name).encode
    if name == "e5-small":
        exact = E5Encoder(E5File(file_of(name)))
        return {"float32": lambda texts: exact.encode(texts, E5_LAYERS).reshape(len(texts), -1), "bytes": fast}
    return {"float32": UseEncoder(file_of(name)).encode, "bytes": fast}


def sound_forms() -> dict[str, Encode]:
    """Both forms of Whisper's encoder: of sounds."""
    exact, fast = WhisperEncoder(file_of("whisper-tiny-en")), whisper()
    return {
        "float32": lambda sounds: np.stack([exact.moments(one).ravel() for one in sounds]),
        "bytes": lambda sounds: np.stack([fast.moments(one).ravel() for one in sounds]),
    }


def heard(example: Example, value_range: tuple[float, float]) -> Floats:
    """The first SECONDS of a sound as Whisper takes them."""
    wave, rate = sound(example, SECONDS, value_range)
    return resampled(np.asarray(wave, np.float32), rate, RATE)


def encoded(encode: Encode, inputs: Sequence[Any]) -> tuple[Floats, float, float]:
    """Features of all inputs in their order, and milliseconds an input: on the clock, of CPU."""
    order = np.argsort([len(one) for one in inputs], kind="stable")
    groups = [[inputs[k] for k in order[at : at + TOGETHER]] for at in range(0, len(order), TOGETHER)]
    wall, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(cores()) as pool:
        found = np.concatenate(list(pool.map(encode, groups)))
    spent = time.perf_counter() - wall, time.process_time() - cpu
    out = np.empty_like(found)
    out[order] = found
    return out, *(1000 * seconds / len(inputs) for seconds in spent)


def compare(path: Path, name: str, forms: dict[str, Encode], dataset: Dataset, rows: Examples, inputs: Any) -> None:
    """Print both forms' times and NAUC."""
    train, test = inputs
    for form, encode in forms.items():
        encoded(encode, test[:WARM])
        x, wall_ms, cpu_ms = encoded(encode, [*train, *test])
        head = fit_ridge(x[: len(train)], rows.labels, RidgeConfig(PENALTIES))
        score = nauc(dataset.truth(), head.probabilities(x[len(train) :]))
        print(
            f"{path.name:15} {name:16} {form:8} {wall_ms:6.2f} ms ({cpu_ms:.2f} of CPU)  NAUC {score:.4f}", flush=True
        )


def measure(path: Path) -> None:
    """All encoders of the data set's domain."""
    dataset = open_dataset(path)
    task = make_task(dataset, 0)
    store = TensorStore(dataset, task, Budget.from_now(HOURS_S).deadline(HOURS_S))
    rows = Examples(store, "train", np.arange(len(dataset.train)), dataset.train.labels).sample(MOST_ROWS, 0)
    tests = Examples(store, "test", np.arange(len(dataset.test)), dataset.test.labels)
    if task.domain is Domain.TEXT:
        for name in ("use-multilingual", "e5-small"):
            pieces = text_encoder(name).vocabulary
            inputs = [[pieces.encode(text, PIECES) for text in part.texts()] for part in (rows, tests)]
            compare(path, name, text_forms(name), dataset, rows, inputs)
    elif task.domain is Domain.SPEECH:
        inputs = [
            [heard(split.source.example(int(row)), task.value_range) for row in part.rows]
            for split, part in ((dataset.train, rows), (dataset.test, tests))
        ]
        compare(path, "whisper-tiny-en", sound_forms(), dataset, rows, inputs)
    else:
        print(f"{path.name}: texts or sounds expected, found {task.domain}")


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", type=Path, metavar="SET")
    given = parser.parse_args()
    if not (interpreter_found() and can_load("e5-small", "use-multilingual", "whisper-tiny-en")):
        print("the extra `weights` is not installed: nothing to measure")
        return
    limit_blas_threads()
    for path in given.sets:
        measure(path)


if __name__ == "__main__":
    main()
