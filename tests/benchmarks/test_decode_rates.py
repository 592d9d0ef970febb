"""The benchmark of decoding: every way reads the same pictures and clips, and is timed as it says."""

import sys

import numpy as np
import pytest

from benchmarks import decode_rates


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decode")
    return decode_rates.made_images(folder, 3), decode_rates.made_clips(folder, 2)


def arrays(way):
    return np.stack(list(way())).astype(np.float32)


def test_all_ways_read_the_same_pictures_in_the_same_order(made):
    ways = decode_rates.image_ways(made[0], 64, 2)
    assert {"ours", "Pillow"} <= set(ways)
    wanted = arrays(ways["ours"])
    assert wanted.shape == (3, 64, 64, 3) and wanted.std() > 10
    for name, way in ways.items():  # they differ in how they scale, not in what is seen
        assert np.abs(arrays(way) - wanted).mean() < 8, name


def test_all_ways_read_the_same_clips(made):
    ways = decode_rates.clip_ways(made[1], 4, 64, 1)
    wanted = arrays(ways["ours"])
    assert wanted.shape == (2, 4, 64, 64, 3) and np.abs(np.diff(wanted, axis=1)).mean() > 1
    for name, way in ways.items():  # ours may take a key frame beside the wanted one
        assert np.abs(arrays(way)[:, :, 16:48, 16:48].mean() - wanted[:, :, 16:48, 16:48].mean()) < 8, name
    assert np.abs(arrays(ways["OpenCV"]) - arrays(ways.get("tf.data", ways["OpenCV"]))).max() == 0


def test_a_clip_that_cannot_be_opened_is_dark(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no clip")
    assert not decode_rates.with_opencv(tmp_path / "a.mp4", 2, 8).any()


def test_rates_are_items_over_time_and_warming_up_is_left_out(monkeypatch):
    clock = iter(np.cumsum([100.0, 1, 2, 1, 4, 1, 3]))  # the round that warms up is begun, not ended
    monkeypatch.setattr(decode_rates.time, "perf_counter", lambda: next(clock))
    cpu = iter(np.cumsum([100.0, 1, 0.012, 1, 0.060, 1, 0.024]))
    monkeypatch.setattr(decode_rates.time, "process_time", lambda: next(cpu))
    found = decode_rates.rated({"a": lambda: iter([np.zeros(1, np.uint8)] * 12)}, 3)["a"]
    assert found.items == pytest.approx(12 / 3)
    assert found.cpu_ms == pytest.approx(2.0)


def test_the_command_prints_a_line_for_each(made, monkeypatch, capsys):
    monkeypatch.setattr(decode_rates, "find_spec", lambda name: None)
    folder = str(made[0][0].parent)
    arguments = ["--images", folder, "--clips", folder, "--count", "3", "--rounds", "1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["decode_rates.py", *arguments])
    decode_rates.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 pictures, 1 clips")
    assert len(lines) == 1 + len(decode_rates.SIDES) + len(decode_rates.CLIPS)
    assert all("ours" in line and "tf.data" not in line for line in lines[1:])


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="none found"):
        decode_rates.files_in(tmp_path, (".jpg",), 3)
