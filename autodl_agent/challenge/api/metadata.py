"""The metadata object that the challenge hands to a submission: getters over `data_format.autodl.metadata`."""

from pathlib import Path
from types import SimpleNamespace

from data_format.autodl.metadata import Metadata, read_metadata


class AutoDLMetadata:
    """What one subset of an AutoDL data set holds, under the method names of the challenge.

    Sizes come as they are written: 0 or less where they vary. `i` is the number of a matrix, 0 in every real data set.
    `metadata_` shows the fields of the message DataSpecification as attributes, `matrix_spec` as a list.
    """

    def __init__(self, dataset_name: str | Path, metadata: Metadata | None = None) -> None:
        """dataset_name: the real path of the subset folder, `…/NAME.data/train`; its metadata.textproto is read.

        Raises DataError naming the file where that cannot be read.
        """
        self.dataset_name_ = str(dataset_name)
        self._metadata = read_metadata(Path(dataset_name)) if metadata is None else metadata
        self.metadata_ = _message(self._metadata)

    def get_dataset_name(self) -> str:
        """The path given at construction."""
        return self.dataset_name_

    def size(self) -> int:
        """Number of examples in the subset."""
        return self._metadata.sample_count

    def get_output_size(self) -> int:
        """Number of classes."""
        return self._metadata.output_dim

    def get_sequence_size(self) -> int:
        """Time steps of an example, -1 where they vary."""
        return self._metadata.sequence_size

    def get_bundle_size(self) -> int:
        """Number of matrices of an example."""
        return len(self._metadata.matrix_specs)

    def get_matrix_size(self, i: int = 0) -> tuple[int, int]:
        """(rows, columns)."""
        spec = self._metadata.matrix_specs[i]
        return spec.row_count, spec.col_count

    def get_num_channels(self, i: int = 0) -> int:
        """Channels: as written, else 3 for encoded images and 1 for everything else."""
        return self._metadata.channels(i)

    def get_tensor_size(self, i: int = 0) -> tuple[int, int, int]:
        """(rows, columns, channels)."""
        return *self.get_matrix_size(i), self.get_num_channels(i)

    def get_tensor_shape(self, i: int = 0) -> tuple[int, int, int, int]:
        """(time, rows, columns, channels)."""
        return self.get_sequence_size(), *self.get_tensor_size(i)

    def is_compressed(self, i: int = 0) -> bool:
        """Whether the records hold encoded images."""
        return self._metadata.matrix_specs[i].format == "COMPRESSED"

    def is_sparse(self, i: int = 0) -> bool:
        """Whether the records hold lists of cells."""
        return self._metadata.matrix_specs[i].format == "SPARSE"

    def get_label_to_index_map(self) -> dict[str, int]:
        """Class name -> column."""
        return dict(self._metadata.label_to_index_map)

    def get_channel_to_index_map(self) -> dict[str, int]:
        """Token -> integer; not empty for texts only."""
        return dict(self._metadata.channel_to_index_map)

    def get_feature_to_index_map(self) -> dict[str, int]:
        """Column name -> column."""
        return dict(self._metadata.feature_to_index_map)


def _message(metadata: Metadata) -> SimpleNamespace:
    """The fields of the message DataSpecification, each under its own name."""
    return SimpleNamespace(
        matrix_spec=list(metadata.matrix_specs),
        is_sequence=metadata.is_sequence,
        output_dim=metadata.output_dim,
        label_to_index_map=dict(metadata.label_to_index_map),
        feature_to_index_map=dict(metadata.feature_to_index_map),
        channel_to_index_map=dict(metadata.channel_to_index_map),
        sequence_size=metadata.sequence_size,
        sample_count=metadata.sample_count,
    )
