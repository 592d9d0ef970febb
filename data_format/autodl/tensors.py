"""Examples as the challenge's models see them: float32 arrays of shape (time, rows, columns, channels).

These are exactly the official decoding rules (dense as stored, images divided by 255, sparse records as lists);
learners use the decoders and the store instead.
"""

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from data_format.autodl.metadata import Metadata
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Encoded, Example, MediaFile, Sparse, Text
from data_format.media.images import decode_frame


def tensor(example: Example, metadata: Metadata) -> NDArray[np.float32]:
    """The element that a challenge data set yields for this example, float32 (time, rows, columns, channels).

    Sparse records of tables give (1, nnz, 2, 1) rows of [column, value], those of texts (nnz, 1, 1, 1) channel
    indices. Raises Unreadable for frames that cannot be decoded or differ in size, DataError for raw examples.
    """
    match example:
        case Dense(array):
            return array
        case Encoded(frames):
            return _frames(frames, metadata)
        case Sparse():
            return _pairs(example, metadata)
        case MediaFile() | Text():
            raise DataError(f"expected an example of an AutoDL record, found {type(example).__name__}")
        case _:
            assert_never(example)


def _frames(frames: tuple[bytes, ...], metadata: Metadata) -> NDArray[np.float32]:
    _, rows, columns, channels = metadata.shape
    if not frames:
        return np.zeros((0, max(rows, 0), max(columns, 0), channels), np.float32)
    images = [decode_frame(blob, channels) for blob in frames]
    sizes = sorted({image.shape[:2] for image in images})
    if len(sizes) > 1:
        raise Unreadable(f"frames differ in size: {sizes[0]} and {sizes[1]}")
    return np.stack(images).astype(np.float32) / np.float32(255)


def _pairs(sparse: Sparse, metadata: Metadata) -> NDArray[np.float32]:
    columns, channels = metadata.shape[2:]
    # Official rule: more columns than channels means a table. An unknown width can only be a table's.
    if columns <= 0 or columns > channels:
        return np.stack([sparse.columns.astype(np.float32), sparse.values], axis=1)[None, :, :, None]
    return sparse.channels.astype(np.float32)[:, None, None, None]
