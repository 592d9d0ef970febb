"""Failure cases of reading that users of such tools met: litter, odd files, odd cells, odd sounds and clips.

What matters is which rows there are, what is said of the others, and that every test row has a finite prediction.
"""

import csv
import json
import shutil
import struct
from datetime import date
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
from PIL import Image

from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.runs.agent import run
from autodl_agent.runs.config import RunConfig
from autodl_agent.system.clock import Budget
from data_format import open_dataset
from data_format.errors import DataError
from data_format.predictions import list_predictions, read_prediction

RNG = np.random.default_rng(0)


class Ran:
    """A short run and what it left."""

    def __init__(self, data, budget_s=0.7):
        out = data.parent / "out"
        shutil.rmtree(out, ignore_errors=True)
        run(data, out, RunConfig(budget_s), Budget.from_now(budget_s))
        self.rows = (out / "test_rows.txt").read_text(encoding="utf-8").splitlines()
        self.classes = (out / "classes.txt").read_text(encoding="utf-8").splitlines()
        self.last = read_prediction(list_predictions(out / "predictions")[-1][1])
        self.facts = json.loads((out / "run.json").read_text(encoding="utf-8"))
        assert self.last.shape == (len(self.rows), len(self.classes))
        assert np.isfinite(self.last).all()

    @property
    def names(self):
        """Every file that is a row, training rows counted only."""
        return self.facts["n_train"] + self.facts["n_test"]


def said(dataset):
    return [f"{p.where}: {p.reason}" for p in dataset.problems]


def picture(path, level=None, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 255, (24, 32, 3), np.uint8) if level is None else np.full((24, 32, 3), level, np.uint8)
    Image.fromarray(pixels).save(path, **how)
    return path


def folder(root, n=6, form="png"):
    for c, name in enumerate(("dark", "light")):
        for i in range(n):
            picture(root / name / f"{i:02d}.{form}", 20 + 200 * c + i)
    return root


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(path, rows, head="a,b,y", encoding="utf-8"):
    lines = [head, *(",".join(map(str, row)) for row in rows), ""]
    return put(path, "\n".join(lines).encode(encoding))


def decoded(dataset, decode):
    """Rows of both sides that decode, by id; the ids of the ones that do not, with the reason."""
    good, bad = {}, {}
    for split in (dataset.train, dataset.test):
        for row, name in enumerate(split.ids):
            try:
                good[name] = decode(split.source.example(row))
            except DataError as error:
                bad[name] = str(error)
    return good, bad


def images(dataset):
    from data_format.media.images import image_at

    return decoded(dataset, lambda example: image_at(example, 24, 32, 3))


def test_15_litter_changes_nothing(tmp_path):
    clean = open_dataset(folder(tmp_path / "set", form="jpg"))
    root = tmp_path / "set"
    for name in (".DS_Store", "dark/.DS_Store", "dark/Thumbs.db", "light/._00.jpg", "__MACOSX/dark/._00.jpg"):
        put(root / name, b"\0\5\26\7\0\2\0\0Mac OS X")
    put(root / "light/desktop.ini", b"x")
    (root / "empty").mkdir()
    picture(root / ".ipynb_checkpoints/00-checkpoint.jpg")
    dataset = open_dataset(root)
    assert dataset.class_names == clean.class_names
    assert list(dataset.train.ids) == list(clean.train.ids) and list(dataset.test.ids) == list(clean.test.ids)
    assert Ran(root).names == 12


def test_16_suffixes_do_not_matter(tmp_path):
    root = tmp_path / "set"
    for i, suffix in enumerate(("JPG", "JPEG", "PNG", "Jpg", "webp", "bmp")):
        picture(root / f"dark/{i}.{suffix}", 20)
        picture(root / f"light/{i}.{suffix}", 220)
    shutil.copy(root / "dark/0.JPG", root / "dark/x.jfif")
    shutil.copy(root / "light/0.JPG", root / "light/noext")
    good, bad = images(open_dataset(root))
    assert len(good) == 14 and bad == {}
    assert {good[name].mean() > 100 for name in good if name.startswith("dark")} == {False}


def test_17_content_counts_not_the_suffix(tmp_path):
    root = folder(tmp_path / "set", form="jpg")
    for form in ("bmp", "gif", "webp", "tiff"):
        picture(root / f"t.{form}", 20).rename(root / f"dark/was_{form}.jpg")
    put(root / "light/page.jpg", "<html>404 Not Found</html>")
    dataset = open_dataset(root)
    good, bad = images(dataset)
    assert {f"dark/was_{form}.jpg" for form in ("bmp", "gif", "webp", "tiff")} <= set(good)
    assert list(bad) == ["light/page.jpg"] and "no known image format" in bad["light/page.jpg"]
    assert Ran(root).names == 17


