import json

import pytest

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult, ResultFile, read_results
from data_format.errors import DataError


def record(name="wine", seed=0, **values):
    return BenchmarkResult(Job(f"/data/{name}", name, 5.0, seed), **values)


FULL = record(
    exit=0, wall=5.25, first=0.5, predictions=2, nauc=0.9, alc=0.8, drop=0.01, peak_mb=200.0, peak_rss_mb=220.0,
    benched={"trees": "ValueError: ü"}, curve=((0.5, 0.7), (2.0, 0.9)), started="2026-01-01T00:00:00Z",
    environment={"commit": "abc", "machine": {"cores": 2}, "versions": {"numpy": "2"}},
)  # fmt: skip


def test_a_record_survives_the_file(tmp_path):
    path = tmp_path / "new folder" / "r.jsonl"
    ResultFile(path).add(FULL)
    assert read_results(path) == [FULL]
    line = json.loads(path.read_text())
    assert line["set"] == "wine" and line["overrun"] == 0.25 and line["machine"] == {"cores": 2}


def test_what_is_there_is_known_when_the_file_is_opened_again(tmp_path):
    path = tmp_path / "r.jsonl"
    ResultFile(path).add(FULL)
    again = ResultFile(path)
    assert again.done == {FULL.key}
    assert again.of_other_commits() == 1  # "abc" is not ours


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_is_cut_off_and_the_next_result_is_whole(tmp_path, cut):
    path = tmp_path / "r.jsonl"
    file = ResultFile(path)
    file.add(FULL)
    file.add(record(seed=1))
    # 1 takes only the line break: then the line is whole and stays.
    path.write_bytes(path.read_bytes()[:-cut])
    again = ResultFile(path)
    assert again.done == ({FULL.key, record(seed=1).key} if cut == 1 else {FULL.key})
    again.add(record(seed=2))
    seeds = [found.job.seed for found in read_results(path)]
    assert seeds == ([0, 1, 2] if cut == 1 else [0, 2])
    assert path.read_bytes().endswith(b"\n")


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "r.jsonl"
    ResultFile(path).add(FULL)
    path.write_text("{}\n" + path.read_text())
    with pytest.raises(DataError, match=r"r\.jsonl, line 1: expected a result"):
        read_results(path)
    path.write_text(json.dumps({"set": "wine", "budget": 5, "seed": 0, "alc": "high"}) + "\n")
    with pytest.raises(DataError, match="alc: expected a number"):
        read_results(path)


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("a line\nanother\n")
    with pytest.raises(DataError, match="notes.txt, line 1"):
        ResultFile(path)
    assert path.read_text() == "a line\nanother\n"


def test_of_two_results_of_one_job_the_later_counts(tmp_path):
    path = tmp_path / "r.jsonl"
    file = ResultFile(path)
    file.add(record(alc=0.1, nauc=0.1))
    file.add(record(alc=0.2, nauc=0.2))
    assert [found.alc for found in read_results(path)] == [0.2]
