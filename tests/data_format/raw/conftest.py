from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Make = Callable[..., Path]


@pytest.fixture
def image(tmp_path: Path) -> Make:
    """Write a flat picture below tmp_path; grey=True makes it single-channel."""

    def write(name: str, level: int = 100, grey: bool = False, form: str = "PNG") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((6, 8) if grey else (6, 8, 3), level, np.uint8)
        Image.fromarray(pixels).save(path, format=form)
        return path

    return write


@pytest.fixture
def write(tmp_path: Path) -> Make:
    """Write text or bytes below tmp_path."""

    def put(name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return put


@pytest.fixture
def csv_file(write: Make) -> Make:
    """Write rows as plain comma-separated lines."""

    def put(name: str, head: str, rows: Sequence[Sequence[object]], encoding: str = "utf-8") -> Path:
        lines = [head, *(",".join(map(str, row)) for row in rows)]
        return write(name, "\n".join(lines) + "\n", encoding)

    return put