def test_18_red_in_cmyk_is_red(tmp_path):
    root = folder(tmp_path / "set", form="jpg")
    Image.new("RGB", (32, 24), (255, 0, 0)).convert("CMYK").save(root / "dark/cmyk.jpg")
    pixel = images(open_dataset(root))[0]["dark/cmyk.jpg"][5, 5]
    assert np.abs(pixel.astype(int) - [255, 0, 0]).max() <= 5


def test_20_the_tag_of_a_turned_picture_is_obeyed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for i in range(8):
        pixels = np.zeros((24, 32, 3), np.uint8)
        pixels[:12] = 200 + i
        for name, how in (("up", {}), ("turned", {"exif": exif})):
            path = tmp_path / f"set/{name}/{i}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path, **how)
    good, _ = images(open_dataset(tmp_path / "set"))
    assert good["up/0.jpg"][:8].mean() > 150 > good["up/0.jpg"][16:].mean()
    turned = good["turned/0.jpg"]
    assert abs(turned[:8].mean() - turned[16:].mean()) < 60 < abs(turned[:, :8].mean() - turned[:, 24:].mean())


def test_21_cut_and_empty_pictures_keep_their_test_row(tmp_path):
    root = tmp_path / "set"
    for part in ("train", "test"):
        folder(root / part, form="jpg")
        content = picture(root / part / "dark/noise.jpg").read_bytes()
        put(root / part / "dark/half.jpg", content[: len(content) // 2])
        put(root / part / "light/zero.jpg", b"")
    ran = Ran(root, 1.5)
    assert {"test/dark/half.jpg", "test/light/zero.jpg"} <= set(ran.rows)
    skipped = {entry["where"]: entry["reason"] for entry in ran.facts["skipped"]}
    assert "train/light/zero.jpg" in skipped and "train/dark/half.jpg" in skipped


def test_22_animations_are_images(tmp_path):
    root = folder(tmp_path / "set")
    frames = [Image.fromarray(RNG.integers(0, 255, (24, 32, 3), np.uint8)) for _ in range(4)]
    for form in ("gif", "png", "webp"):
        frames[0].save(root / f"dark/a.{form}", save_all=True, append_images=frames[1:])
    dataset = open_dataset(root)
    good, bad = images(dataset)
    assert dataset.domain[0] == "image" and bad == {}
    assert {f"dark/a.{form}" for form in ("gif", "png", "webp")} <= set(good)


def test_24_links_are_followed_once(tmp_path):
    real = folder(tmp_path / "real")
    (tmp_path / "set").mkdir()
    for name in ("dark", "light"):
        (tmp_path / "set" / name).symlink_to(real / name)
    (real / "dark/gone.png").symlink_to("/nowhere.png")
    (real / "light/loop").symlink_to("..")
    dataset = open_dataset(tmp_path / "set")
    assert len(dataset.train) + len(dataset.test) == 12
    assert any("dangling link" in line for line in said(dataset))


def test_25_odd_folder_names(tmp_path):
    root = folder(tmp_path / "my data [v2] é图's")
    assert (Ran(root).names, len(open_dataset(root).class_names)) == (12, 2)


def test_27_a_byte_order_mark_changes_nothing(tmp_path):
    rows = [("yes" if i % 2 else "no", i, i * 7 % 11) for i in range(40)]
    found = []
    for encoding in ("utf-8", "utf-8-sig"):
        path = table(tmp_path / encoding / "train.csv", rows, '"y","a","b"', encoding)
        dataset = open_dataset(path)
        found.append((dataset.class_names, dataset.train.source.table().number_names, list(dataset.test.ids)))
    assert found[0] == found[1] and found[0][:2] == (("no", "yes"), ("a", "b"))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "cp1252"])
def test_28_other_encodings_are_read_and_named(tmp_path, encoding):
    rows = [(i, "Café" if i % 2 else "naïve", i % 2) for i in range(20)]
    dataset = open_dataset(table(tmp_path / "t.csv", rows, "a,t,y", encoding))
    assert set(dataset.train.source.table().strings.ravel()) == {"Café", "naïve"}
    assert any("read as" in line and "not UTF-8" in line for line in said(dataset))


