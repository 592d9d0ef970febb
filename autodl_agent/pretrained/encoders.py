"""Encoders of text and speech by name, found, checked and loaded once a process; shared by all learners and threads."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.pretrained.cache import cached
from autodl_agent.pretrained.catalog import known
from autodl_agent.pretrained.lookup import likely, look
from autodl_agent.pretrained.models.e5 import E5_LAYERS as E5_LAYERS
from autodl_agent.pretrained.models.e5 import LONGEST, E5Encoder, E5File
from autodl_agent.pretrained.models.e5_tflite import E5Lite
from autodl_agent.pretrained.models.speech_embedding import SpeechEmbedder
from autodl_agent.pretrained.models.unigram_tokenizer import Unigram
from autodl_agent.pretrained.models.use import UseEncoder, read_pieces
from autodl_agent.pretrained.models.use_tflite import UseLite, unpacked
from autodl_agent.pretrained.models.whisper import WhisperEncoder, mel_bank
from autodl_agent.pretrained.models.whisper_tflite import WhisperLite
from autodl_agent.pretrained.networks import MissingWeightsError, function, unpacked_path
from autodl_agent.pretrained.runtime.interpreter import LiteFunction, interpreter_found
from autodl_agent.system.errors import AutoDLError

log = logging.getLogger(__name__)
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TextEncoder:
    """vocabulary: texts to numbers of pieces. longest: pieces of one window.

    encode: numbers of the pieces of n windows -> (n, features).
    """

    vocabulary: Unigram
    longest: int
    features: int
    encode: Callable[[Sequence[Sequence[int]]], Floats]


_loaded: dict[str, Any] = {}
_lock = threading.Lock()


def can_load(*names: str) -> bool:
    """Whether files of the right size are there for all these names; nothing is read or imported."""
    return all(likely(known(name)) for name in names)


def text_encoder(name: str) -> TextEncoder:
    """The text encoder "use-multilingual" or "e5-small": 0.4-0.7 s once. Raises MissingWeightsError."""
    found: TextEncoder = _once(name, {"use-multilingual": _use, "e5-small": _e5}[name])
    return found


def e5_file() -> E5File:
    """The weights of "e5-small", for what trains them on. Raises MissingWeightsError."""
    found: E5File = _once("e5-small, file", lambda: E5File(file_of("e5-small")))
    return found


def whisper() -> WhisperEncoder | WhisperLite:
    """The encoder of Whisper tiny.en: 0.1 s once, and librosa's import. Raises MissingWeightsError."""
    found: WhisperEncoder | WhisperLite = _once("whisper-tiny-en", _whisper)
    return found


def speech_embedder() -> SpeechEmbedder:
    """Google's speech_embedding: 0.1 s once. Raises MissingWeightsError."""
    files = ("speech-melspectrogram", "speech-embedding")
    found: SpeechEmbedder = _once("speech-embedding", lambda: SpeechEmbedder(*map(file_of, files)))
    return found


def _use() -> TextEncoder:
    vocabulary, path = read_pieces(file_of("use-multilingual-pieces")), file_of("use-multilingual")
    fast = _in_bytes("use-multilingual")
    encoder = UseEncoder(path, _table_of_use(path) if fast else None)
    encode = UseLite(encoder, fast).encode if fast else encoder.encode
    return TextEncoder(vocabulary, 1 << 16, encoder.features, encode)


def _table_of_use(path: Path) -> NDArray[np.uint8] | None:
    """The table of pieces, unpacked once into the cache; None where that cannot be."""
    try:
        file = cached(unpacked_path(known("use-multilingual")).name, lambda: unpacked(path))
    except (AutoDLError, OSError) as error:
        log.info("the table of pieces is unpacked anew in each run: %s", error)
        return None
    try:
        table: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        log.warning("%s is damaged and will be made anew: %s", file, error)
        file.unlink(missing_ok=True)
        return None
    return table


def _e5() -> TextEncoder:
    file = E5File(file_of("e5-small"))
    fast = _in_bytes("e5-small")
    encode = E5Lite(file, fast).encode if fast else partial(_encode_e5, E5Encoder(file))
    return TextEncoder(file.vocabulary(), LONGEST, file.width * len(E5_LAYERS), encode)


def _encode_e5(encoder: E5Encoder, texts: Sequence[Sequence[int]]) -> Floats:
    return encoder.encode(texts, E5_LAYERS).reshape(len(texts), -1)


def _whisper() -> WhisperEncoder | WhisperLite:
    mel_bank()  # imports librosa: here, where its absence is one line in the log, and before threads hear
    path, fast = file_of("whisper-tiny-en"), _in_bytes("whisper-tiny-en")
    return WhisperLite(path, fast) if fast else WhisperEncoder(path)


def _in_bytes(name: str) -> LiteFunction | None:
    """The encoder's converted graph, where it can be run; numpy computes in its place otherwise."""
    if not interpreter_found():
        return None
    try:
        return function(name)
    except MissingWeightsError as error:
        log.warning("%s; it is computed in numpy instead, which takes longer", error)
        return None


def _once(name: str, load: Callable[[], Any]) -> Any:
    with _lock:
        if name not in _loaded:
            try:
                _loaded[name] = load()
            except MissingWeightsError:
                raise
            except (AutoDLError, OSError, ImportError, ValueError) as error:
                raise MissingWeightsError(f"{name} cannot be used: {error}") from error
        return _loaded[name]


def file_of(name: str) -> Path:
    """The checked file of this name. Raises MissingWeightsError."""
    found = look(known(name))
    if found.path is None:
        raise MissingWeightsError(f"{name} not found ({'; '.join(found.reasons)})")
    return found.path
