"""`autodl predict` on what people hand over: other columns, new levels, broken files, many rows."""

import csv
import gzip
import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.runs.agent import run
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.model.prediction_table import predict_files, separator
from autodl_agent.system.errors import UsageError
from data_format.errors import DataError
from data_format.predictions import list_predictions, read_prediction
from data_format.raw import archives

WINE = Path(__file__).resolve().parents[4] / "sample_data" / "wine"
HEADER = ["when", "size", "colour", "label"]


def rows_of(n, seed=0):
    rng = np.random.default_rng(seed)
    out = []
    for i in range(n):
        big = rng.random() < 0.5
        size = f"{rng.normal(5 if big else 1):.3f}"
        colour = rng.choice(["red", "blue"] if big else ["blue", "green"])
        out.append([f"2024-0{1 + i % 9}-1{i % 10}", size, colour, "big" if big else "small"])
    return out


def write(path, rows, header=HEADER):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows] if header else rows)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    write(folder / "train.csv", rows_of(120))
    write(folder / "test.csv", [row[:3] for row in rows_of(30, 1)], HEADER[:3])
    result = run(folder, folder / "run", RunConfig(budget_s=3))
    assert result.n_predictions >= 2
    return folder


def predicted(model, data, **options):
    out = io.StringIO()
    said = predict_files(model, data, None, out, **options)
    return list(csv.DictReader(io.StringIO(out.getvalue()))), said


def read(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def matrix(rows, classes=("big", "small")):
    return np.array([[float(row[c]) for c in classes] for row in rows])


def test_the_test_rows_of_the_run_get_what_they_got(table):
    rows, said = predicted(table / "run", table / "test.csv", proba=True)
    last = read_prediction(list_predictions(table / "run" / "predictions")[-1][1])
    assert np.abs(matrix(rows) - last).max() < 1e-5
    assert [row["id"] for row in rows] == [str(i) for i in range(30)]
    assert said == "30 rows predicted"
    assert all(row["prediction"] == ("big", "small")[int(p.argmax())] for row, p in zip(rows, last, strict=True))


def test_a_folder_means_its_test_table(table):
    assert predicted(table / "run" / "model", table)[0] == predicted(table / "run", table / "test.csv")[0]


def test_order_of_columns_and_strangers_among_them_do_not_matter(table, tmp_path):
    plain = [row[:3] for row in rows_of(30, 1)]
    shuffled = write(tmp_path / "new.csv", [[r[2], "x", r[1], r[0]] for r in plain], ["colour", "note", "size", "when"])
    rows, said = predicted(table / "run", shuffled, proba=True)
    expected, _ = predicted(table / "run", table / "test.csv", proba=True)
    assert np.abs(matrix(rows) - matrix(expected)).max() < 1e-6
    assert "not used: 'note'" in said


def test_missing_columns_new_levels_and_odd_cells_are_told(table, tmp_path):
    data = write(tmp_path / "new.csv", [["1.0", "violet"], ["huge", "red"], ["", ""]], ["size", "colour"])
    out = tmp_path / "out.csv"
    said = predict_files(table / "run", data, out, io.StringIO(), proba=True)
    assert "columns missing, taken as empty: 'when'" in said and "1 cell not a number" in said
    values = matrix(read(out))
    assert values.shape == (3, 2) and np.isfinite(values).all()
    listed = read(tmp_path / "out.skipped.csv")
    assert {row["where"] for row in listed} == {"new.csv", "new.csv, column 'size'"}


def test_a_lost_header_is_bridged_by_place(table, tmp_path):
    plain = [row[:3] for row in rows_of(30, 1)]
    rows, _ = predicted(table / "run", write(tmp_path / "new.csv", plain, None), proba=True)
    expected, _ = predicted(table / "run", table / "test.csv", proba=True)
    assert len(rows) == 30 and np.abs(matrix(rows) - matrix(expected)).max() < 1e-6


def test_options_decide_what_stands_in_the_file(table):
    rows, _ = predicted(table / "run", table / "test.csv", threshold=0.0)
    assert {row["prediction"] for row in rows} == {"big small"}
    rows, _ = predicted(table / "run", table / "test.csv", threshold=1.0)
    assert {row["prediction"] for row in rows} == {""}
    rows, _ = predicted(table / "run", table / "test.csv", top_k=2)
    assert list(rows[0]) == ["id", "class_1", "probability_1", "class_2", "probability_2"]
    assert all(float(row["probability_1"]) >= float(row["probability_2"]) for row in rows)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "nowhere.csv", "found nothing there"),
        (lambda folder: write(folder / "a.csv", [["1", "2"], ["3", "4"]], ["p", "q"]), "expected the columns 'when'"),
        (lambda folder: write(folder / "a.csv", [], HEADER), "expected rows to predict"),
        (lambda folder: (folder / "a.csv").write_bytes(b"") and None or folder / "a.csv", "empty file"),
        (lambda folder: folder, "one table file"),
    ],
)
def test_what_does_not_fit_is_one_line_and_no_file(table, tmp_path, make, says):
    out = tmp_path / "result" / "out.csv"
    out.parent.mkdir()
    with pytest.raises(DataError) as caught:
        predict_files(table / "run", make(tmp_path), out, io.StringIO())
    assert says in str(caught.value) and "\n" not in str(caught.value)
    assert list(out.parent.iterdir()) == []


