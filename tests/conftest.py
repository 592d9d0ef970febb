"""What every test shares: one thread for linear algebra, no worker unless asked for, and the mark `slow`.

One thread as in every run: on busy cores OpenBLAS's own threads wait more than they work. No worker process where a
test does not ask for one: each would load TensorFlow for some seconds.

`slow` marks what starts a process, loads TensorFlow or plays a whole run, by the table below and nowhere else.
`make quick` leaves it out, and refuses processes and TensorFlow, so that the table cannot go stale unnoticed.
"""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from autodl_agent.system.resources import limit_blas_threads

limit_blas_threads()
os.environ["AUTODL_WORKER"] = "off"
# No test asserts anything about timing: a busy machine is no fault of the code.
hypothesis.settings.register_profile("autodl", deadline=None)
hypothesis.settings.load_profile("autodl")

TESTS = Path(__file__).parent

# Files, or single tests of a file, that belong to the slow lane.
SLOW = {
    "autodl_agent/benchmark/test_ray_executor.py::test_a_job_travels_as_text",
    "autodl_agent/benchmark/test_results.py::test_what_is_there_is_known_when_the_file_is_opened_again",
    "autodl_agent/benchmark/test_runner.py",
    "autodl_agent/challenge/api/test_tf_dataset.py",
    "autodl_agent/challenge/live_scoring/test_ingestion_process.py",
    "autodl_agent/challenge/submission/test_bundle.py::test_it_learns_where_only_the_challenge_s_libraries_are",
    "autodl_agent/challenge/submission/test_bundle.py::test_the_zip_is_a_submission_that_imports_without_our_package",
    "autodl_agent/challenge/submission/test_model.py",
    "autodl_agent/challenge/submission/test_warmup.py",
    "autodl_agent/challenge/test_evaluate.py::test_bad_submissions_get_a_line_an_exit_code_and_scores",
    "autodl_agent/challenge/test_evaluate.py::test_command_ranks_submissions",
    "autodl_agent/challenge/test_evaluate.py::test_tampering_does_not_change_the_score",
    "autodl_agent/challenge/test_evaluate.py::test_the_baseline_on_a_sample_set",
    "autodl_agent/challenge/test_evaluate.py::test_two_evaluations_give_the_same_scores",
    "autodl_agent/challenge/test_ingestion.py",
    "autodl_agent/challenge/test_scoring.py::test_a_process_that_is_not_the_ingestion_is_left_alone",
    "autodl_agent/challenge/test_scoring.py::test_an_ingestion_that_died_is_not_waited_for",
    "autodl_agent/challenge/test_scoring.py::test_an_overrun_is_ended_and_what_is_there_is_scored",
    "autodl_agent/challenge/test_scoring.py::test_no_run_at_all",
    "autodl_agent/challenge/test_scoring.py::test_the_program_by_its_module_name_loads_no_drawing_library_before_a_run",
    "autodl_agent/commands/test_benchmark.py",
    "autodl_agent/commands/test_benchmark_view.py::test_runs_that_a_file_holds_are_not_run_again",
    "autodl_agent/commands/test_commands.py",
    "autodl_agent/data/test_convert.py::test_tensorflow_reads_the_result",
    "autodl_agent/data/test_convert.py::test_unpacked_archives_are_gone_after_a_command",
    "autodl_agent/data/test_splits.py::test_many_classes_hold_out_more_rows",
    "autodl_agent/engine/worker/test_client.py",
    "autodl_agent/engine/worker/test_factory.py::test_a_worker_for_the_learners_that_fit",
    "autodl_agent/engine/worker/test_factory.py::test_a_worker_started_beforehand_is_used_or_closed",
    "autodl_agent/engine/worker/test_signals.py",
    "autodl_agent/learners/image/test_finetuned.py",
    "autodl_agent/learners/image/test_hub.py::test_a_run_whose_module_is_nowhere_goes_on_with_one_line",
    "autodl_agent/learners/image/test_hub.py::test_it_learns_and_is_saved_with_its_handle",
    "autodl_agent/learners/image/test_hub.py::test_the_contract",
    "autodl_agent/learners/image/test_hub.py::test_the_worker_plays_it_in_a_run",
    "autodl_agent/learners/image/test_resnet.py",
    "autodl_agent/learners/networks/test_optimiser.py",
    "autodl_agent/learners/networks/test_trainer.py",
    "autodl_agent/learners/speech/test_trees.py",
    "autodl_agent/learners/tabular/test_learners.py::test_nothing_heavy_is_imported_before_boosting",
    "autodl_agent/learners/tabular/test_learners.py::test_two_labels_may_both_be_on",
    "autodl_agent/learners/testing/test_contract.py::test_the_contract",
    "autodl_agent/learners/testing/test_faults.py::test_until_its_fault_comes_it_works_like_the_first_learner",
    "autodl_agent/learners/text/test_finetuned.py",
    "autodl_agent/learners/text/test_hashing.py::test_hashes_do_not_depend_on_the_process",
    "autodl_agent/learners/text/test_quick.py::test_the_module_imports_nothing_heavy",
    "autodl_agent/learners/trees/test_lightgbm_booster.py",
    "autodl_agent/learners/video/test_frame_sequence.py::test_keeps_the_contract",
    "autodl_agent/learners/video/test_frame_sequence.py::test_samplings_take_turns_and_a_new_network_starts_where_the_last_one_was",
    "autodl_agent/learners/video/test_quick.py::test_contract",
    "autodl_agent/learners/video/test_r2plus1d.py",
    "autodl_agent/pretrained/models/test_efficientnet_keras.py",
    "autodl_agent/pretrained/models/test_tflite_encoders.py::test_a_damaged_table_of_pieces_is_made_anew",
    "autodl_agent/pretrained/models/test_tflite_encoders.py::test_the_real_encoders_in_bytes_and_in_numpy",
    "autodl_agent/pretrained/runtime/test_image_network.py::test_news_of_the_interpreter_are_left_out_and_errors_are_not",
    "autodl_agent/pretrained/test_networks.py::test_a_cache_of_its_own_ends_with_the_program",
    "autodl_agent/pretrained/test_tf_hub.py::test_a_model_without_a_call_is_used_by_its_signature",
    "autodl_agent/pretrained/test_tf_hub.py::test_features_from_the_warm_cache",
    "autodl_agent/pretrained/test_tf_hub.py::test_what_is_no_picture_module_is_refused_with_the_reason",
    "autodl_agent/runs/model/test_export.py",
    "autodl_agent/runs/model/test_predict_command.py::test_new_pictures_broken_ones_and_strangers",
    "autodl_agent/runs/model/test_predict_command.py::test_probabilities_that_a_run_tells_people_follow_its_thresholds",
    "autodl_agent/runs/model/test_predict_command.py::test_the_command_line",
    "autodl_agent/runs/model/test_predict_command.py::test_the_test_rows_of_the_run_get_what_they_got",
    "autodl_agent/runs/model/test_saved.py::TestKeeper::test_a_save_that_takes_too_long_is_given_up",
    "autodl_agent/runs/model/test_saved.py::test_every_prediction_of_a_run_is_repeated_by_its_saved_model",
    "autodl_agent/runs/model/test_saved.py::test_only_a_run_that_needs_its_model_waits_for_it",
    "autodl_agent/runs/model/test_saved.py::test_settled_learners_do_not_learn",
    "autodl_agent/runs/report/test_mlflow.py",
    "autodl_agent/runs/report/test_tensorboard.py::test_scalars_are_what_tensorflow_reads",
    "autodl_agent/runs/test_agent.py::test_data_too_slow_to_open_leave_the_folder_for_the_next_try",
    "autodl_agent/runs/test_agent.py::test_the_program_ends_although_a_learner_hangs",
    "autodl_agent/runs/test_classifier.py",
    "autodl_agent/runs/test_resume.py",
    "autodl_agent/scoring/test_alc.py::test_equals_the_integral",
    "autodl_agent/system/test_prctl.py",
    "autodl_agent/system/test_processes.py",
    "autodl_agent/system/test_resources.py::test_a_limit_of_the_shell_is_seen_and_heaps_are_few_then",
    "benchmarks/test_ablation.py::test_the_command_runs_and_goes_on_where_it_was",
    "benchmarks/test_chaos.py",
    "benchmarks/test_decode_rates.py",
    "benchmarks/test_gpu.py",
    "benchmarks/test_leave_one_out.py",
    "benchmarks/test_worker_cost.py",
    "data_format/autodl/test_crc32c.py::test_records_are_read_where_it_is_not",
    "data_format/autodl/test_sequence_example.py::test_descriptor_set_is_that_of_the_proto",
    "data_format/media/test_images.py::test_plain_images_import_neither_pillow_nor_sound_nor_video",
    "data_format/media/test_sounds.py::test_sounds_import_no_image_or_video_library",
    "data_format/media/test_videos.py::test_videos_import_no_image_or_sound_library",
    "data_format/raw/tables/test_column_store.py::test_the_encoding_shows_wherever_it_does",
    "data_format/raw/tables/test_csv_file.py::test_what_the_csv_module_writes_is_read_back",
    "data_format/raw/test_archives.py::test_what_is_not_removed_in_time_goes_after_the_end",
    "data_format/raw/test_raw.py::test_nothing_heavy_is_imported",
    "data_format/test_open.py::test_importing_the_package_loads_nothing",
    "test_cases.py",
    "test_docs.py::test_command_lines_of_documents_run",
    "test_docs.py::test_python_of_documents_runs",
    "test_reading_cases.py::test_15_litter_changes_nothing",
    "test_reading_cases.py::test_32_infinite_and_huge_numbers",
    "test_reading_cases.py::test_33_empty_and_constant_columns",
    "test_reading_cases.py::test_46_broken_clips_cost_only_themselves",
}

