"""Jobs side by side: threads on this machine, or a Ray cluster; every result is written as soon as it is there."""

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult, ResultFile
from autodl_agent.benchmark.runner import run_job

Progress = Callable[[str], None]


def run_all(
    jobs: Sequence[Job],
    out: Path,
    workers: int = 1,
    ray_address: str | None = None,
    progress: Progress | None = None,
    keep: Path | None = None,
) -> None:
    """Run the jobs that `out` does not hold yet and add their results to it.

    workers: runs side by side on each machine. progress: is handed a line of progress for each. keep: a folder
    for the small files of every run, with Ray the same path on every machine. Raises UsageError where
    Ray is asked for and cannot be had. An interrupt ends what is running, leaves no process, and is raised again.
    """
    file = ResultFile(out)
    open_jobs = [job for job in jobs if job.key not in file.done]
    skipped = len(jobs) - len(open_jobs)
    if skipped and progress:
        older = f"; {file.of_other_commits()} runs in it are of another commit" if file.of_other_commits() else ""
        progress(f"{skipped} of {len(jobs)} runs are in {out} already{older}")
    if not open_jobs:
        return
    if ray_address is None:
        results = on_this_machine(open_jobs, workers, keep)
    else:
        from autodl_agent.benchmark.ray_executor import on_ray

        results = on_ray(open_jobs, workers, ray_address, keep)
    with closing(results):  # an interrupt may come anywhere, also between two results
        for number, record in enumerate(results, skipped + 1):
            file.add(record)
            if progress:
                progress(f"[{number}/{len(jobs)}] {line_of(record)}")


def on_this_machine(jobs: Sequence[Job], workers: int, keep: Path | None = None) -> Generator[BenchmarkResult]:
    """Results as they come, at most `workers` runs at a time."""
    stop = threading.Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="benchmark") as pool:
        try:
            waiting: set[Future[BenchmarkResult | None]] = {pool.submit(run_job, job, stop, keep) for job in jobs}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    if (record := future.result()) is not None:
                        yield record
        finally:
            # The pool waits for its threads when it is closed; they end their processes first.
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def line_of(record: BenchmarkResult) -> str:
    """One result in words."""
    parts = [f"{record.job.name} seed {record.job.seed}:"]
    if record.first is not None:
        parts.append(f"first {record.first:.2f} s")
    if record.alc is not None and record.nauc is not None:
        parts.append(f"NAUC {record.nauc:.4f}  ALC {record.alc:.4f}")
    if record.peak_mb is not None:
        parts.append(f"{record.peak_mb:.0f} MB")
    return "  ".join(parts) + (f"  FAILED: {record.failure}" if record.failure else "")
