"""The same jobs on a Ray cluster (extra `ray`): so many at a time on each machine, pinned to it.

Every machine needs this package and sees the data sets under the same path. Jobs and results travel as JSON text.
"""

import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult
from autodl_agent.benchmark.runner import run_job
from autodl_agent.system.errors import UsageError

_CANCEL_S = 15.0
_TRIES = 3  # of a job whose machine or process is lost


def on_ray(jobs: Sequence[Job], workers: int, address: str, keep: Path | None = None) -> Generator[BenchmarkResult]:
    """Results as they come. address: as `ray.init` takes it (`auto`, `local`, HOST:PORT, ray://HOST:PORT).

    Raises UsageError where Ray is not installed, the cluster does not answer, or no machine is left of it.
    """
    try:
        import ray
    except ImportError:
        raise UsageError(f"--ray {address} needs Ray: pip install 'autodl-agent[ray]'") from None
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="ERROR",
            include_dashboard=False if address == "local" else None,
        )  # noqa: E501
    except Exception as error:  # Ray raises half a dozen kinds
        raise UsageError(f"--ray {address}: no cluster answers there ({type(error).__name__}: {error})") from error
    try:
        yield from _spread(ray, jobs, workers, keep)
    finally:
        ray.shutdown()


def run_text(job: str, keep: str = "") -> str:
    """A job to a result, both as JSON text: what runs on the machines."""
    record = run_job(Job.from_json(json.loads(job)), keep=Path(keep) if keep else None)
    assert record is not None  # only a stop, which nobody can set here, gives None
    return json.dumps(record.as_json())


def _spread(ray: Any, jobs: Sequence[Job], workers: int, keep: Path | None) -> Generator[BenchmarkResult]:
    """Keep every slot of every machine busy; a job that is lost with its machine is tried elsewhere."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    remote = ray.remote(num_cpus=0, max_retries=0)(run_text)
    slots = [node["NodeID"] for node in ray.nodes() if node["Alive"] for _ in range(workers)]
    todo = [(job, 1) for job in reversed(jobs)]
    running: dict[Any, tuple[Job, int, str]] = {}
    try:
        while todo or running:
            while todo and slots:
                (job, tries), node = todo.pop(), slots.pop(0)
                pinned = NodeAffinitySchedulingStrategy(node, soft=False)
                text = json.dumps(job.as_json())
                running[remote.options(scheduling_strategy=pinned).remote(text, str(keep or ""))] = (job, tries, node)
            if not running:
                raise UsageError(f"no machine of the cluster is left, {len(todo)} runs are still to be done")
            done, _ = ray.wait(list(running), num_returns=1)
            job, tries, node = running.pop(done[0])
            try:
                record = BenchmarkResult.from_json(json.loads(ray.get(done[0])))
            except ray.exceptions.RayError as error:
                if _alive(ray, node):
                    slots.append(node)
                if tries < _TRIES:
                    todo.append((job, tries + 1))
                    continue
                record = BenchmarkResult(
                    job, exit=-1, failure=f"lost {tries} times: {' '.join(str(error).split())[:300]}"
                )
            else:
                slots.append(node)
            yield record
    finally:
        # Not by force: the interrupt reaches `run_job`, which ends its processes.
        for reference in running:
            ray.cancel(reference, force=False)
        if running:
            ray.wait(list(running), num_returns=len(running), timeout=_CANCEL_S)


def _alive(ray: Any, node: str) -> bool:
    return any(found["NodeID"] == node and found["Alive"] for found in ray.nodes())