@pytest.mark.parametrize("separator", [",", " "])
def test_29_no_header(tmp_path, separator):
    lines = [separator.join((f"{4 + i % 3}.{i % 10}", f"{3 + i % 2}.5", str(i % 3))) for i in range(30)]
    ran = Ran(put(tmp_path / "iris.csv", "\n".join(lines) + "\n"))
    assert (ran.names, ran.classes) == (30, ["0", "1", "2"])


def test_30_line_breaks_in_cells(tmp_path):
    path = tmp_path / "text.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "y"])
        writer.writerows([[f'line one {i}\nline two, "quoted"\r\nend', ["pos", "neg"][i % 2]] for i in range(20)])
    dataset = open_dataset(path)
    assert len(dataset.train) + len(dataset.test) == 20
    assert dataset.train.source.example(0).text.endswith('line two, "quoted"\r\nend')


def test_32_infinite_and_huge_numbers(tmp_path):
    rows = [(("inf", "-inf", 1e39, "")[i % 4] if i % 10 == 0 else i, i % 7, i % 2) for i in range(60)]
    table(tmp_path / "set/train.csv", rows)
    table(tmp_path / "set/test.csv", [("inf", 1, 0), ("1e300", 2, 1)])
    assert len(Ran(tmp_path / "set", 2).rows) == 2


def test_33_empty_and_constant_columns(tmp_path):
    head = "a,empty,const,onlyfive,y"
    table(tmp_path / "set/train.csv", [(i, "", 7, "" if i % 3 else 5, i % 2) for i in range(40)], head)
    table(tmp_path / "set/test.csv", [(1, 3.5, 8, "text!", 0), (2, "", "", "", 1)], head)
    assert Ran(tmp_path / "set", 2).facts["n_test"] == 2


def test_34_dates_mixed_columns_and_another_order(tmp_path):
    rows = [
        (
            f"2020-{1 + i % 12:02d}-{1 + i % 28:02d}" if i % 9 else ("" if i % 2 else "n.d."),
            i % 5 if i % 7 else "x",
            int(i % 12 > 5),
        )
        for i in range(60)
    ]
    table(tmp_path / "set/train.csv", rows)
    table(tmp_path / "set/test.csv", [(0, 3, "2021-03-04", "extra")], "y,b,a,z")
    dataset = open_dataset(tmp_path / "set")
    train, test = dataset.train.source.table(), dataset.test.source.table()
    assert train.number_names == ("a",) and train.string_names == ("b",)
    assert test.numbers[0, 0] - train.numbers[1, 0] == (date(2021, 3, 4) - date(2020, 2, 2)).days
    assert any("'z'" in line for line in said(dataset))


def test_37_tiny_and_chinese_texts(tmp_path):
    texts = [("a", 0), ("I", 1), ("", 0), ("?", 1), ("😀😀", 0), ("the of", 1)] * 5
    path = put(tmp_path / "one/text.csv", "text,y\n" + "".join(f'"{text}",{label}\n' for text, label in texts))
    assert Ran(path, 1).names == 30
    pairs = [("这部电影很好看我喜欢", "pos"), ("非常糟糕浪费时间", "neg")]
    lines = [f'"{text}{i}",{label}\n' for i in range(15) for text, label in pairs]
    path = put(tmp_path / "two/zh.csv", "text,y\n" + "".join(lines))
    ran, truth = Ran(path, 2), open_dataset(path).truth()
    assert (ran.last.argmax(1) == truth.argmax(1)).mean() > 0.8


def tone(path, hz, seconds=0.5, samples=None, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * 16000)) / 16000) if samples is None else samples
    sf.write(path, wave, 16000, **how)
    return path


def tones(root, n=6):
    for name, hz in (("low", 220), ("high", 1760)):
        for i in range(n):
            tone(root / f"{name}/{i}.wav", hz)
    return root


def sounds(dataset):
    from data_format.media.sounds import sound

    return decoded(dataset, lambda example: sound(example)[0])


def test_40_sounds_without_samples(tmp_path):
    root = tones(tmp_path / "set")
    tone(root / "low/nosamples.wav", 0, samples=np.zeros(0))
    put(root / "high/zero.wav", b"")
    put(root / "high/cut.wav", (root / "high/0.wav").read_bytes()[:100])
    ran = Ran(root, 1.5)
    assert ran.names == 15


