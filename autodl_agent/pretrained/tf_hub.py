"""TensorFlow Hub handles: a folder with a SavedModel, a warm cache, or a network where one is asked for.

A run looks at folders and the cache alone; `autodl weights prepare` downloads.
"""

import hashlib
import logging
import os
import socket
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from autodl_agent.pretrained.networks import MissingWeightsError
from autodl_agent.pretrained.runtime.hub_module import HubModule

log = logging.getLogger(__name__)
IMAGE_VARIABLE = "AUTODL_IMAGE_HUB_HANDLE"
NETWORK_TIMEOUT_S = 2.0
_loaded: dict[str, HubModule] = {}
_lock = threading.Lock()


def image_handle() -> str:
    """The handle of an image feature vector module that the user names, or ""."""
    return os.environ.get(IMAGE_VARIABLE, "").strip()


def can_serve(handle: str) -> bool:
    """Whether `module(handle)` will most likely work: a few file look-ups, one line in the log where it will not."""
    found = bool(handle) and local_folder(handle) is not None
    if handle and not found:
        _report_missing(handle)
    return found


def module(handle: str) -> HubModule:
    """The module behind a handle in a folder or the cache; TensorFlow is loaded. Raises MissingWeightsError."""
    with _lock:
        if handle not in _loaded:
            folder = local_folder(handle)
            if folder is None:
                raise MissingWeightsError(f"TensorFlow Hub handle {handle}: {missing_reason(handle)}")
            try:
                _loaded[handle] = HubModule(tensorflow_hub().load(str(folder)))
            except Exception as error:  # whatever is in the folder, and whichever of three libraries refuses it
                raise MissingWeightsError(f"TensorFlow Hub handle {handle}: {type(error).__name__}: {error}") from error
        return _loaded[handle]


def local_folder(handle: str) -> Path | None:
    """The folder of the SavedModel behind a handle, without a network; None where it is not there."""
    folder = cached_folder(handle) if is_remote(handle) else Path(handle)
    return folder if (folder / "saved_model.pb").is_file() else None


def missing_reason(handle: str) -> str:
    """Why `local_folder` found nothing."""
    if is_remote(handle):
        return f"not in the cache ({cached_folder(handle)}); `autodl weights prepare` downloads it"
    return "no folder with a SavedModel"


def resolve(handle: str) -> Path:
    """The folder as `local_folder` finds it, else downloaded. Raises MissingWeightsError with the reason.

    Imports tensorflow_hub, and TensorFlow with it, only when something must be downloaded. Without a network this
    fails after NETWORK_TIMEOUT_S at the latest.
    """
    found = local_folder(handle)
    if found is not None:
        return found
    if not is_remote(handle):
        raise MissingWeightsError(f"TensorFlow Hub handle {handle}: {missing_reason(handle)}")
    parts = urlsplit(handle)
    if not _answers(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)):
        raise MissingWeightsError(f"TensorFlow Hub handle {handle}: not in the cache, and the host does not answer")
    try:
        return Path(tensorflow_hub().resolve(handle))
    except Exception as error:  # whatever the network, the archive or the library does
        raise MissingWeightsError(f"TensorFlow Hub handle {handle}: {type(error).__name__}: {error}") from error


def is_remote(handle: str) -> bool:
    """Whether a handle is an address, and not the name of a folder."""
    return urlsplit(handle).scheme in ("http", "https")


def cached_folder(handle: str) -> Path:
    """Where tensorflow_hub keeps, or would keep, what is behind an address: below TFHUB_CACHE_DIR or a default."""
    parent = os.environ.get("TFHUB_CACHE_DIR") or Path(tempfile.gettempdir()) / "tfhub_modules"
    return Path(parent) / hashlib.sha1(handle.encode(), usedforsecurity=False).hexdigest()


def tensorflow_hub() -> ModuleType:
    """The library. Raises ImportError.

    Version 0.16 compares versions with `pkg_resources`, which setuptools 82 and later no longer have: a stand-in is
    there while it is imported, and only then, lest others take it for the real one.
    """
    import tensorflow  # noqa: F401  (before the stand-in)
    from packaging.version import parse

    name = "pkg_resources"
    if name in sys.modules:
        import tensorflow_hub as library
    else:
        stand_in = ModuleType(name)
        stand_in.parse_version = parse  # type: ignore[attr-defined]
        sys.modules[name] = stand_in
        try:
            import tensorflow_hub as library
        finally:
            del sys.modules[name]
    found: ModuleType = library
    return found


@cache
def _report_missing(handle: str) -> None:
    log.warning("TensorFlow Hub handle %s is left out: %s", handle, missing_reason(handle))


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=NETWORK_TIMEOUT_S):
            return True
    except (OSError, UnicodeError):
        return False
