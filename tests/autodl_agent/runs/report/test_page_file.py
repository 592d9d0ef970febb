"""The page in the folder of a run: replaced until the last one, which stays."""

from dataclasses import replace

import pytest

from autodl_agent.runs.report.page_file import PageFile


@pytest.fixture
def file(make_data, tmp_path):
    return PageFile(tmp_path, make_data().budget)


def text(file):
    return (file.folder / "report.html").read_text(encoding="utf-8")


def test_a_late_live_page_never_replaces_the_last(make_data, file):
    data = make_data()
    file.write(data, None, 4)
    assert "Running" in text(file) and not file.closed
    file.write(replace(data, ended="done"), None, 4)
    assert "Running" not in text(file) and file.closed
    file.write(data, None, 4)
    assert "Running" not in text(file) and file.written == 2


def test_pages_share_their_examples(make_data, file):
    data = make_data()
    assert file.decoding_s == 0.0
    assert file.thumbnails(data) is file.thumbnails(replace(data, elapsed_s=20.0))


def test_names_that_are_no_text_are_written(make_data, file):
    data = make_data(classes=("a\ud800", "b", "c"))
    data.store.task = replace(data.task, name="\udcff")
    file.load()
    file.write(data, None, 4)
    assert "\ufffd" in text(file)