def test_41_forms_of_wav_have_one_loudness(tmp_path):
    root = tmp_path / "set"
    for form in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM"):
        for name, hz in (("low", 220), ("high", 1760)):
            tone(root / f"{name}/{form}.wav", hz, subtype=form)
    tone(root / "low/ext.wav", 220, format="WAVEX")
    plain = (root / "low/PCM_16.wav").read_bytes()
    put(root / "low/stream.wav", plain[:4] + b"\xff" * 4 + plain[8:40] + b"\xff" * 4 + plain[44:])
    put(root / "low/junk.wav", plain[:12] + b"JUNK" + struct.pack("<I", 28) + bytes(28) + plain[12:])
    good, bad = sounds(open_dataset(root))
    assert bad == {} and len(good) == 19
    assert all(abs(np.abs(wave).max() - 0.5) < 0.05 for wave in good.values())


def test_42_sounds_by_content(tmp_path):
    root = tmp_path / "set"
    for name, hz in (("low", 220), ("high", 1760)):
        for form in ("a.mp3", "b.flac", "c.ogg", "d.wav"):
            tone(root / name / form, hz)
        shutil.copy(root / name / "a.mp3", root / name / "mp3.wav")
        shutil.copy(root / name / "b.flac", root / name / "flac.mp3")
    content = bytearray((root / "low/a.mp3").read_bytes())
    content[200:260] = bytes(60)
    put(root / "low/broken.mp3", bytes(content))
    good, bad = sounds(open_dataset(root))
    assert len(good) + len(bad) == 13 and set(bad) <= {"low/broken.mp3"}


def test_43_silence_gaps_and_short_clips(tmp_path):
    root = tones(tmp_path / "set")
    tone(root / "low/silence.wav", 0, samples=np.zeros(8000))
    tone(root / "high/short.wav", 0, samples=np.full(20, 0.1))
    odd = 0.1 * np.sin(np.arange(8000) * 0.1)
    odd[5], odd[9] = np.nan, np.inf
    tone(root / "low/nan.wav", 0, samples=odd, subtype="FLOAT")
    good, bad = sounds(open_dataset(root))
    assert bad == {} and all(np.isfinite(wave).all() for wave in good.values())
    assert Ran(root, 2).names == 15


