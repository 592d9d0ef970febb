import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from autodl_agent.commands.group import cli
from autodl_agent.data.inspection.preview import draw_preview
from autodl_agent.learners.testing.contract import memory_dataset
from data_format import open_dataset
from data_format.raw.arrays.dataset import dataset_from_arrays


def drawn(dataset, tmp_path):
    draw_preview(dataset, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("domain", ["image", "video", "speech", "text", "tabular"])
def test_every_domain_has_a_sheet_with_a_row_a_class(tmp_path, domain):
    dataset, _ = memory_dataset(domain)
    pixels = drawn(dataset, tmp_path)
    per_class = 158
    assert pixels.shape[0] == 56 + len(dataset.class_names) * per_class + 10
    for c in range(len(dataset.class_names)):
        row = pixels[56 + c * per_class : 56 + (c + 1) * per_class]
        assert row[:, :160].min() < 100, "the name of the class"
        assert row[:130, 170:370].std() > 5, "something is drawn in the first cell"


def test_pictures_look_like_themselves(tmp_path):
    x = np.zeros((4, 13, 20, 3), np.uint8)
    x[:2, ..., 0] = 255
    x[2:, ..., 2] = 255
    pixels = drawn(dataset_from_arrays(x, ["red", "red", "blue", "blue"]), tmp_path)
    assert pixels[56 + 65, 170 + 100].tolist() == [0, 0, 255]
    assert pixels[56 + 158 + 65, 170 + 100].tolist() == [255, 0, 0]


def test_broken_files_and_odd_names_are_drawn_too(tmp_path):
    for i in range(4):
        path = tmp_path / "set" / ("é图 " * 40).strip()[: 60 if i % 2 else 30] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6)).save(path)
        path.with_name(f"x{i}.png").write_bytes(path.read_bytes()[:20])
    assert drawn(open_dataset(tmp_path / "set"), tmp_path).shape[1] >= 590


def test_many_classes_are_cut_and_said(tmp_path):
    x = np.arange(40.0).reshape(40, 1)
    assert drawn(dataset_from_arrays(x, np.arange(40) // 2), tmp_path).shape[0] == 56 + 12 * 158 + 10


def test_silence_empty_texts_and_one_sample(tmp_path):
    sounds = [np.zeros(50), np.zeros(1), np.full(3000, np.nan), np.ones(60)]
    assert drawn(dataset_from_arrays(sounds, [0, 1, 0, 1]), tmp_path).min() >= 0
    texts = ["", "字" * 500, "word " * 500, "\0\n\n"]
    assert drawn(dataset_from_arrays(texts, [0, 1, 0, 1]), tmp_path).min() >= 0


def test_the_option(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,w,label\n" + "".join(f"{i},w{i % 3},{i % 2}\n" for i in range(20)))
    done = CliRunner().invoke(cli, ["inspect", str(path), "--preview", str(tmp_path / "out.png")])
    assert done.exit_code == 0, done.output
    assert "examples are drawn in" in done.output
    with Image.open(tmp_path / "out.png") as image:
        assert image.format == "PNG"
