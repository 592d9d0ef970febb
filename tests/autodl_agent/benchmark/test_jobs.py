from pathlib import Path

import pytest

from autodl_agent.benchmark.jobs import Job, plan, sets_in
from autodl_agent.system.errors import UsageError

SAMPLES = Path(__file__).resolve().parents[3] / "sample_data"


def table(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text("a,label\n1,x\n2,y\n")
    return folder


def test_a_folder_of_data_sets_stands_for_what_is_in_it():
    found = sets_in([SAMPLES])
    assert [path.name for path in found] == ["digits", "library_docs", "moving_digits", "spoken_words", "wine"]


def test_a_data_set_stands_for_itself(tmp_path):
    one = table(tmp_path / "one")
    (one / "extra").mkdir()
    table(one / "extra" / "inner")
    assert sets_in([one, SAMPLES / "wine", SAMPLES / "wine" / "wine.data"]) == [
        one,
        SAMPLES / "wine",
        SAMPLES / "wine" / "wine.data",
    ]


def test_a_folder_of_class_folders_is_one_data_set(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        (tmp_path / "pets" / label / "1.png").write_bytes(b"")
    assert sets_in([tmp_path / "pets"]) == [tmp_path / "pets"]


def test_twice_the_same_set_is_run_once(tmp_path):
    one = table(tmp_path / "suite" / "one")
    assert sets_in([one, tmp_path / "suite"]) == [one]


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="gone: expected a data set"):
        sets_in([tmp_path / "gone"])


def test_a_plan_goes_seed_by_seed():
    jobs = plan([SAMPLES / "wine", SAMPLES / "digits"], 5.0, range(2))
    assert [(job.name, job.seed) for job in jobs] == [("wine", 0), ("digits", 0), ("wine", 1), ("digits", 1)]


def test_sets_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for suite in ("a", "b"):
        table(tmp_path / suite / "same")
    names = [job.name for job in plan([tmp_path / "a", tmp_path / "b"], 1.0, [0])]
    assert names == ["a/same", "b/same"]


def test_sets_that_cannot_be_told_apart_are_refused(tmp_path):
    paths = [table(tmp_path / suite / "in" / "same") for suite in ("a", "b")]
    with pytest.raises(UsageError, match="same name"):
        plan(paths, 1.0, [0])


def test_a_job_survives_json_and_its_key_leaves_the_place_out():
    job = Job("/here/wine", "wine", 5.0, 1, ("quick-table",), "ladder", "1G")
    assert Job.from_json(job.as_json()) == job
    moved = Job("/there/wine", "wine", 5.0, 1, ("quick-table",), "ladder", "1G")
    assert moved.key == job.key
    assert len({job.key, Job("", "wine", 5.0, 1).key, Job("", "wine", 6.0, 1).key, Job("", "wine", 5.0, 2).key}) == 4


def test_only_unusual_settings_have_a_name():
    assert Job("", "wine", 5.0, 0).variant_name == ""
    assert Job("", "wine", 5.0, 0, ("a", "b"), "ladder", "1G").variant_name == "a+b, ladder, 1G"
