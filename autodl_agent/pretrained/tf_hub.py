"""TensorFlow Hub handles to folders of SavedModels: a local folder, a warm cache, or a network that answers at once."""

import hashlib
import logging
import os
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

log = logging.getLogger(__name__)
NETWORK_TIMEOUT_S = 2.0


def resolve(handle: str) -> Path | None:
    """The folder of the SavedModel behind a handle, or None (one line in the log) where it cannot be had.

    Imports tensorflow_hub, and TensorFlow with it, only when something must be downloaded. Without a network this
    returns after NETWORK_TIMEOUT_S at the latest.
    """
    parts = urlsplit(handle)
    if parts.scheme not in ("http", "https"):
        if _is_saved_model(Path(handle)):
            return Path(handle)
        log.info("TensorFlow Hub handle %s: no folder with a SavedModel", handle)
        return None
    warm = cache_folder() / hashlib.sha1(handle.encode(), usedforsecurity=False).hexdigest()
    if _is_saved_model(warm):
        return warm
    if not _answers(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)):
        log.info("TensorFlow Hub handle %s: not in the cache, and the host does not answer", handle)
        return None
    return _download(handle)


def cache_folder() -> Path:
    """Where tensorflow_hub keeps what it downloaded: TFHUB_CACHE_DIR or a folder in the temporary folder."""
    return Path(os.environ.get("TFHUB_CACHE_DIR") or Path(tempfile.gettempdir()) / "tfhub_modules")


def _download(handle: str) -> Path | None:
    try:
        import tensorflow_hub

        return Path(tensorflow_hub.resolve(handle))
    except Exception as error:  # whatever the network, the archive or the library does, the run goes on without it
        log.info("TensorFlow Hub handle %s: %s: %s", handle, type(error).__name__, error)
        return None


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=NETWORK_TIMEOUT_S):
            return True
    except (OSError, UnicodeError):
        return False


def _is_saved_model(folder: Path) -> bool:
    return (folder / "saved_model.pb").is_file()
