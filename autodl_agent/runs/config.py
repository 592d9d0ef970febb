"""Settings of a run, described field by field; frozen, so that nothing changes while it runs."""

from dataclasses import dataclass

from autodl_agent.engine.final_phase import SEED_REPLICAS
from data_format.raw.options import AS_FOUND, ReadOptions


@dataclass(frozen=True)
class RunConfig:
    """What a run is allowed to use.

    budget_s: seconds from process launch (or from the call, in a library) to the last prediction.
    seed: of every random choice; the same seed and the same timing give the same predictions.
    memory_bytes: limit for decoded data in memory; None takes a share of what the container allows.
    overwrite: replace a run that the output folder already holds.
    use_all_budget: go on while there is time, even where nothing seems left to gain.
    learners: names of the only learners to use, of any domain; none given means all.
    use_worker: whether learners that need a process of their own may work.
    seed_replicas: copies of one learner with other seeds, at most, once every learner has done its work.
    reading: what decides about raw data where their content would decide otherwise.
    needs_model: the end waits until the last model is saved; else the one of an earlier prediction may have to do.
    """

    budget_s: float = 1200.0
    seed: int = 0
    memory_bytes: int | None = None
    overwrite: bool = False
    learners: tuple[str, ...] = ()
    use_all_budget: bool = False
    use_worker: bool = True
    seed_replicas: int = SEED_REPLICAS
    reading: ReadOptions = AS_FOUND
    needs_model: bool = False


MEMORY_SHARE = 0.25  # of what the container allows: the learners need as much again for their own matrices
