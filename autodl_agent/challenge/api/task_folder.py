"""The data set of a run: which folder, which of the challenge's APIs, which shape of answer."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from data_format.autodl.metadata import read_metadata
from data_format.autodl.reader import is_autodl
from data_format.errors import DataError

Api = Literal["autodl", "autonlp", "autospeech"]
APIS: tuple[Api, ...] = ("autodl", "autonlp", "autospeech")
DEFAULT_BUDGET_S = 1200.0
SPEECH_FILES = ("train.pkl", "train.npz")
_SUFFIX = ".data"


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """A folder `NAME.data`. raw: in the layout of AutoNLP and AutoSpeech (meta.json), not in that of AutoDL.

    time_budget: seconds that the data set itself names, None where it does not.
    """

    name: str
    folder: Path
    api: Api
    raw: bool
    n_test: int
    n_classes: int
    time_budget: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(test rows, classes) of every prediction."""
        return self.n_test, self.n_classes


def find_task(dataset_dir: Path, api: str = "auto") -> TaskFolder:
    """The one `*.data` folder of `dataset_dir`. api: "auto" takes the one that its layout belongs to.

    Raises DataError where there is not exactly one, or where it cannot be presented through `api`.
    """
    try:
        found = sorted(entry for entry in dataset_dir.iterdir() if entry.name.endswith(_SUFFIX))
    except OSError as error:
        raise DataError(f"{dataset_dir}: cannot be read ({error.strerror or error})") from None
    if len(found) != 1:
        names = ", ".join(entry.name for entry in found) or "none"
        raise DataError(f"{dataset_dir}: expected exactly one entry *.data, found {len(found)} ({names})")
    folder = found[0]
    if api != "auto" and api not in APIS:
        raise DataError(f"expected one of the APIs auto, {', '.join(APIS)}, found {api!r}")
    name = folder.name.removesuffix(_SUFFIX)
    if is_raw(folder):
        return _raw_task(name, folder, api)
    if not is_autodl(folder):
        raise DataError(f"{folder}: expected train/ and test/ with records, or meta.json, found neither")
    metadata = read_metadata(folder / "test")
    # Only for its errors: a damaged description should be known before the submission starts.
    read_metadata(folder / "train")
    chosen = cast(Api, "autodl" if api == "auto" else api)
    return TaskFolder(name, folder, chosen, False, metadata.sample_count, metadata.output_dim)


def is_raw(folder: Path) -> bool:
    """Whether a folder has the layout of AutoNLP or AutoSpeech."""
    return (folder / "meta.json").is_file()


def read_meta(folder: Path) -> dict[str, Any]:
    """`meta.json` of a raw folder, with the counts as integers. Raises DataError naming the file and the field."""
    file = folder / "meta.json"
    try:
        meta = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read ({error})") from None
    if not isinstance(meta, dict):
        raise DataError(f"{file}: expected an object, found {type(meta).__name__}")
    for key, least in (("class_num", 1), ("train_num", 0), ("test_num", 0)):
        try:
            meta[key] = int(meta[key])
        except (KeyError, TypeError, ValueError):
            raise DataError(f"{file}: expected a whole number as {key}, found {meta.get(key)!r}") from None
        if meta[key] < least:
            raise DataError(f"{file}: expected {key} of {least} or more, found {meta[key]}")
    return meta


def _raw_task(name: str, folder: Path, api: str) -> TaskFolder:
    own: Api | None = None
    if (folder / "train.data").is_file():
        own = "autonlp"
    elif any((folder / file).is_file() for file in SPEECH_FILES):
        own = "autospeech"
    if own is None:
        raise DataError(f"{folder}: expected train.data, {' or '.join(SPEECH_FILES)} beside meta.json, found none")
    if api not in ("auto", own):
        raise DataError(f"{folder}: its layout is that of the API {own}, expected {api}")
    meta = read_meta(folder)
    try:
        budget = float(meta["time_budget"]) if meta.get("time_budget") else None
    except (TypeError, ValueError):
        raise DataError(f"{folder}/meta.json: expected seconds as time_budget, found {meta['time_budget']!r}") from None
    return TaskFolder(name, folder, own, True, meta["test_num"], meta["class_num"], budget)
