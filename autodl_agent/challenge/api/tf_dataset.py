"""An AutoDL subset as the `tf.data.Dataset` that the challenge hands to a submission.

Elements are (example, labels): float32 (time, rows, columns, channels) and float32 (classes,), in the challenge's
order of records (files sorted by name, one record in turn from up to three of them). Two official defects are mended:
files come sorted, and sparse tables come dense. TensorFlow is imported when a data set is made, not before.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from autodl_agent.challenge.api.metadata import AutoDLMetadata
from data_format.autodl.metadata import Metadata, read_metadata
from data_format.autodl.records import PREFIX
from data_format.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_SPARSE = {name: f"0_sparse_{name}" for name in ("row_index", "col_index", "channel_index", "value")}
# Larger rows stay lists of cells: a row of 16 M floats would not fit a batch anyway.
_MAX_DENSE_ROW = 1 << 24


class AutoDLDataset:
    """One subset folder, `…/NAME.data/train` or `…/test`."""

    def __init__(self, dataset_name: str | Path, num_parallel_readers: int = 3, labelled: bool = True) -> None:
        """labelled: False gives zeros for all labels, whatever the records say (a test set never tells).

        Raises DataError naming the file where the description or the records are missing.
        """
        self.dataset_name_ = str(dataset_name)
        self._description = read_metadata(Path(dataset_name))
        self.metadata_ = AutoDLMetadata(dataset_name, self._description)
        self._readers, self._labelled = num_parallel_readers, labelled
        self._files = _record_files(Path(dataset_name))
        self._dataset: Any = None

    def get_dataset(self) -> Any:
        """The tf.data.Dataset, eager and re-iterable, the same object on every call."""
        if self._dataset is None:
            self._dataset = _make_dataset(self._files, self._readers, self._description, self._labelled)
        return self._dataset

    def get_metadata(self) -> AutoDLMetadata:
        """The description of the subset."""
        return self.metadata_

    def get_class_labels(self) -> list[str]:
        """Class names by column; the column's number where it has no name."""
        names = [str(column) for column in range(self._description.output_dim)]
        for name, column in self._description.label_to_index_map.items():
            names[column] = name
        return names

    def get_nth_element(self, n: int) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
        """Example and labels of record `n`, counted from 0. Raises IndexError beyond the last one."""
        for example, labels in self.get_dataset().skip(n).take(1):
            return example.numpy(), labels.numpy()
        raise IndexError(f"{self.dataset_name_}: expected a record {n}, found the end of the data before it")

    def show_image(self, n: int) -> "Image":
        """Open a viewer on the first frame of record `n` (where there is one); gives the picture, a PIL image."""
        import numpy as np
        from PIL import Image

        example, labels = self.get_nth_element(n)
        frame = example[0]
        # Encoded images lie in [0, 1]; a dense one may have any range.
        low, high = (0.0, 1.0) if self._description.format == "COMPRESSED" else (float(frame.min()), float(frame.max()))
        pixels = np.rint((frame - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
        picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] < 3 else pixels[:, :, :3])
        names = self.get_class_labels()
        picture.show(title=f"record {n}: " + ", ".join(names[column] for column in np.flatnonzero(labels)))
        return picture


def _record_files(folder: Path) -> list[str]:
    try:
        files = sorted(str(path) for path in folder.iterdir() if path.name.startswith(PREFIX) and path.is_file())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from None
    if not files:
        raise DataError(f"{folder}: expected record files whose names start with {PREFIX!r}, found none")
    return files