def test_options_that_cannot_be_met_are_one_line(table, tmp_path):
    with pytest.raises(UsageError, match="1 to 2 .* found 3"):
        predict_files(table / "run", table / "test.csv", None, io.StringIO(), top_k=3)
    with pytest.raises(UsageError, match="found none"):
        predict_files(table / "run", table / "test.csv", tmp_path / "no" / "out.csv", io.StringIO())


def test_long_files_are_streamed_to_the_same_answer(table, tmp_path, monkeypatch):
    """Above some size rows are read chunk by chunk; quotes, ragged rows and the header are treated alike."""
    plain = [row[:3] for row in rows_of(30, 1)]
    plain[3][2] = 'red, "deep"\nas blood'
    many = plain * 200
    monkeypatch.setattr("data_format.raw.tables.stream._WHOLE_BYTES", 10_000)
    monkeypatch.setattr("data_format.raw.new_data.TABLE_ROWS", 700)
    data = write(tmp_path / "long.csv", many, HEADER[:3])
    rows, said = predicted(table / "run", data, proba=True)
    assert len(rows) == len(many) and rows[-1]["id"] == str(len(many) - 1)
    short, _ = predicted(table / "run", write(tmp_path / "short.csv", plain, HEADER[:3]), proba=True)
    assert np.abs(matrix(rows).reshape(200, 30, 2) - matrix(short)).max() < 1e-5
    assert said == f"{len(many)} rows predicted"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for label in ("dark", "light"):
        (folder / "data" / label).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(0, 60, (24, 24, 3)) + (150 if label == "light" else 0)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / "data" / label / f"{i:02}.png")
    run(folder / "data", folder / "run", RunConfig(budget_s=3))
    return folder


def test_new_pictures_broken_ones_and_strangers(pictures, tmp_path):
    new = tmp_path / "new"
    (new / "sub").mkdir(parents=True)
    for name, source in (("b.png", "dark/00.png"), ("sub/a.png", "light/00.png")):
        (new / name).write_bytes((pictures / "data" / source).read_bytes())
    (new / "c.png").write_bytes(b"no picture at all")
    (new / "notes.md").write_text("# notes")
    out = tmp_path / "out.csv"
    said = predict_files(pictures / "run", new, out, io.StringIO(), proba=True)
    rows = read(out)
    assert [row["id"] for row in rows] == ["b.png", "c.png", "sub/a.png"]
    assert [row["prediction"] for row in rows][::2] == ["dark", "light"]
    assert float(rows[1]["dark"]) == pytest.approx(0.5, abs=0.02)  # class frequencies
    assert "2 inputs with problems" in said
    assert {row["where"] for row in read(tmp_path / "out.skipped.csv")} == {"c.png", "notes.md"}


