"""Take a picture of a report for the documents: python benchmarks/draw_report.py RUN/report.html OUT.png

Needs Chromium on PATH. The picture in docs/images/report-digits.png is that of
`autodl run sample_data/digits --budget 20 --output runs/report-digits`.
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def command(browser: str, page: Path, out: Path, size: tuple[int, int], profile: str) -> list[str]:
    """What draws the upper left `size` pixels (width, height) of a page into a PNG file."""
    width, height = size
    where = (f"--user-data-dir={profile}", f"--screenshot={out.resolve()}", f"--window-size={width},{height}")
    return [browser, *FLAGS, *where, page.resolve().as_uri()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path, nargs="?", default=Path("runs/report-digits/report.html"))
    parser.add_argument("out", type=Path, nargs="?", default=Path("docs/images/report-digits.png"))
    parser.add_argument("--width", type=int, default=1100)
    parser.add_argument("--height", type=int, default=1350)
    options = parser.parse_args()
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        parser.error(f"expected one of {', '.join(BROWSERS)} on PATH, found none")
    if not options.page.is_file():
        parser.error(f"{options.page}: no such file")
    with tempfile.TemporaryDirectory() as profile:
        size = (options.width, options.height)
        line = command(browser, options.page, options.out, size, profile)
        subprocess.run(line, check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    main()
