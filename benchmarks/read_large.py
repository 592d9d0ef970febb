"""Large raw data: seconds and peak memory to open and read many small files, a big CSV and a long sound.

    python benchmarks/read_large.py --files 20000 --csv-mb 1000 --wav-hours 3

Each case runs in a process of its own, so that one's memory is not another's; peak memory is the greatest resident set
of that process. The data are made in a temporary folder first, outside the measurement.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def make_files(folder: Path, count: int) -> float:
    """Small PNG files in ten class folders; gives their size in MB."""
    import io

    from PIL import Image

    rng = np.random.default_rng(0)
    blobs = []
    for _ in range(50):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(file, "PNG")
        blobs.append(file.getvalue())
    for i in range(count):
        path = folder / f"class{i % 10}" / f"{i:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blobs[i % len(blobs)])
    return sum(map(len, blobs)) / len(blobs) * count / 2**20


def make_csv(path: Path, megabytes: float, columns: int = 20) -> float:
    """Rows of numbers with six digits, one column of words and a label."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join([*(f"x{i}" for i in range(columns)), "word", "label"]) + "\n")
        while file.tell() < megabytes * 2**20:
            block = rng.normal(size=(5000, columns))
            words = rng.integers(0, 500, 5000)
            labels = rng.integers(0, 3, 5000)
            file.writelines(
                ",".join([f"{value:.6g}" for value in row]) + f",w{word},class {label}\n"
                for row, word, label in zip(block.tolist(), words.tolist(), labels.tolist(), strict=True)
            )
        return file.tell() / 2**20


def make_sounds(folder: Path, hours: float) -> float:
    """One long sound beside three short ones, in two classes."""
    import soundfile

    rng = np.random.default_rng(0)
    for name, seconds in (("a/long", hours * 3600), ("a/short", 1.0), ("b/one", 1.0), ("b/two", 1.0)):
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with soundfile.SoundFile(path, "w", 16000, 1, "PCM_16") as file:
            left = int(seconds * 16000)
            while left > 0:
                file.write(rng.normal(0, 0.1, min(left, 1 << 20)))
                left -= 1 << 20
    return sum(path.stat().st_size for path in folder.rglob("*.wav")) / 2**20


def read(path: Path, kind: str) -> dict[str, float]:
    """Open, and read every example once as a learner would."""
    from data_format import open_dataset

    start = time.perf_counter()
    dataset = open_dataset(path)
    opened = time.perf_counter() - start
    if kind == "csv":
        tables = [split.source.table() for split in (dataset.train, dataset.test)]
        count = sum(map(len, tables))
    else:
        from data_format.media.images import image_at
        from data_format.media.sounds import sound

        count = 0
        for split in (dataset.train, dataset.test):
            for row in range(len(split)):
                example = split.source.example(row)
                if kind == "files":
                    image_at(example, 32, 32, 3)
                else:
                    sound(example)
                count += 1
    return {
        "opened_s": opened,
        "all_s": time.perf_counter() - start,
        "examples": count,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Make the data, read them in child processes, print one line a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--csv-mb", type=float, default=100)
    parser.add_argument("--wav-hours", type=float, default=0.2)
    parser.add_argument("--folder", type=Path, help="where the data are made (default: system temp)")
    parser.add_argument("--child", nargs=2, metavar=("KIND", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(read(Path(options.child[1]), options.child[0])))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        root = Path(name)
        cases = (
            ("files", root / "files", options.files, make_files),
            ("csv", root / "big.csv", options.csv_mb, make_csv),
            ("sound", root / "sounds", options.wav_hours, make_sounds),
        )
        for kind, path, size, make in cases:
            if not size:
                continue
            megabytes = make(path, size)
            command = [sys.executable, __file__, "--child", kind, str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(done.stdout)
            print(
                f"{kind}: {megabytes:.0f} MB, {found['examples']} examples, opened in {found['opened_s']:.2f} s, "
                f"read in {found['all_s']:.2f} s ({megabytes / found['all_s']:.1f} MB/s), "
                f"peak memory {found['peak_mb']:.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
