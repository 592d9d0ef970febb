"""TensorBoard files: read back by our own reader, and by TensorFlow's where it is installed."""

import struct
from importlib.util import find_spec

import pytest

from autodl_agent.engine.round import Round
from autodl_agent.learners.testing.contract import FakeClock
from autodl_agent.runs.report.tensorboard import EventLog, event
from autodl_agent.system.errors import UsageError
from data_format.autodl.tfrecord import scan


def write(folder):
    clock = FakeClock()
    log = EventLog(folder, clock.budget(60))
    log.watch(None, Round(0, "prior", 0.1, 0.2), 0.2)
    log.watch(None, Round(300, "linear", 0.2, 2.5, 0.75, 0.5, weights={"linear": 1.0}), 2.5)
    log.close([(0.2, 0.0), (2.5, 0.625)])
    return next(folder.glob("events.out.tfevents.*"))


def test_scalars_are_what_tensorflow_reads(tmp_path):
    if find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    from tensorflow.compat.v1.train import summary_iterator

    found = {}
    for read in summary_iterator(str(write(tmp_path))):
        for value in read.summary.value:
            found[value.tag, read.step] = (value.simple_value, read.wall_time)
    assert found["held_out_nauc", 300] == (0.5, pytest.approx(1.7e9 + 2.5))
    assert found["learner_nauc/linear", 300][0] == 0.75 and found["weight/linear", 300][0] == 1.0
    assert found["round_seconds", 300][0] == pytest.approx(2.3) and found["prediction_at_seconds", 0][
        0
    ] == pytest.approx(0.2)
    assert found["test_nauc", 1] == (0.625, pytest.approx(1.7e9 + 2.5))
    assert ("held_out_nauc", 0) not in found


def test_the_file_is_framed_records_that_begin_with_the_version(tmp_path):
    file = scan(write(tmp_path))
    records = [file.read(i) for i in range(len(file))]
    assert len(records) == 5 and b"brain.Event:2" in records[0]
    assert struct.unpack("<d", records[1][1:9])[0] == pytest.approx(1.7e9 + 0.2)


def test_steps_beyond_a_byte_are_varints():
    assert event(0.0, 300)[9:] == b"\x10\xac\x02"


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--log-dir: cannot write to .*file"):
        EventLog(tmp_path / "file" / "sub", FakeClock().budget(60))


def test_a_closed_file_costs_the_log_and_nothing_else(tmp_path):
    log = EventLog(tmp_path, FakeClock().budget(60))
    log.close([])
    log.watch(None, Round(0, "prior", 0.1, 0.2), 0.2)
