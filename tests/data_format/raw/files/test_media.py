import numpy as np
import pytest

from data_format.errors import DataError, Unreadable
from data_format.examples import MediaFile, Text
from data_format.raw.file_names import suffix
from data_format.raw.files.media import Collection, FileSource, sniff, split_files

WAVE = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(64)


@pytest.mark.parametrize(
    ("content", "domain", "shape"),
    [
        (WAVE, "speech", (-1, 1, 1, 1)),
        (MP4, "video", (-1, -1, -1, 3)),
        (b"a few plain words", "text", (-1, 1, 1, 1)),
    ],
)
def test_domain_by_content_whatever_the_name(content, domain, shape, write, tmp_path):
    files = [f"{i}.jpg" for i in range(3)]
    for file in files:
        write(file, content)
    collection = Collection(tmp_path, files)
    assert (collection.domain, collection.shape(files)) == (domain, shape)
    assert collection.reason.startswith("3 of 3 files looked at hold")


def test_pictures_win_over_a_text_beside_each(image, write, tmp_path):
    files = []
    for i in range(8):
        image(f"{i}.png")
        write(f"{i}.txt", "0 0.5 0.5 0.1 0.1")
        files += [f"{i}.png", f"{i}.txt"]
    collection = Collection(tmp_path, files)
    problems = []
    assert collection.domain == "image"
    assert collection.keep(files, problems) == [f"{i}.png" for i in range(8)]
    assert {problem.reason for problem in problems} == {"text among images, not used"}


def test_broken_files_stay_by_their_suffix_and_strangers_go(image, write, tmp_path):
    good = [image(f"{i}.PNG").name for i in range(4)]
    image("noext", form="JPEG")
    for name, content in (
        ("zero.webp", b""),
        ("cut.png", b"\x89PNG"),
        ("notes.md", "# notes"),
        ("cache.db", b"\0\1\2\3"),
    ):
        write(name, content)
    problems = []
    kept = Collection(tmp_path, good).keep([*good, "noext", "zero.webp", "cut.png", "notes.md", "cache.db"], problems)
    assert kept == [*good, "noext", "zero.webp", "cut.png"]
    assert [(p.where, p.reason) for p in problems] == [
        ("notes.md", "text among images, not used"),
        ("cache.db", "unknown content among images, not used"),
    ]


def test_nothing_known_is_refused(write, tmp_path):
    write("a.bin", b"\0\1\2\3")
    with pytest.raises(DataError, match=r"expected images, videos, sounds or texts, found none in 1 .* 'a.bin'"):
        Collection(tmp_path, ["a.bin"])


def test_only_a_sample_is_opened(image, tmp_path):
    image("0.png")
    files = ["0.png", *(f"missing/{i}.png" for i in range(5000))]
    collection = Collection(tmp_path, files)
    assert collection.reason.startswith("1 of 33 files")
    assert collection.keep(files, []) == files


@pytest.mark.parametrize(("grey", "channels"), [([True] * 3, 1), ([True, False, True], 3)])
def test_one_channel_only_when_all_pictures_are_grey(grey, channels, image, tmp_path):
    files = [image(f"{i}.png", grey=g).name for i, g in enumerate(grey)]
    assert Collection(tmp_path, files).shape(files) == (1, -1, -1, channels)


def test_animations_are_images(image, tmp_path):
    files = [image(f"{i}.gif", form="GIF").name for i in range(2)]
    assert Collection(tmp_path, files).domain == "image"


def test_sources(write, tmp_path):
    write("a.txt", "Café, naïve".encode("cp1252"))
    texts = FileSource(tmp_path, ["a.txt", "gone.txt", "never.txt"], text=True, missing=frozenset(["gone.txt"]))
    assert len(texts) == 3
    assert texts.example(0) == Text("Café, naïve")
    with pytest.raises(Unreadable, match="^missing file$"):
        texts.example(1)
    with pytest.raises(Unreadable, match="^file cannot be read"):
        texts.example(2)
    with pytest.raises(DataError, match="expected rows of a table, found 3 files"):
        texts.table()
    assert FileSource(tmp_path, ["a.txt"], text=False).example(0) == MediaFile(tmp_path / "a.txt")


def test_sniff_and_suffix(tmp_path):
    assert sniff(tmp_path / "none") == "unknown"
    assert (suffix("a.b/C.JPEG"), suffix("a.b/noext")) == (".jpeg", "")


def test_our_split_keeps_ids_labels_and_truth_together(image, tmp_path):
    files = [image(f"{i}.png").name for i in range(10)]
    labels = np.eye(2, dtype=np.float32)[[0, 1] * 5]
    dataset = split_files(tmp_path, "set", files, ("a", "b"), labels, Collection(tmp_path, files), [])
    assert sorted([*dataset.train.ids, *dataset.test.ids]) == files
    for split, truth in ((dataset.train, dataset.train.labels), (dataset.test, dataset.truth())):
        assert truth.tolist() == [labels[files.index(name)].tolist() for name in split.ids]
        assert split.source.example(0) == MediaFile(tmp_path / split.ids[0])
    assert not dataset.test.labels.any()
