"""One zip that is a submission: `model.py` at its root and the two packages it imports, nothing of this machine.

Unzipped anywhere, it runs where TensorFlow, NumPy, scikit-learn and LightGBM are installed; our package need not be.
"""

import zipfile
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from autodl_agent.system.errors import UsageError
from data_format.atomic import atomic_file

MOST_BYTES = 300 << 20  # the platform's limit for a submission
KEPT = (".py", ".proto", ".binpb", ".typed", ".json", ".j2", ".css", ".js")
STAMP = (2020, 1, 1, 0, 0, 0)  # the same sources give the same zip
MODEL = '''"""Submission to an AutoDL challenge: the autodl agent, brought along in the folders beside this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from autodl_agent.challenge.submission.model import Model  # noqa: E402

__all__ = ["Model"]
'''


def write_bundle(out: Path, weights: dict[str, Path] | None = None) -> int:
    """Write the zip and return its size in bytes. weights: name in the zip's `weights/` folder -> file to add.

    Raises UsageError when the result would be larger than the platform takes.
    """
    if out.is_dir():
        raise UsageError(f"a file name such as {out / 'submission.zip'} expected, {out} is a folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(out) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "model.py", MODEL.encode())
        for package in ("autodl_agent", "data_format"):
            _add_tree(archive, resources.files(package), package)
        for name, path in sorted((weights or {}).items()):
            _add(archive, f"weights/{name}", path.read_bytes())
    size = out.stat().st_size
    if size > MOST_BYTES:
        out.unlink()
        raise UsageError(f"{out}: at most {MOST_BYTES >> 20} MB expected, {size >> 20} MB found; bundle fewer weights")
    return size


def _add_tree(archive: zipfile.ZipFile, folder: Traversable, prefix: str) -> None:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        name = f"{prefix}/{entry.name}"
        if entry.is_dir():
            if entry.name != "__pycache__":
                _add_tree(archive, entry, name)
        elif entry.name.endswith(KEPT):
            _add(archive, name, entry.read_bytes())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, STAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)


def found_weights() -> dict[str, Path]:
    """Pretrained files found on this machine, checked: name in the zip -> path."""
    from autodl_agent.pretrained.catalog import WEIGHTS
    from autodl_agent.pretrained.lookup import find

    return {path.name: path for weights in WEIGHTS if (path := find(weights.name)) is not None}
