"""A copy of a folder of sounds that claims another sample rate than it has, as AutoDL tensors do, which carry none.

    python benchmarks/claim_rate.py DATASET OUT --claim 16000 [--true 8000]

DATASET: a folder with train/, test/, labels_train.csv and labels_test.csv, sounds of one rate. The copies are resampled
to --true hertz (left as they are without it) and written as wav files whose headers say --claim. Compare `autodl
benchmark` on both folders: the difference is what a wrong assumption costs.
"""

import argparse
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly


def copy_sound(source: Path, target: Path, claimed_hz: int, true_hz: int | None) -> None:
    """Write the sound of one file as 16-bit wav of claimed_hz."""
    wave, rate = soundfile.read(source, dtype="float32", always_2d=True)
    if true_hz is not None and true_hz != rate:
        common = gcd(true_hz, rate)
        wave = resample_poly(wave, true_hz // common, rate // common)
    soundfile.write(target, np.clip(wave, -1, 1), claimed_hz, "PCM_16")


def copy_set(source: Path, target: Path, claimed_hz: int, true_hz: int | None) -> None:
    """The sounds of both splits, under the same names, and both lists of labels."""
    for split in ("train", "test"):
        (target / split).mkdir(parents=True)
        for sound in sorted((source / split).iterdir()):
            copy_sound(sound, target / split / f"{sound.stem}.wav", claimed_hz, true_hz)
        labels = (source / f"labels_{split}.csv").read_text(encoding="utf-8")
        suffix = next((source / split).iterdir()).suffix
        (target / f"labels_{split}.csv").write_text(labels.replace(suffix, ".wav"), encoding="utf-8")


def main() -> None:
    """Read the command line, make the copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--claim", type=int, default=16_000, metavar="HERTZ")
    parser.add_argument("--true", type=int, metavar="HERTZ")
    given = parser.parse_args()
    copy_set(given.dataset, given.out, given.claim, given.true)


if __name__ == "__main__":
    main()
