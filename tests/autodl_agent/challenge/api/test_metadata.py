"""The getters of the challenge over our own metadata."""

from pathlib import Path

import pytest

from autodl_agent.challenge.api.metadata import AutoDLMetadata
from data_format.autodl.metadata import MatrixSpec, Metadata
from data_format.errors import DataError

SPEC = Metadata(
    12, 3, (MatrixSpec(4, 5, format="SPARSE"),), 7, label_to_index_map={"a": 0}, channel_to_index_map={"t": 1},
    feature_to_index_map={"f": 2},
)  # fmt: skip


def test_every_getter() -> None:
    found = AutoDLMetadata("some/path", SPEC)
    rows, columns = SPEC.matrix_specs[0].row_count, SPEC.matrix_specs[0].col_count
    assert found.get_dataset_name() == found.dataset_name_ == "some/path"
    assert (found.size(), found.get_output_size(), found.get_sequence_size(), found.get_bundle_size()) == (
        SPEC.sample_count, SPEC.output_dim, 7, 1,
    )  # fmt: skip
    assert found.get_matrix_size() == (rows, columns)
    assert found.get_tensor_size() == (rows, columns, 1)
    assert found.get_tensor_shape(0) == (7, rows, columns, 1)
    assert (found.is_sparse(), found.is_compressed()) == (True, False)
    assert found.get_label_to_index_map() == {"a": 0}
    assert found.get_channel_to_index_map() == {"t": 1}
    assert found.get_feature_to_index_map() == {"f": 2}


@pytest.mark.parametrize(("kind", "channels"), [("COMPRESSED", 3), ("DENSE", 1), ("SPARSE", 1)])
def test_channels_that_are_not_written(kind: str, channels: int) -> None:
    found = AutoDLMetadata("p", Metadata(1, 2, (MatrixSpec(4, 5, format=kind),), 1))  # type: ignore[arg-type]
    assert found.get_num_channels() == channels
    assert found.is_compressed() is (kind == "COMPRESSED")


def test_maps_are_copies() -> None:
    found = AutoDLMetadata("p", SPEC)
    found.get_label_to_index_map().clear()
    assert found.get_label_to_index_map() == {"a": 0}


def test_the_message_shows_the_fields_under_their_names() -> None:
    message = AutoDLMetadata("p", SPEC).metadata_
    assert message.matrix_spec[0].row_count == SPEC.matrix_specs[0].row_count
    assert (message.output_dim, message.sequence_size, message.sample_count) == (
        SPEC.output_dim, SPEC.sequence_size, SPEC.sample_count,
    )  # fmt: skip


def test_a_folder_without_description_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"metadata\.textproto"):
        AutoDLMetadata(tmp_path)
