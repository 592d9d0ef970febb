"""Single examples as HTML: pictures that decode, waves, texts, cells; what breaks is said, what is slow waits."""

import base64
import io
import threading

import numpy as np
import pytest
from PIL import Image

from autodl_agent.runs.report.thumbnails import Exhibits, cells, picture, snippet, waveform
from data_format.errors import Unreadable
from data_format.examples import Csr, Table


def decoded(html):
    return Image.open(io.BytesIO(base64.b64decode(html.split("base64,")[1].split('"')[0])))


@pytest.mark.parametrize(("domain", "size"), [("image", (112, 112)), ("video", (448, 112))])
def test_pictures_carry_their_pixels(make_scene, parse, domain, size):
    scene = make_scene(domain)
    exhibits = Exhibits(scene.store, scene.budget.now)
    exhibits.prepare([3], 1e9, 20)
    assert decoded(exhibits.get(3)).size == size
    assert parse(exhibits.get(3)).all("img")[0]["alt"]


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_any_number_of_channels_is_a_picture(channels):
    pixels = np.full((8, 10, channels), 200, np.uint8)
    image = decoded(picture(pixels, "x"))
    assert image.size == (10, 8) and abs(np.asarray(image).mean() - 200) < 3


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(5), np.full(3, np.nan), np.sin(np.arange(90_000.0))])
def test_waves_are_drawn_within_their_frame(parse, samples):
    html = waveform(samples.astype(np.float32), 16_000)
    page = parse(html)
    numbers = [float(y) for part in page.all("path")[0]["d"].split("M")[1:] for y in part.split(" ")[1].split("V")]
    assert all(0 <= y <= 57 for y in numbers) and f"{len(samples) / 16000:.2f} s" in page.text


def test_texts_are_cut_and_keep_their_direction(parse):
    assert parse(snippet("שלום " * 200)).all("p")[0]["dir"] == "auto"
    assert len(parse(snippet("word " * 500)).text) == 321
    assert "(empty)" in snippet("") and "(blank)" in snippet(" \n")


def test_cells_have_names_and_tell_what_is_missing(parse):
    table = Table(np.array([[1.5, np.nan]]), ("<b>", "n"), np.array([["<i>"]], object), ("word",))
    text = parse(cells(table, 0)).text
    assert "<b>1.5" in text and "nmissing" in text and "word<i>" in text


def test_wide_and_sparse_rows_are_cut(parse):
    names = tuple(f"n{i}" for i in range(30))
    wide = Table(np.zeros((1, 30)), names, np.array([["w"]], object), ("word",))
    assert "and 23 more" in parse(cells(wide, 0)).text and "word" in parse(cells(wide, 0)).text
    csr = Csr(np.array([0, 2]), np.array([4, 9]), np.array([1.0, 2.0], np.float32), 12)
    sparse = Table(np.zeros((1, 0)), (), np.zeros((1, 0), object), (), csr)
    assert "column 41" in parse(cells(sparse, 0)).text


def test_what_cannot_be_decoded_says_why(make_scene, monkeypatch):
    scene = make_scene("image")

    def broken(row):
        raise Unreadable("<truncated> file")

    monkeypatch.setattr(scene.dataset.train.source, "example", broken)
    exhibits = Exhibits(scene.store, scene.budget.now)
    exhibits.prepare([0], 1e9, 20)
    assert "cannot be shown: &lt;truncated&gt; file" in exhibits.get(0)


def test_a_slow_example_does_not_hold_the_page(make_scene, monkeypatch):
    scene, go_on = make_scene("image"), threading.Event()
    monkeypatch.setattr(scene.dataset.train.source, "example", lambda row: go_on.wait(20))
    exhibits = Exhibits(scene.store, scene.budget.now)
    exhibits.prepare([0], 1e9, 0.01)
    assert "not shown yet" in exhibits.get(0) and "yet" not in exhibits.get(0, more=False)
    go_on.set()


def test_no_example_begins_after_the_time_for_it(make_scene):
    scene = make_scene()
    exhibits = Exhibits(scene.store, scene.budget.now)
    exhibits.prepare([0, 1], 0.0, 20)
    assert "not shown" in exhibits.get(0)
