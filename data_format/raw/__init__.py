"""Raw data as people have them: folders of files, lists of labels, tables and texts in many formats, archives of these.

`open_raw` detects the layout by the names at the top of the folder, in this order; docs/data_formats.md shows each:

1. `NAME_train.data`                                          -> matrix (AutoML challenges)
2. `NAME.data/` with `meta.json`                              -> autonlp (AutoNLP challenge)
3. `labels_train.csv`, or one other `*labels*.csv`            -> files
4. `train.csv` whose cells name files that are there          -> files
5. `train.csv` (or .tsv, .jsonl, .parquet …), with or without `test.csv`  -> tables
6. one other table whose cells name files that are there      -> files
7. folders, one a class, below `train/` and `test/` or alone  -> folders
8. a single table file                                        -> tables

One folder around everything is passed through. A further format is one more module with a function that returns a
`Dataset`, and one more rule in `layouts`.
"""

from pathlib import Path

from data_format.dataset import Dataset
from data_format.raw.options import AS_FOUND, ReadOptions

__all__ = ["ReadOptions", "open_raw"]


def open_raw(path: Path, options: ReadOptions = AS_FOUND) -> Dataset:
    """Open a raw data set: a folder in one of the layouts above, one table file, or an archive of either.

    The `test.csv` beside a file called `train.csv` belongs to the same data set. An archive is unpacked into a
    temporary folder; see `archives`. Raises DataError with one line that says what was expected and what was found.
    """
    # The readers import much that readers of records do not need.
    from data_format.raw.layouts import open_layout

    return open_layout(path, options)