def test_a_single_picture_and_a_list_of_pictures(pictures, tmp_path):
    rows, _ = predicted(pictures / "run", pictures / "data" / "light" / "03.png")
    assert [(row["id"], row["prediction"]) for row in rows] == [("03.png", "light")]
    listed = write(
        pictures / "data" / "list.csv",
        [["light/01.png"], ["gone.png"], ["../../etc/passwd"], ["dark/01.png"]],
        ["file"],
    )
    try:
        rows, said = predicted(pictures / "run", listed)
    finally:
        listed.unlink()
    assert [row["prediction"] for row in rows][::3] == ["light", "dark"]
    assert "2 × missing file" in said


def test_inputs_of_another_kind_are_refused(pictures, table):
    with pytest.raises(DataError, match="kind image, found text"):
        predicted(pictures / "run", table)
    with pytest.raises(DataError, match="kind image, found records"):
        predicted(pictures / "run", WINE)
    with pytest.raises(DataError, match="kind tabular, found records"):
        predicted(table / "run", WINE.parent / "digits")


def test_class_names_with_spaces_are_joined_by_bars():
    assert separator(["a", "b"]) == " " and separator(["a", "b c"]) == "|"


def test_the_command_line(table, tmp_path):
    command = [sys.executable, "-m", "autodl_agent.commands", "predict"]
    done = subprocess.run(
        [*command, table / "run", table / "test.csv", "-o", tmp_path / "out.csv", "--proba"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "30 rows predicted\n")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 31
    done = subprocess.run([*command, tmp_path, table], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "no model.json" in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_probabilities_that_a_run_tells_people_follow_its_thresholds(tmp_path):
    """predictions.csv of a multi-label run decides as `autodl predict` does."""
    run(WINE, tmp_path / "run", RunConfig(budget_s=2))
    rows, _ = predicted(tmp_path / "run", WINE)
    told = read(tmp_path / "run" / "predictions.csv")
    assert [row["prediction"] for row in rows] == [row["most_likely"] for row in told]


def test_a_model_of_class_frequencies_takes_any_table(table, tmp_path):
    from autodl_agent.engine.snapshot import Snapshot
    from autodl_agent.runs.model.load import load_model
    from autodl_agent.runs.model.save import save_model
    from data_format.input_spec import Inputs

    save_model(tmp_path / "model", Snapshot(), load_model(table / "run").task, Inputs(), 0.1)
    rows, said = predicted(tmp_path / "model", table / "test.csv", proba=True)
    assert said == "30 rows predicted" and len({row["big"] for row in rows}) == 1


@pytest.mark.parametrize("kind", ["zip", "gztar", "gz"])
def test_archives_of_new_inputs_give_what_their_content_gives(table, tmp_path, kind):
    before = set(archives._folders)
    inside = tmp_path / "inside" / "new"
    inside.mkdir(parents=True)
    data = write(inside / "new.csv", [row[:3] for row in rows_of(30, 1)], HEADER[:3])
    if kind == "gz":
        archive = tmp_path / "new.csv.gz"
        archive.write_bytes(gzip.compress(data.read_bytes()))
    else:
        archive = Path(shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path / "inside"))
    rows, said = predicted(table / "run", archive, proba=True)
    assert rows == predicted(table / "run", data, proba=True)[0] and said == "30 rows predicted"
    assert archives._folders == before


def test_an_archive_that_does_not_fit_is_named_itself(table, tmp_path):
    before = set(archives._folders)
    inside = tmp_path / "inside"
    inside.mkdir()
    write(inside / "new.csv", [["1", "2"]], ["p", "q"])
    write(inside / "other.csv", [["1", "2"]], ["p", "q"])
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", inside)
    with pytest.raises(DataError, match=r"packed\.zip: expected one table file") as caught:
        predicted(table / "run", Path(archive))
    assert "autodl-unpacked" not in str(caught.value) and archives._folders == before
    (tmp_path / "broken.zip").write_bytes(Path(archive).read_bytes()[:60])
    with pytest.raises(DataError, match=r"broken\.zip: expected an archive"):
        predicted(table / "run", tmp_path / "broken.zip")
