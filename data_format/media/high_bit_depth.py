"""Images of more than 8 bits a value, at full depth: which files may be such, and 16-bit colour.

Pillow reads 16-bit grey, 32-bit integers and floats as they are, but keeps only the high byte of 16-bit colour; OpenCV
has all of it.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data_format.media.file_types import image_format

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

HEAD_BYTES = 64


def may_be_deep(head: bytes) -> bool:
    """Whether an image whose file starts with these 64 bytes may have more than 8 bits a value."""
    form = image_format(head)
    if form == "PNG":
        return len(head) > 24 and head[24] == 16
    return form in ("TIFF", "PPM", "JPEG2000")


def deep_grey(image: "PillowImage") -> NDArray[Any] | None:
    """(rows, columns, 1) numbers of a loaded image in grey of more than 8 bits, else None."""
    return np.asarray(image)[..., None] if image.mode.startswith(("I", "F")) else None


def deep_colour(image: "PillowImage", blob: bytes) -> NDArray[np.uint16] | None:
    """(rows, columns, 3), before rotation, of an image in 16-bit colour without alpha, not loaded yet; else None."""
    tiles = getattr(image, "tile", ())  # (…, arguments of the decoder) each; only images that come from files have any
    if not any("RGB;16" in str(tile[3]) for tile in tiles):
        return None
    import cv2

    try:
        found = cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if found is None or found.dtype != np.uint16 or found.ndim != 3 or found.shape[2] != 3:
        return None
    return np.asarray(found[..., ::-1], np.uint16)


def upright(values: NDArray[np.uint16], orientation: int) -> NDArray[np.uint16]:
    """Turn by an EXIF orientation: from 5 on rows and columns are swapped, then one or both are reversed."""
    if orientation >= 5:
        values = values.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values[:, ::-1] if orientation in (2, 3, 6, 7) else values
