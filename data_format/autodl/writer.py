"""Any Dataset -> AutoDL format: the reader's inverse.

`out/NAME/NAME.data/{train,test}/{metadata.textproto, sample-NAME-<subset>.tfrecord}`, `NAME.solution` where the
truth is known, `NAME_label.name`, and for tables with string columns `NAME_categories.json` (column -> values by code).
Examples stream through one at a time; the folder appears whole or not at all.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_format.atomic import write_atomic
from data_format.autodl.encoding import Columns, encoder
from data_format.autodl.metadata import FILE_NAME, Format, MatrixSpec, Metadata, format_metadata
from data_format.autodl.sequence_example import encode_record
from data_format.autodl.tfrecord import write_records
from data_format.dataset import Dataset, Problem, Split
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Encoded, Example, Sparse
from data_format.media.images import image_size
from data_format.predictions import format_matrix

_VARIES = -1


def write_dataset(dataset: Dataset, out: Path, name: str | None = None) -> Path:
    """Write a data set in AutoDL format as the folder `out/name` (default: the data set's name); returns that folder.

    Test rows get the ids 0 to n-1, training rows the ids after them. A training example that cannot be read is left
    out and listed in the data set's problems; a test example keeps its row, empty. Raises DataError when the folder
    exists already or the examples do not fit one description, OSError when it cannot be written.
    """
    name = dataset.name if name is None else name
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise DataError(f"expected a data set name that can be a folder's, found {name!r}")
    target = out / name
    if target.exists():
        raise DataError(f"{target}: expected no such folder yet, found one")
    out.mkdir(parents=True, exist_ok=True)
    # In the same folder, so that the last step is a rename within one file system.
    temporary = Path(tempfile.mkdtemp(prefix=".tmp_", dir=out))
    try:
        _Writer(dataset, temporary, name).write()
        temporary.chmod(0o755)  # mkdtemp makes folders for the owner alone
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return target


@dataclass
class _Forms:
    """Format and sizes of the examples written so far; 0 = none yet, -1 = they differ."""

    format: Format | None = None
    time: int = 0
    rows: int = 0
    columns: int = 0
    channels: int = 0

    def add(self, example: Example) -> None:
        """Take note of one example. Raises DataError when its form does not fit the ones before."""
        if isinstance(example, Encoded):
            self._set_format("COMPRESSED")
            self.time = _merged(self.time, len(example.frames))
            # A format that varies already needs no more decoding of headers.
            if example.frames and (self.rows != _VARIES or self.columns != _VARIES):
                try:
                    rows, columns, _ = image_size(example)
                except Unreadable:
                    return
                self.rows, self.columns = _merged(self.rows, rows), _merged(self.columns, columns)
        elif isinstance(example, Dense):
            self._set_format("DENSE")
            self.time = _merged(self.time, len(example.array))
            sizes = example.array.shape[1:]
            if self.rows and sizes != (self.rows, self.columns, self.channels):
                before = (self.rows, self.columns, self.channels)
                raise DataError(f"expected all examples of the size {before} (rows, columns, channels), found {sizes}")
            self.rows, self.columns, self.channels = sizes
        elif isinstance(example, Sparse):
            self._set_format("SPARSE")
        else:
            raise DataError(f"expected an example that a record can hold, found {type(example).__name__}")

    def _set_format(self, found: Format) -> None:
        if self.format not in (None, found):
            raise DataError(f"expected all examples as {self.format} records, found a {found} one")
        self.format = found


def _merged(before: int, found: int) -> int:
    return found if before in (0, found) else _VARIES


class _Writer:
    """Writes one data set into one folder."""

    def __init__(self, dataset: Dataset, folder: Path, name: str) -> None:
        self.dataset, self.folder, self.name = dataset, folder, name
        self.domain = dataset.domain[0] if dataset.domain else None
        self.seen = _Forms()
        self.tokens: dict[str, int] = {token: index for index, token in dataset.vocabulary.items()}
        self.encode = encoder(dataset, self.tokens)
        self.columns: Columns | None = None

    def write(self) -> None:
        """Write everything; descriptions come last, when sizes and vocabulary are known."""
        train, test = self.dataset.train, self.dataset.test
        data = self.folder / f"{self.name}.data"
        counts = {}
        for subset, split, first_id in (("train", train, len(test)), ("test", test, 0)):
            (data / subset).mkdir(parents=True)
            file = data / subset / f"sample-{self.name}-{subset}.tfrecord"
            counts[subset] = write_records(file, self._records(split, first_id, labelled=subset == "train"))
        for subset, count in counts.items():
            write_atomic(data / subset / FILE_NAME, format_metadata(self._metadata(count)).encode())
        if not any("\n" in label or "\r" in label for label in self.dataset.class_names):
            lines = "".join(f"{label}\n" for label in self.dataset.class_names)
            write_atomic(self.folder / f"{self.name}_label.name", lines.encode("utf-8", "backslashreplace"))
        if self.columns is not None and self.columns.categories:
            text = json.dumps(self.columns.categories, ensure_ascii=False, indent=1)
            write_atomic(self.folder / f"{self.name}_categories.json", text.encode("utf-8", "backslashreplace"))
        truth = self.dataset.truth()
        if truth is not None:
            write_atomic(self.folder / f"{self.name}.solution", format_matrix(truth))

    def _records(self, split: Split, first_id: int, labelled: bool) -> Iterator[bytes]:
        """Encoded records of a split."""
        for index, example in self._examples(split):
            if example is None and labelled:
                continue
            # Test records carry empty lists: the truth goes to the solution file and nowhere else.
            indices = np.flatnonzero(split.labels[index]).tolist() if labelled else []
            scores = split.labels[index, indices].tolist() if indices else []
            if example is None:
                example = self._nothing()
            else:
                self.seen.add(example)
            yield encode_record(example, indices, scores, first_id + index)

    def _examples(self, split: Split) -> Iterator[tuple[int, Example | None]]:
        """Examples in the form of records; None for one that cannot be read, which is listed in the problems."""
        if self.domain == "tabular":
            table = split.source.table()
            self.columns = self.columns or Columns.of(table)
            yield from enumerate(self.columns.rows(table))
            return
        for index in range(len(split)):
            try:
                yield index, self.encode(split.source.example(index))
            except Unreadable as error:
                self.dataset.problems.append(Problem(split.ids[index], str(error)))
                yield index, None

    def _nothing(self) -> Example:
        """A record without content, for a test row that cannot be read: as unreadable as the original."""
        if self.seen.format == "DENSE":
            sizes = (self.seen.rows, self.seen.columns, self.seen.channels)
            return Dense(np.zeros((0, *sizes), np.float32))
        if self.seen.format == "SPARSE":
            none = np.zeros(0, np.int64)
            return Sparse(none, none, none, np.zeros(0, np.float32))
        return Encoded(())

    def _metadata(self, count: int) -> Metadata:
        time, rows, columns, channels = self._shape()
        spec = MatrixSpec(
            col_count=columns,
            row_count=rows,
            has_locality_col=self.domain != "tabular",
            has_locality_row=self.domain != "tabular",
            format=self.seen.format or "DENSE",
            num_channels=channels,
        )
        names = self.dataset.class_names
        labels = {label: index for index, label in enumerate(names)}
        features = self.columns.names if self.columns else ()
        return Metadata(
            sample_count=count,
            output_dim=len(names),
            matrix_specs=(spec,),
            sequence_size=time,
            is_sequence=time != 1,
            label_to_index_map=labels if len(labels) == len(names) else {},
            feature_to_index_map={feature: index for index, feature in enumerate(features)},
            channel_to_index_map=self.tokens,
        )

    def _shape(self) -> tuple[int, int, int, int]:
        """(time, rows, columns, channels) for the description. The challenge derives the domain from it."""
        seen = self.seen
        time, rows, columns, channels = self.dataset.shape
        if self.domain is None:  # records already: their description holds
            if seen.format == "DENSE" and seen.rows:
                rows, columns, channels = seen.rows, seen.columns, seen.channels
            return time, rows, columns, channels
        if self.domain == "tabular":
            return 1, 1, len(self.columns.names) if self.columns else 0, 1
        if self.domain in ("text", "speech"):
            return _VARIES, 1, 1, seen.channels or 1
        sizes = (seen.rows or _VARIES, seen.columns or _VARIES)
        if self.domain == "video" and seen.time <= 1:  # one frame would read as an image
            return (_VARIES, *sizes, channels if channels > 0 else 3)
        time = 1 if self.domain == "image" else seen.time
        return (time, *sizes, seen.channels or (channels if channels > 0 else 3))
