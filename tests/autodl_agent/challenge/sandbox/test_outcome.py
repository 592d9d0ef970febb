"""How a run ended, as one line and as JSON."""

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.challenge.sandbox.outcome import IngestionResult, Status, read_result, write_result

RESULTS = st.builds(
    IngestionResult,
    st.text(max_size=5),
    st.sampled_from(get_args(Status)),
    st.text(max_size=8),
    st.lists(st.floats(0, 1e6), max_size=3).map(tuple),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.integers(0, 9),
    st.lists(st.text(max_size=4), max_size=3).map(tuple),
)


@settings(deadline=None)
@given(RESULTS)
def test_a_result_survives_its_file(tmp_path_factory: pytest.TempPathFactory, result: IngestionResult) -> None:
    file = tmp_path_factory.mktemp("r", numbered=True) / "result.json"
    write_result(result, file)
    assert read_result(file) == result


@pytest.mark.parametrize("content", ["", "[]", "{", '{"times": [], "mended": []', "null"])
def test_a_damaged_file_is_a_value_error_or_worse_is_not_hidden(tmp_path: Path, content: str) -> None:
    (tmp_path / "r").write_text(content)
    with pytest.raises((ValueError, TypeError)):
        read_result(tmp_path / "r")


def result(status: Status, **more: object) -> IngestionResult:
    return IngestionResult("n", status, "why", (), 1.0, 10.0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", get_args(Status))
def test_completed_is_the_official_flag(status: Status) -> None:
    assert result(status).completed is (status in ("ok", "no_prediction"))
    assert result(status).ok is (status == "ok")


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({}, "ok: why"),
        ({"killed": 1}, "ok: why; 1 process left behind and killed"),
        ({"killed": 2}, "ok: why; 2 processes left behind and killed"),
        ({"mended": ("a",)}, "ok: why; it tampered with the output folder (a), which was put right"),
        ({"mended": tuple("abcd")}, "ok: why; it tampered with the output folder (a, b, c, …), which was put right"),
    ],
)
def test_one_line(more: dict[str, object], line: str) -> None:
    assert result("ok", **more).line() == line
