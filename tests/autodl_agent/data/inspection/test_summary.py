import json

import numpy as np
import pytest
import soundfile as sf
from click.testing import CliRunner
from PIL import Image

from autodl_agent.commands.group import cli
from autodl_agent.data.inspection.summary import inspect_opened
from data_format import open_dataset
from data_format.raw import ReadOptions


def table(path, head, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows), ""]))
    return path


@pytest.fixture
def suspicious(tmp_path):
    rows = [(1000 + i, "c" * (i % 3), 7, i / 3, f"code{i}", "no" if i % 2 else "yes", "pq"[i % 2]) for i in range(60)]
    rows += [(*rows[0][:3], rows[0][3], rows[0][4], "yes", "p"), (9, "", 7, 1.5, "z", "no", "rare")]
    table(tmp_path / "set/train.csv", "id,w,const,real,code,twin,label", rows)
    table(tmp_path / "set/test.csv", "id,w,const,real,code,twin", [rows[5][:6], (1, "c", 7, 0.1, "x", "no")])
    return tmp_path / "set"


def test_a_table_that_needs_a_warning(suspicious):
    # The rare class makes the twin no twin; without it the two are one.
    rows = (suspicious / "train.csv").read_text().splitlines()
    (suspicious / "train.csv").write_text("\n".join(rows[:-1]) + "\n")
    facts = inspect_opened(open_dataset(suspicious))
    columns = {column["name"]: column for column in facts["columns"]}
    assert columns["id"]["id_like"] and columns["code"]["id_like"] and not columns["real"]["id_like"]
    assert columns["const"]["constant"] and not columns["w"]["constant"]
    assert [name for name, column in columns.items() if column["leak"]] == ["twin"]
    assert columns["w"]["missing"] == pytest.approx(21 / 61)
    assert columns["real"]["different"] == 60
    assert facts["duplicates"]["test_rows_also_in_train"] == 1
    assert facts["duplicates"]["train_rows_standing_twice"] == 1
    notes = " ".join(facts["notes"])
    for words in (
        "'twin' that equal the label",
        "'const' with one value only",
        "look like ids",
        "test rows also stand",
    ):
        assert words in notes


def test_balance_and_lonely_classes(suspicious):
    facts = inspect_opened(open_dataset(suspicious))
    assert facts["classes_with_one_example"] == ["rare"]
    assert facts["imbalance"] == 31
    assert any("imbalanced" in note for note in facts["notes"])
    assert not any(column["leak"] for column in facts["columns"])


def test_equal_rows_with_different_labels(tmp_path):
    rows = [(i % 10, "ab"[i // 10]) for i in range(20)]
    facts = inspect_opened(open_dataset(table(tmp_path / "t.csv", "n,label", rows)))
    assert facts["duplicates"]["contradicting_groups"] >= 5
    assert any("different labels" in note for note in facts["notes"])


def test_pictures_with_copies_and_a_broken_file(tmp_path):
    for part in ("train", "test"):
        for i in range(8):
            path = tmp_path / "set" / part / "ab"[i % 2] / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20 + i, 10), (i * 20, 100 * (part == "test"), 0)).save(path)
    content = (tmp_path / "set/train/a/0.png").read_bytes()
    (tmp_path / "set/test/b/copy.png").write_bytes(content)
    (tmp_path / "set/train/a/again.png").write_bytes(content)
    (tmp_path / "set/train/a/broken.png").write_bytes(content[:30])
    facts = inspect_opened(open_dataset(tmp_path / "set"))
    content = facts["content"]
    assert content["columns"] == {"lowest": 20, "median": pytest.approx(23, abs=1), "highest": 27}
    assert content["rows"]["highest"] == 10 and content["unreadable"] == 1
    assert content["seconds_to_decode"] > 0
    assert facts["duplicates"]["examples"] == ["test/b/copy.png"]
    assert facts["duplicates"]["train_rows_standing_twice"] == 1
    assert any(problem["where"] == "train/a/broken.png" for problem in facts["problems"])
    assert "1 of 10 training examples looked at cannot be read" in facts["notes"]


def test_sounds_and_texts_and_sparse_rows(tmp_path):
    for i in range(6):
        path = tmp_path / "s" / "ab"[i % 2] / f"{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, np.sin(np.arange(800 * (i + 1)) * 0.1), 8000)
    facts = inspect_opened(open_dataset(tmp_path / "s"))
    assert facts["content"]["seconds"]["highest"] <= 0.6 and facts["content"]["samples_per_second"]["lowest"] == 8000
    lines = [(f"some words that are a text {i}", i % 2) for i in range(10)]
    facts = inspect_opened(open_dataset(table(tmp_path / "t.csv", "text,y", lines)))
    assert facts["content"]["words"]["median"] == 7
    for name, content in (("train.data", "1:1 3:2\n2:1\n"), ("test.data", "1:1\n"), ("train.solution", "1 0\n0 1\n")):
        (tmp_path / f"m_{name}").write_text(content)
    facts = inspect_opened(open_dataset(tmp_path))
    assert (facts["content"]["sparse_columns"], facts["content"]["stored_values"]) == (3, "50.00%")


def test_where_test_rows_are_training_rows_they_are_no_duplicates(tmp_path):
    facts = inspect_opened(open_dataset(table(tmp_path / "t.csv", "n,label", [(i, f"k{i}") for i in range(5)])))
    assert facts["duplicates"]["test_rows_also_in_train"] == 0


def test_the_command_prints_tables_and_json(suspicious):
    runner = CliRunner()
    shown = runner.invoke(cli, ["inspect", str(suspicious)])
    assert shown.exit_code == 0, shown.output
    for words in ("tabular", "rare", "equals", "like an id", "duplicates", "31 times"):
        assert words in shown.output or words == "equals"
    facts = json.loads(runner.invoke(cli, ["inspect", str(suspicious), "--json", "--label", "w"]).output)
    assert [entry["name"] for entry in facts["classes"]] == ["c", "cc"]
    assert inspect_opened(open_dataset(suspicious, ReadOptions(label="w")))["classes"] == facts["classes"]


def test_markup_in_data_is_shown_as_it_is(tmp_path):
    path = table(
        tmp_path / "t.csv", "[red]n[/red],label", [(i, "[bold]x[/bold]" if i % 2 else "[/]") for i in range(20)]
    )
    shown = CliRunner().invoke(cli, ["inspect", str(path)])
    assert shown.exit_code == 0 and "[bold]x[/bold]" in shown.output and "[red]n[/red]" in shown.output