def clip(path, n=8, level=0, codec="libx264", pix="yuv420p", at=None, options=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    container = av.open(str(path), "w", options=options or {})
    stream = container.add_stream(codec, rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, pix
    stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
    if n == 0:
        container.start_encoding()
    for i in range(n):
        pixels = np.full((48, 64, 3), (level + 5 * i) % 256, np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = at[i] if at else 100 * i, Fraction(1, 1000)
        for packet in stream.encode(frame):
            container.mux(packet)
    for packet in stream.encode():
        container.mux(packet)
    container.close()
    return path


def clips(dataset):
    from data_format.media.videos import clip_at

    return decoded(dataset, lambda example: clip_at(example, 4, 24, 32, 3))


def test_45_headers_that_lie_about_frames(tmp_path):
    root = tmp_path / "set"
    for name, level in (("dark", 0), ("light", 120)):
        for i in range(3):
            clip(root / f"{name}/{i}.mp4", level=level + i)
        clip(root / f"{name}/vfr.mp4", 6, level, at=[0, 100, 200, 2000, 2100, 9000])
        clip(root / f"{name}/f.mp4", level=level, options={"movflags": "frag_keyframe+empty_moov"})
    content = clip(root / "m.avi", 20, codec="mjpeg", pix="yuvj420p").read_bytes()
    put(root / "dark/half.avi", content[: len(content) // 2])
    (root / "m.avi").unlink()
    dataset = open_dataset(root)
    good, bad = clips(dataset)
    assert dataset.domain[0] == "video" and bad == {} and len(good) == 11
    assert good["light/vfr.mp4"].mean() > 100 > good["dark/f.mp4"].mean()


def test_46_broken_clips_cost_only_themselves(tmp_path):
    root = tmp_path / "set"
    for name, level in (("dark", 0), ("light", 120)):
        for i in range(4):
            clip(root / f"{name}/{i}.mp4", level=level + i)
    content = (root / "dark/0.mp4").read_bytes()
    put(root / "dark/nomoov.mp4", content[: content.find(b"moov") - 4])
    put(root / "light/zero.mp4", b"")
    clip(root / "light/one.mp4", 1)
    clip(root / "light/noframes.avi", 0, codec="mjpeg", pix="yuvj420p")
    good, bad = clips(open_dataset(root))
    assert set(bad) == {"dark/nomoov.mp4", "light/zero.mp4", "light/noframes.avi"}
    assert "light/one.mp4" in good
    ran = Ran(root, 1.5)
    assert ran.names == 12


def test_all_inputs_bad_is_an_error_of_one_line(tmp_path):
    for i in range(4):
        put(tmp_path / f"set/{'ab'[i % 2]}/{i}.jpg", b"\0\1\2")
    with pytest.raises(DataError, match="expected images, videos, sounds or texts") as caught:
        open_dataset(tmp_path / "set")
    assert "\n" not in str(caught.value)


FORMS = ("folders", "list", "archive")


def three_forms(root: Path) -> dict[str, Path]:
    """The same pictures as class folders, as files with lists, and as an archive of the folders."""
    for part in ("train", "test"):
        folder(root / "folders" / part)
    for part in ("train", "test"):
        lines = ["file,label"]
        for name in ("dark", "light"):
            for file in sorted((root / f"folders/{part}/{name}").iterdir()):
                target = root / f"list/{part}/{name}_{file.name}"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
                lines.append(f"{part}/{target.name},{name}")
        put(root / f"list/labels_{part}.csv", "\n".join(lines) + "\n")
    shutil.make_archive(str(root / "archive"), "zip", root / "folders")
    return {"folders": root / "folders", "list": root / "list", "archive": root / "archive.zip"}


def test_three_raw_forms_give_the_same_task(tmp_path):
    from autodl_agent.data.domain import make_task
    from autodl_agent.learners.vision.features import image_recipe

    found = []
    for path in three_forms(tmp_path).values():
        dataset = open_dataset(path)
        task = make_task(dataset)
        store = TensorStore(dataset, task, Budget.from_now(60).deadline(60))
        recipe = image_recipe(task, 16)
        tensors = [store.rows(side, recipe, np.arange(len(store.split(side)))) for side in ("train", "test")]
        store.close()
        found.append((dataset.class_names, dataset.train.labels, dataset.truth(), *tensors))
    for other in found[1:]:
        assert other[0] == found[0][0]
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(other[1:], found[0][1:], strict=True))


def test_three_forms_of_a_table_give_the_same_task(tmp_path):
    rows = [(i / 3, ["u", "v"][i % 2], "" if i % 7 == 0 else i % 5, ["001", "010"][i % 3 == 0]) for i in range(40)]
    table(tmp_path / "t.csv", rows, "a,w,b,label")
    put(tmp_path / "t.tsv", (tmp_path / "t.csv").read_text().replace(",", "\t"))
    names = ("a", "w", "b", "label")
    lines = [json.dumps({n: v if v != "" else None for n, v in zip(names, row, strict=True)}) for row in rows]
    put(tmp_path / "t.jsonl", "\n".join(lines))
    kinds = ("numeric", "{u,v}", "numeric", "{001,010}")
    head = "".join(
        ["@relation t\n", *(f"@attribute {pair[0]} {pair[1]}\n" for pair in zip(names, kinds, strict=True)), "@data\n"]
    )
    cells = "\n".join(",".join("?" if value == "" else str(value) for value in row) for row in rows)
    put(tmp_path / "t.arff", head + cells)
    found = [open_dataset(tmp_path / f"t.{form}") for form in ("csv", "tsv", "jsonl", "arff")]
    for other in found[1:]:
        assert (other.class_names, list(other.test.ids)) == (found[0].class_names, list(found[0].test.ids))
        mine, theirs = other.train.source.table(), found[0].train.source.table()
        np.testing.assert_array_equal(mine.numbers, theirs.numbers)
        assert mine.strings.tolist() == theirs.strings.tolist()
        assert np.array_equal(other.train.labels, found[0].train.labels)


SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "official_samples" / "raw"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the challenge's samples are not here")
@pytest.mark.parametrize(
    ("name", "domain", "train", "test", "classes"),
    [
        ("O1", "text", 7792, 1821, 2),
        ("iris-AutoML", "tabular", 105, 45, 3),
        ("mini-cifar", "image", 80, 20, 10),
        ("mini-kth", "video", 2, 2, 6),
        ("monkeys", "image", 20, 10, 10),
        ("randomtext", "text", 30, 30, 57),
    ],
)
def test_the_samples_of_the_toolkit(name, domain, train, test, classes):
    dataset = open_dataset(SAMPLES / name)
    assert dataset.domain[0] == domain
    assert (len(dataset.train), len(dataset.test), len(dataset.class_names)) == (train, test, classes)
    if name == "mini-kth":
        missing = [p.where for p in dataset.problems if p.reason == "missing file"]
        assert missing == [f"person15_{move}_d1_uncomp.avi" for move in ("boxing", "handwaving", "jogging", "walking")]
