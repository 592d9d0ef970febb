"""Which learners serve which domain, in the order of the ladder: a literal table, imported without the learners."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import import_module

from autodl_agent.data.task import Domain, Task
from autodl_agent.learners.base import Learner
from autodl_agent.system.errors import UsageError
from autodl_agent.system.resources import has_gpu

SEED_STEP = 7919  # between the seeds of copies, far beyond the number of folds
AT_HAND_S = 0.3  # what a first slice in the worker takes to begin once the libraries are loaded


@dataclass(frozen=True)
class LearnerSpec:
    """One rung of a ladder.

    where: "module:Class", imported on first use; below autodl_agent.learners, or with its full name.
    start_s: seconds of imports before its first slice.
    fold_s: seconds of its first slice for every fold, whatever the rows (networks: so many samples, tracing included).
    example_ms: first guess of milliseconds per training and test row of its first slice; measured afterwards.
    expected: held-out NAUC a typical set reaches with it, a prior that only orders the untried.
    fits: whether the learner can serve the task at all.
    worker: it needs a large library (TensorFlow), so it runs in the worker process.
    libraries: what the worker loads before its first slice.
    copy: number of a copy, which gets a seed of its own; 0 for the learner itself.
    """

    name: str
    where: str
    start_s: float = 0.0
    fold_s: float = 0.0
    example_ms: float = 0.1
    expected: float = 0.5
    fits: Callable[[Task], bool] = lambda task: True
    worker: bool = False
    libraries: tuple[str, ...] = ("keras",)
    copy: int = 0

    def when_loaded(self) -> "LearnerSpec":
        """As it is once the worker has loaded its libraries; unchanged where it needs no worker."""
        return replace(self, start_s=min(self.start_s, AT_HAND_S)) if self.worker else self

    def create(self, task: Task, seed: int) -> Learner:
        """Import the class and make an untrained learner."""
        module, _, name = self.where.partition(":")
        full = module if module.startswith("autodl_agent.") else f"autodl_agent.learners.{module}"
        learner: Learner = getattr(import_module(full), name)(task, seed + SEED_STEP * self.copy)
        return learner


def _pictures(task: Task) -> bool:
    """Pretrained picture features need grey or colour and the weights."""
    from autodl_agent.pretrained.networks import can_serve

    return task.shape[3] in (1, 3) and can_serve("efficientnet-lite0")


def _hub(task: Task) -> bool:
    """Only where the user names a TensorFlow Hub module."""
    from autodl_agent.pretrained.tf_hub import can_serve, image_handle

    return bool(image_handle()) and task.shape[3] in (1, 3) and can_serve(image_handle())


def _trainable(task: Task) -> bool:
    """Training goes on from the weights as they were shipped."""
    from autodl_agent.pretrained.networks import can_train

    return _pictures(task) and can_train("efficientnet-lite0")


def _trainable_on_gpu(task: Task) -> bool:
    """So many layers are trained that two cores would take seconds a step."""
    return has_gpu() and _trainable(task)


def _use(task: Task) -> bool:
    from autodl_agent.learners.text.frozen import use_fits

    return use_fits(task)


def _e5(task: Task) -> bool:
    from autodl_agent.learners.text.frozen import e5_fits

    return e5_fits(task)


def _e5_on_gpu(task: Task) -> bool:
    return has_gpu() and _e5(task)


def _embedding(task: Task) -> bool:
    from autodl_agent.learners.speech.frozen import embedding_fits

    return embedding_fits(task)


def _whisper(task: Task) -> bool:
    from autodl_agent.learners.speech.frozen import whisper_fits

    return whisper_fits(task)


PRIOR = LearnerSpec("prior", "prior:PriorLearner", expected=0.0)

LEARNERS_BY_DOMAIN: dict[Domain, tuple[LearnerSpec, ...]] = {
    Domain.IMAGE: (
        LearnerSpec("quick-image", "image.quick:QuickImage", example_ms=0.35, expected=0.8),
        LearnerSpec(
            "frozen-image", "image.frozen:FrozenImage", start_s=0.2, example_ms=1.2, expected=0.92, fits=_pictures
        ),
        LearnerSpec("patch-image", "image.quick:PatchImage", example_ms=1.0, expected=0.86),
        LearnerSpec(
            "tuned-image",
            "image.finetuned:TunedImage",
            start_s=6.0,
            fold_s=45.0,
            example_ms=2.0,
            expected=0.95,
            fits=_trainable,
            worker=True,
        ),
        LearnerSpec(
            "hub-image", "image.hub:HubImage", start_s=6.0, example_ms=20.0, expected=0.93, fits=_hub, worker=True
        ),
        LearnerSpec(
            "scratch-image",
            "image.resnet:ScratchImage",
            start_s=6.0,
            fold_s=1.2,
            example_ms=0.4,
            expected=0.8,
            worker=True,
        ),
    ),
    Domain.VIDEO: (
        LearnerSpec("quick-video", "video.quick:QuickVideo", start_s=0.1, example_ms=15.0, expected=0.6),
        LearnerSpec(
            "frozen-video", "video.frozen:FrozenVideo", start_s=0.2, example_ms=40.0, expected=0.7, fits=_pictures
        ),
        LearnerSpec(
            "clip-network",
            "video.r2plus1d:FactoredVideo",
            start_s=10.0,
            fold_s=30.0,
            example_ms=20.0,
            expected=0.75,
            fits=_trainable_on_gpu,
            worker=True,
        ),
        LearnerSpec(
            "frame-sequence",
            "video.frame_sequence:FrameSequence",
            start_s=6.0,
            fold_s=2.0,
            example_ms=30.0,
            expected=0.55,
            fits=_pictures,
            worker=True,
        ),
    ),
    Domain.SPEECH: (
        LearnerSpec("quick-sound", "speech.quick:QuickSound", start_s=0.1, example_ms=3.0, expected=0.9),
        LearnerSpec(
            "speech-embedding",
            "speech.frozen:SpeechEmbedding",
            start_s=0.3,
            example_ms=6.0,
            expected=0.85,
            fits=_embedding,
        ),
        LearnerSpec("sound-trees", "speech.trees:SoundTrees", start_s=1.2, example_ms=12.0, expected=0.88),
        LearnerSpec(
            "whisper-sound", "speech.frozen:WhisperSound", start_s=1.0, example_ms=12.0, expected=0.9, fits=_whisper
        ),
        LearnerSpec(
            "sound-network",
            "speech.resnet:SoundNetwork",
            start_s=6.0,
            fold_s=3.5,
            example_ms=2.0,
            expected=0.9,
            worker=True,
        ),
    ),
    Domain.TEXT: (
        LearnerSpec("hashed-bayes", "text.quick:HashedBayes", example_ms=0.08, expected=0.8),
        LearnerSpec("linear-text", "text.quick:LinearText", start_s=0.4, example_ms=0.5, expected=0.9),
        LearnerSpec("use-text", "text.frozen:UseText", start_s=0.5, example_ms=0.3, expected=0.9, fits=_use),
        LearnerSpec("e5-text", "text.frozen:E5Text", start_s=2.0, example_ms=2.0, expected=0.95, fits=_e5),
        LearnerSpec(
            "text-network",
            "text.cnn:TextNetwork",
            start_s=6.0,
            fold_s=2.5,
            example_ms=0.4,
            expected=0.85,
            worker=True,
        ),
        LearnerSpec(
            "tuned-text",
            "text.finetuned:TunedText",
            start_s=8.0,
            fold_s=20.0,
            example_ms=1.0,
            expected=0.96,
            fits=_e5_on_gpu,
            worker=True,
        ),
    ),
    Domain.TABULAR: (
        LearnerSpec("quick-table", "tabular.quick:QuickTable", example_ms=0.05, expected=0.7),
        LearnerSpec(
            "extra-trees",
            "tabular.random_trees:ExtraTrees",
            start_s=1.2,
            example_ms=0.03,
            expected=0.8,
            fits=lambda task: task.n_classes <= 1_000,
        ),
        LearnerSpec("boosted-trees", "tabular.boosting:BoostedTrees", start_s=2.5, example_ms=0.1, expected=0.8),
        LearnerSpec(
            "table-network",
            "tabular.mlp:TableNetwork",
            start_s=6.0,
            fold_s=2.5,
            example_ms=0.05,
            expected=0.82,
            worker=True,
        ),
    ),
}


def learners_for(domain: Domain, only: Iterable[str] = ()) -> tuple[LearnerSpec, ...]:
    """The learners of a domain in the order of the ladder; `only`, where given, names those that may be used.

    Raises UsageError where none of the names is one of this domain's.
    """
    names = tuple(only)
    found = tuple(spec for spec in LEARNERS_BY_DOMAIN[domain] if not names or spec.name in names)
    if names and not found:
        known = ", ".join(spec.name for spec in LEARNERS_BY_DOMAIN[domain])
        raise UsageError(f"learners for {domain} data are {known}; none of them is in {','.join(names)}")
    return found


def check_learner_names(names: Iterable[str]) -> None:
    """Raises UsageError for a name that no ladder has, with all that there are."""
    known = [spec.name for candidates in LEARNERS_BY_DOMAIN.values() for spec in candidates]
    for name in names:
        if name not in known:
            raise UsageError(f"no learner is called {name!r}; there are {', '.join(known)}")
