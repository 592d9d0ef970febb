"""Single examples: images that decode, waveforms, texts, cells; what breaks is named, what is slow waits."""

import base64
import io
import threading

import numpy as np
import pytest
from PIL import Image

from autodl_agent.runs.report.html_templates import template_environment
from autodl_agent.runs.report.thumbnails import Message, Thumbnails, cells, inline_image, snippet, waveform
from data_format.errors import Unreadable
from data_format.examples import Csr, Table


def decoded(shown):
    return Image.open(io.BytesIO(base64.b64decode(shown.source.removeprefix("data:image/jpeg;base64,"))))


def html(shown):
    environment = template_environment("autodl_agent.runs.report")
    return str(environment.get_template("thumbnail.html.j2").module.thumbnail(shown))


@pytest.mark.parametrize(("domain", "size"), [("image", (112, 112)), ("video", (448, 112))])
def test_images_carry_their_pixels(make_data, parse, domain, size):
    data = make_data(domain)
    thumbnails = Thumbnails(data.store, data.budget.now)
    thumbnails.prepare([3], 1e9, 20)
    shown = thumbnails.get(3)
    assert decoded(shown).size == (shown.width, shown.height) == size
    (image,) = parse(html(shown)).all("img")
    assert image["alt"] and image["src"] == shown.source


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_any_number_of_channels_is_an_image(channels):
    pixels = np.full((8, 10, channels), 200, np.uint8)
    image = decoded(inline_image(pixels, "x"))
    assert image.size == (10, 8) and abs(np.asarray(image).mean() - 200) < 3


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(5), np.full(3, np.nan), np.sin(np.arange(90_000.0))])
def test_waves_are_drawn_within_their_frame(parse, samples):
    shown = waveform(samples.astype(np.float32), 16_000)
    numbers = [float(y) for part in shown.path.split("M")[1:] for y in part.split(" ")[1].split("V")]
    assert all(0 <= y <= shown.height + 1 for y in numbers)
    page = parse(html(shown))
    assert page.all("path")[0]["d"] == shown.path and f"{len(samples) / 16000:.2f} s" in page.text


def test_texts_are_cut_and_keep_their_direction(parse):
    assert parse(html(snippet("שלום " * 200))).all("p")[0]["dir"] == "auto"
    assert len(snippet("word " * 500).text) == 321
    assert "(empty)" in html(snippet("")) and "(blank)" in html(snippet(" \n"))


def test_cells_have_names_and_tell_what_is_missing(parse):
    table = Table(np.array([[1.5, np.nan]]), ("<b>", "n"), np.array([["<i>"]], object), ("word",))
    assert cells(table, 0).pairs == (("<b>", "1.5"), ("n", "missing"), ("word", "<i>"))
    assert "<b>1.5nmissingword<i>" in parse(html(cells(table, 0))).text


def test_wide_and_sparse_rows_are_cut(parse):
    names = tuple(f"n{i}" for i in range(30))
    wide = cells(Table(np.zeros((1, 30)), names, np.array([["w"]], object), ("word",)), 0)
    assert wide.more == 23 and ("word", "w") in wide.pairs and "and 23 more" in parse(html(wide)).text
    csr = Csr(np.array([0, 2]), np.array([4, 9]), np.array([1.0, 2.0], np.float32), 12)
    sparse = cells(Table(np.zeros((1, 0)), (), np.zeros((1, 0), object), (), csr), 0)
    assert sparse.pairs == (("column 4", "1"), ("column 9", "2")) and sparse.more == 0


def test_what_cannot_be_decoded_says_why(make_data, monkeypatch):
    data = make_data("image")

    def broken(row):
        raise Unreadable("<truncated> file")

    monkeypatch.setattr(data.dataset.train.source, "example", broken)
    thumbnails = Thumbnails(data.store, data.budget.now)
    thumbnails.prepare([0], 1e9, 20)
    assert thumbnails.get(0) == Message("cannot be shown: <truncated> file")
    assert "&lt;truncated&gt;" in html(thumbnails.get(0))


def test_a_slow_example_does_not_hold_the_page(make_data, monkeypatch):
    data, go_on = make_data("image"), threading.Event()
    monkeypatch.setattr(data.dataset.train.source, "example", lambda row: go_on.wait(20))
    thumbnails = Thumbnails(data.store, data.budget.now)
    thumbnails.prepare([0], 1e9, 0.01)
    assert thumbnails.get(0) == Message("not shown yet") and thumbnails.get(0, more=False) == Message("not shown")
    go_on.set()


def test_no_example_begins_after_the_time_for_it(make_data):
    data = make_data()
    thumbnails = Thumbnails(data.store, data.budget.now)
    thumbnails.prepare([0, 1], 0.0, 20)
    assert thumbnails.get(0) == Message("not shown yet")