def _make_dataset(files: list[str], readers: int, metadata: Metadata, labelled: bool) -> Any:
    import tensorflow as tf

    if len(files) == 1:
        records = tf.data.TFRecordDataset(files)
    else:
        names = tf.data.Dataset.from_tensor_slices(files)
        # Without parallel calls the order is certain; the map below is where the work is.
        records = names.interleave(tf.data.TFRecordDataset, cycle_length=readers, block_length=1)
    parser = _Parser(tf, metadata, labelled)
    return records.map(parser.parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


class _Parser:
    """Record bytes -> (example, labels), in TensorFlow operations so that a map may run it in parallel."""

    def __init__(self, tf: Any, metadata: Metadata, labelled: bool) -> None:
        self.tf, self.metadata, self.labelled = tf, metadata, labelled
        time, rows, columns, self.channels = metadata.shape
        self.time, self.rows, self.columns = (size if size > 0 else None for size in (time, rows, columns))

    def parse(self, record: Any) -> tuple[Any, Any]:
        """Parse and decode one serialized SequenceExample."""
        tf = self.tf
        numbers = tf.io.VarLenFeature(tf.int64), tf.io.VarLenFeature(tf.float32)
        context, lists = tf.io.parse_single_sequence_example(
            record,
            context_features={"label_index": numbers[0], "label_score": numbers[1]},
            sequence_features=self._features(),
        )
        decode = {"DENSE": self._dense, "COMPRESSED": self._encoded, "SPARSE": self._sparse}
        example = decode[self.metadata.format](lists)
        return example, self._labels(context["label_index"].values, context["label_score"].values)

    def _features(self) -> dict[str, Any]:
        io, tf = self.tf.io, self.tf
        if self.metadata.format == "COMPRESSED":
            return {"0_compressed": io.VarLenFeature(tf.string)}
        if self.metadata.format == "DENSE":
            if self.rows is None or self.columns is None:
                return {"0_dense_input": io.VarLenFeature(tf.float32)}
            width = self.rows * self.columns * self.channels
            return {"0_dense_input": io.FixedLenSequenceFeature([width], tf.float32)}
        return {key: io.VarLenFeature(tf.float32 if name == "value" else tf.int64) for name, key in _SPARSE.items()}

    def _labels(self, index: Any, score: Any) -> Any:
        """(classes,) scores at their indices; of a repeated index the last counts. Wrong lists fail when read."""
        tf, classes = self.tf, self.metadata.output_dim
        if not self.labelled:
            return tf.zeros([classes], tf.float32)
        checks = [
            tf.debugging.assert_equal(tf.size(index), tf.size(score), "expected one label_score per label_index"),
            tf.debugging.assert_less(index, tf.constant(classes, tf.int64), f"label_index of {classes} or more"),
            tf.debugging.assert_non_negative(index, "negative label_index"),
        ]
        with tf.control_dependencies([check for check in checks if check is not None]):
            # A scatter leaves open which of two updates of one place wins, so the last place is looked up instead.
            hits = tf.one_hot(index, classes, dtype=tf.int32) * tf.range(1, tf.size(index) + 1)[:, None]
            last = tf.maximum(tf.reduce_max(hits, axis=0), 0)
            return tf.ensure_shape(tf.gather(tf.concat([[0.0], score], 0), last), [classes])

    def _dense(self, lists: dict[str, Any]) -> Any:
        tf, steps = self.tf, lists["0_dense_input"]
        if self.rows is not None and self.columns is not None:
            example = tf.reshape(steps, [-1, self.rows, self.columns, self.channels])
        else:  # one size follows from the number of floats; where both are open a step is one row
            steps = tf.sparse.to_dense(steps)
            rows = self.rows or (1 if self.columns is None else -1)
            example = tf.reshape(steps, [tf.shape(steps)[0], rows, self.columns or -1, self.channels])
        return tf.ensure_shape(example, [self.time, self.rows, self.columns, self.channels])

    def _encoded(self, lists: dict[str, Any]) -> Any:
        tf = self.tf
        frames = lists["0_compressed"].values
        if self.time == 1:
            # A test row without a readable file is stored without a frame; it must keep its place.
            blank = tf.zeros([1, self.rows or 1, self.columns or 1, self.channels], tf.uint8)
            images = tf.cond(tf.size(frames) == 0, lambda: blank, lambda: self._image(tf.reshape(frames, []))[None])
        else:
            images = tf.map_fn(self._image, frames, fn_output_signature=tf.uint8)
        images = tf.ensure_shape(images, [self.time, self.rows, self.columns, self.channels])
        return tf.cast(images, tf.float32) / 255.0

    def _image(self, blob: Any) -> Any:
        """One encoded image as (rows, columns, channels) uint8; the first picture of an animation."""
        tf, channels = self.tf, self.channels
        plain = channels if channels in (1, 3, 4) else 0

        def direct() -> Any:
            return tf.io.decode_image(blob, channels=plain, expand_animations=False)

        def converted() -> Any:
            """BMP has no conversion of its own, and GIF always decodes to colours."""
            image = tf.ensure_shape(tf.io.decode_image(blob, channels=0, expand_animations=False), [None] * 3)
            grey = tf.shape(image)[-1] == 1
            if channels == 3:
                return tf.cond(grey, lambda: tf.repeat(image, 3, axis=-1), lambda: image[..., :3])
            if channels == 1:
                return tf.cond(grey, lambda: image, lambda: tf.image.rgb_to_grayscale(image[..., :3]))
            return image

        own = (tf.strings.substr(blob, 0, 2) == b"BM") | (tf.strings.substr(blob, 0, 3) == b"GIF")
        image = tf.cond(own, converted, direct)
        return tf.ensure_shape(image, [self.rows, self.columns, self.channels])

    def _sparse(self, lists: dict[str, Any]) -> Any:
        """A table's cells as a dense row where its width is known, else as [column, value]; a text's channels."""
        tf = self.tf
        columns, values = lists[_SPARSE["col_index"]].values, lists[_SPARSE["value"]].values
        channels = lists[_SPARSE["channel_index"]].values
        if self.columns is not None and self.columns <= self.channels:
            return tf.cast(channels, tf.float32)[:, None, None, None]
        if not self.columns or not self.rows or self.rows * self.columns * self.channels > _MAX_DENSE_ROW:
            return tf.stack([tf.cast(columns, tf.float32), values], axis=1)[None, :, :, None]
        rows = lists[_SPARSE["row_index"]].values
        # A missing list means the first row or channel everywhere.
        rows, channels = (
            tf.cond(tf.size(part) > 0, lambda part=part: part, lambda: tf.zeros_like(columns))
            for part in (rows, channels)
        )
        shape = [self.rows, self.columns, self.channels]
        cells = tf.stack([rows, columns, channels], axis=1)
        return tf.tensor_scatter_nd_update(tf.zeros(shape), cells, values)[None]
