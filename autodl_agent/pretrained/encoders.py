"""Encoders of text and speech by name, found, checked and loaded once a process; shared by all learners and threads."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.errors import AutoDLError
from autodl_agent.pretrained.e5 import LONGEST, E5Encoder, E5File
from autodl_agent.pretrained.lookup import likely, look
from autodl_agent.pretrained.models import MissingWeightsError
from autodl_agent.pretrained.speech import SpeechEmbedder
from autodl_agent.pretrained.table import known
from autodl_agent.pretrained.unigram import Unigram
from autodl_agent.pretrained.use import UseEncoder, read_pieces
from autodl_agent.pretrained.whisper import WhisperEncoder

Floats = NDArray[np.float32]
# The last layer is made for search; what tells classes apart stands in the middle too. Its makers put "query: " before
# every text, which costs a sixth of the time and was not seen to help classifiers.
E5_LAYERS = (4, 8, 10, 12)


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
    found: E5File = _once("e5-small, file", lambda: E5File(_file("e5-small")))
    return found


def whisper() -> WhisperEncoder:
    """The encoder of Whisper tiny.en: 0.1 s once. Raises MissingWeightsError."""
    found: WhisperEncoder = _once("whisper-tiny-en", lambda: WhisperEncoder(_file("whisper-tiny-en")))
    return found


def speech_embedder() -> SpeechEmbedder:
    """Google's speech_embedding: 0.1 s once. Raises MissingWeightsError."""
    files = ("speech-melspectrogram", "speech-embedding")
    found: SpeechEmbedder = _once("speech-embedding", lambda: SpeechEmbedder(*map(_file, files)))
    return found


def _use() -> TextEncoder:
    encoder = UseEncoder(_file("use-multilingual"))
    vocabulary = read_pieces(_file("use-multilingual-pieces"))
    return TextEncoder(vocabulary, 1 << 16, encoder.features, encoder.encode)


def _e5() -> TextEncoder:
    file = E5File(_file("e5-small"))
    encoder = E5Encoder(file)

    def encode(texts: Sequence[Sequence[int]]) -> Floats:
        return encoder.encode(texts, E5_LAYERS).reshape(len(texts), -1)

    return TextEncoder(file.vocabulary(), LONGEST, encoder.features * len(E5_LAYERS), encode)


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


def _file(name: str) -> Path:
    found = look(known(name))
    if found.path is None:
        raise MissingWeightsError(f"{name} not found ({'; '.join(found.reasons)})")
    return found.path