STARTS_A_PROCESS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
TENSORFLOW = {"tensorflow", "tf_keras", "keras"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the slow lane."""
    for item in items:
        file = item.path.relative_to(TESTS).as_posix()
        test = item.name.partition("[")[0]
        if file in SLOW or f"{file}::{test}" in SLOW:
            item.add_marker(pytest.mark.slow)


def is_quick(config: pytest.Config) -> bool:
    """Whether this is `make quick`."""
    return bool(config.getoption("markexpr") == "not slow")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A slow file may load TensorFlow when it is imported."""
    return True if is_quick(config) and collection_path.relative_to(TESTS).as_posix() in SLOW else None


def pytest_collection_finish(session: pytest.Session) -> None:
    """What a test module imports counts, too."""
    if is_quick(session.config) and (found := TENSORFLOW & set(sys.modules)):
        raise pytest.UsageError(f"a test module of the quick lane imports {found}: add it to SLOW")


def pytest_configure(config: pytest.Config) -> None:
    """In the quick lane a process or TensorFlow is a fault of the test."""
    if is_quick(config):
        sys.addaudithook(_refuse)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Whatever a test logs to, the next one finds the agent's logger as it is in a new process."""
    yield
    logger = logging.getLogger("autodl_agent")
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """The guard watches tests, not what runs them."""
    _running.append(item.nodeid)
    try:
        return (yield)
    finally:
        _running.clear()


_running: list[str] = []


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if _running and (event in STARTS_A_PROCESS or (event == "import" and arguments[0] in TENSORFLOW)):
        raise AssertionError(f"{event} {arguments[0]!r} in the quick lane: add the test to SLOW in tests/conftest.py")
