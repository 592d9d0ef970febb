"""metadata.textproto read and written: every field, both quote kinds, escapes, errors that name the line."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.autodl.metadata import MatrixSpec, Metadata, format_metadata, parse_metadata, read_metadata
from data_format.errors import DataError

HEAD = "sample_count: 3\noutput_dim: 2\nmatrix_spec { col_count: 4 row_count: 1 }\n"


def test_every_field() -> None:
    text = """
    # a comment
    is_sequence: true; sample_count: 0x10, output_dim: 3
    sequence_size: -1
    matrix_spec: {
      col_count: 28 row_count: 010  # octal
      is_sequence_col: true is_sequence_row: false
      has_locality_col: t has_locality_row: 1
      is_sparse: True format: SPARSE num_channels: 2
    }
    matrix_spec < format: 2 >
    label_to_index_map { key: "cat" value: 2 }
    feature_to_index_map: { key: 'age', value: 0 }
    channel_to_index_map { value: 7 key: "token" }
    """
    metadata = parse_metadata(text, "here")
    spec = MatrixSpec(28, 8, True, False, True, True, True, "SPARSE", 2)
    assert metadata.matrix_specs == (spec, MatrixSpec(format="COMPRESSED"))
    assert (metadata.sample_count, metadata.output_dim, metadata.sequence_size) == (16, 3, -1)
    assert metadata.is_sequence
    assert metadata.label_to_index_map == {"cat": 2}
    assert metadata.feature_to_index_map == {"age": 0}
    assert metadata.channel_to_index_map == {"token": 7}
    assert metadata.shape == (-1, 8, 28, 2)


def test_defaults() -> None:
    metadata = parse_metadata("output_dim: 2 matrix_spec {}", "here")
    assert (metadata.sequence_size, metadata.sample_count, metadata.is_sequence) == (1, 0, False)
    assert metadata.shape == (1, -1, -1, 1)
    assert metadata.format == "DENSE"


@pytest.mark.parametrize(
    ("written", "kind", "channels"),
    [(-1, "COMPRESSED", 3), (-1, "DENSE", 1), (-1, "SPARSE", 1), (1, "COMPRESSED", 1), (4, "DENSE", 4)],
)
def test_channel_rule(written: int, kind: str, channels: int) -> None:
    spec = f"matrix_spec {{ format: {kind} num_channels: {written} }}"
    assert parse_metadata(f"output_dim: 2 {spec}", "here").channels() == channels


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        (r'"caf\303\251 \"x\""', 'café "x"'),
        (r"'it\'s'", "it's"),
        ('"it\'s # no comment"', "it's # no comment"),
        (r'"a\\b\n\t\x41"', "a\\b\n\tA"),
        (r'"\u4e2d\U0001F600"', "中😀"),
        ('"caf\\303" "\\251"', "café"),
        ("'one' \"two\"  'three'", "onetwothree"),
        ('"中文"', "中文"),
        (r'"\351"', "\\xe9"),
        ('""', ""),
        (r'"\7\08"', "\x07\x008"),
    ],
)
@pytest.mark.parametrize("usual", [True, False])
def test_strings(quoted: str, text: str, usual: bool) -> None:
    entry = f"key: {quoted} value: 1" if usual else f"value: 1 # turned round\n key: {quoted}"
    metadata = parse_metadata(HEAD + f"label_to_index_map {{ {entry} }}", "here")
    assert metadata.label_to_index_map == {text: 1}


def test_unknown_fields_are_skipped() -> None:
    text = HEAD + (
        "colour: 'red' weights: [1.5, -2e3, .5f, inf]\n nested { deep < x: 1; y { } > list: [ 'a', 'b' ] }\n"
        "[some.extension]: { z: 1 } when: NEVER strange_map { key: 3 value: 'x' }\n other_map { key: 'k' value: 4 }"
    )
    assert parse_metadata(text, "here") == parse_metadata(HEAD, "here")


def test_repeated_key_and_absent_parts() -> None:
    text = HEAD + "label_to_index_map { key: 'a' value: 0 } label_to_index_map { key: 'a' value: 1 }"
    assert parse_metadata(text + " label_to_index_map {}", "here").label_to_index_map == {"a": 1, "": 0}


def test_specs_as_a_list() -> None:
    text = "output_dim: 2 matrix_spec: [{ col_count: 1 }, { col_count: 2 }]"
    assert [spec.col_count for spec in parse_metadata(text, "here").matrix_specs] == [1, 2]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sample_count: 3\noutput_dim: two", ["here, line 2", "parse integer", "found 'two'"]),
        ("sample_count: 99999999999 output_dim: 1", ["line 1", "out of range", "found '99999999999"]),
        ("output_dim: 1\n\nis_sequence: maybe", ["line 3", '"true" or "false"', "found 'maybe'"]),
        ("output_dim: 1 matrix_spec { format: JPEG }", ["no value named JPEG", "found 'JPEG"]),
        ("output_dim: 1 matrix_spec: 3", ['Expected "{"', "found '3'"]),
        ("output_dim: 1\nmatrix_spec {\n col_count: 1", ["line 3", 'Expected "}"']),
        ("output_dim 3", ['Expected ":"', "found '3'"]),
        ("output_dim: }", ["parse integer", "found '}'"]),
        ("{ }", ["Expected identifier", "found '{ }'"]),
        ("output_dim: 1 \x00", ["Expected identifier", "x00"]),
        ("label_to_index_map { key: 'a' value: 'b' }", ["parse integer: 'b'", "found"]),
        ("label_to_index_map { key: cat value: 0 }", ["Expected string", "found 'cat"]),
        ("output_dim: 2\nlabel_to_index_map { key: '\\q' value: 0 }", ["line 2", "unknown escape \\q"]),
        ("output_dim: 2 label_to_index_map { key: 'open\n' value: 0 }", ["found", "open"]),
        ("[never", ['Expected "]"', "end of file"]),
        ("x: " + "[" * 70, ["nested messages"]),
        ("x {" * 70, ["nested messages"]),
        ("matrix_spec {}", ["output_dim", "at least one class", "found 0"]),
        ("output_dim: -1 matrix_spec {}", ["found -1"]),
        ("output_dim: 1 sample_count: -2 matrix_spec {}", ["sample_count", "found -2"]),
        ("output_dim: 1", ["expected a matrix_spec, found none"]),
        (HEAD + "label_to_index_map { key: 'x' value: 2 }", ["0 to 1", "'x'", "found 2"]),
        (HEAD + "label_to_index_map { key: 'x' value: -1 }", ["found -1"]),
    ],
)
def test_errors_say_where_and_what(text: str, parts: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        parse_metadata(text, "here")
    message = str(caught.value)
    assert message.startswith("here")
    assert [part for part in parts if part not in message] == []


def test_sample_count_within_three_lines() -> None:
    text = format_metadata(Metadata(42, 2, (MatrixSpec(),), label_to_index_map={"a": 0}))
    found = [line.split(":")[1] for line in text.splitlines()[:3] if line.startswith("sample_count")]
    assert found == [" 42"]
    assert text.isascii()


names = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.integers(0, 2), max_size=3)
sizes = st.integers(-(2**31), 2**31 - 1)
specs = st.builds(
    MatrixSpec, sizes, sizes, *[st.booleans()] * 5, st.sampled_from(["DENSE", "SPARSE", "COMPRESSED"]), sizes
)


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Metadata,
        st.integers(0, 2**31 - 1),
        st.integers(3, 2**31 - 1),
        st.lists(specs, min_size=1, max_size=3).map(tuple),
        sizes,
        st.booleans(),
        names,
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), sizes, max_size=3),
        names,
    )
)
def test_write_then_read_is_the_identity(metadata: Metadata) -> None:
    assert parse_metadata(format_metadata(metadata), "here") == metadata


def test_large_vocabulary_takes_the_quick_way_and_the_slow_way_alike() -> None:
    quick = "".join(f"channel_to_index_map {{\n  key: 'w\\303\\251{i}'\n  value: {i}\n}}\n" for i in range(3000))
    slow = quick.replace("\n  value", "\n  # comment\n  value")
    expected = {f"wé{i}": i for i in range(3000)}
    assert parse_metadata(HEAD + quick, "here").channel_to_index_map == expected
    assert parse_metadata(HEAD + slow, "here").channel_to_index_map == expected


def test_read_from_folder_or_file(tmp_path: Path) -> None:
    folder = tmp_path / "set [1] é"
    folder.mkdir()
    text = HEAD + "label_to_index_map { key: 'caf"
    (folder / "metadata.textproto").write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\xe9' value: 0 }")
    metadata = read_metadata(folder)
    assert metadata == read_metadata(folder / "metadata.textproto")
    assert metadata.label_to_index_map == {"caf\\xe9": 0}


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"metadata\.textproto: cannot be read \(No such file"):
        read_metadata(tmp_path)


def many_words(count: int, sample_count: int = 3) -> str:
    words = {f"w{i}é": i for i in range(count)}
    return format_metadata(Metadata(sample_count, 2, (MatrixSpec(1, 1),), -1, channel_to_index_map=words))


def test_the_maps_of_the_second_subset_are_those_of_the_first() -> None:
    train, test = (parse_metadata(many_words(900, n), "x") for n in (10, 5))
    assert (train.sample_count, test.sample_count) == (10, 5)
    assert train.channel_to_index_map == test.channel_to_index_map
    assert len(test.channel_to_index_map) == 900
    assert test.channel_to_index_map is not train.channel_to_index_map


def test_a_field_after_the_maps_is_not_taken_from_the_file_before() -> None:
    maps = many_words(900)
    changed = [parse_metadata(maps + f"sample_count: {n}\n", "x").sample_count for n in (7, 8)]
    assert changed == [7, 8]
    shorter = parse_metadata(many_words(800), "x")
    assert len(shorter.channel_to_index_map) == 800


def test_a_file_is_parsed_once_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "metadata.textproto"
    file.write_text(many_words(3, 10))
    first = read_metadata(file)
    assert read_metadata(tmp_path) is first
    file.write_text(many_words(3, 11) + "# longer\n")
    assert read_metadata(file).sample_count == 11
