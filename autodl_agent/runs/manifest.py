"""What stands in run.json: enough to understand and repeat a run."""

from typing import Any

from autodl_agent.data.task import Task
from autodl_agent.engine.rounds import Round
from autodl_agent.runs.config import RunConfig
from autodl_agent.system.clock import Budget
from autodl_agent.system.environment import environment
from autodl_agent.system.resources import peak_memory_bytes
from data_format.dataset import Dataset


def run_manifest(
    task: Task, dataset: Dataset, config: RunConfig, budget: Budget, played: list[Round], reason: str
) -> dict[str, Any]:
    """JSON values only."""
    return {
        "name": task.name,
        "dataset": str(dataset.path),
        "domain": str(task.domain),
        "domain_reason": task.domain_reason,
        "shape": list(task.shape),
        "classes": task.n_classes,
        "multilabel": task.multilabel,
        "n_train": task.n_train,
        "n_test": task.n_test,
        "seed": config.seed,
        "budget_s": budget.total_s,
        "seconds_used": round(budget.elapsed(), 3),
        "ended_because": reason,
        "rounds": [_round(r) for r in played],
        "learners": sorted({r.learner for r in played}),
        "ensemble": next((r.weights for r in reversed(played) if r.weights), {}),
        "peak_memory_bytes": peak_memory_bytes(),
        **environment(),
    }


def _round(played: Round) -> dict[str, Any]:
    return {
        "number": played.number,
        "learner": played.learner,
        "started_s": round(played.started_s, 3),
        "ended_s": round(played.ended_s, 3),
        "member_nauc": played.member_nauc,
        "ensemble_nauc": played.ensemble_nauc,
        "predicted": played.prediction is not None,
        "weights": played.weights,
        "error": played.error,
        "more": played.more,
        "next_s": None if played.next_s is None else round(played.next_s, 3),
    }
