"""The atlas: map panels per CPU second against gdf.plot, sizes of town pages, memory over them all.

    python benchmarks/bench_atlas.py [--pages N] [--rounds N]

Bars: the panel of a page (2,572 polygons and 174 names to PDF) at least 2 times as many per CPU
second as `GeoDataFrame.plot` + savefig; every town page below 1 MB; the resident memory of the
process that draws grows by less than 10 % from the first quarter of the pages to the last.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import bench_static
from harness import memory_peak_mb, reset_memory_peak_mb
from pypdf import PdfReader

import qzrisk as qz
from qzrisk import pipeline
from qzrisk.maps.atlas import UnitPage
from qzrisk.maps.atlas.digest import digest
from qzrisk.maps.atlas.making import Task, make
from qzrisk.maps.atlas.numbering import expanded
from qzrisk.pipeline import atlas

PAGE_MB, GROWTH = 1.0, 1.10
ROOT = Path(__file__).parent.parent


def town_tasks(folder: Path) -> list[Task]:
    """Return the town pages of the sample city, not yet drawn."""
    stages = pipeline.atlas_stages("town")[:-1]
    state, _ = pipeline._work(qz.open_project(ROOT), folder / "out", stages, lambda _: None,
                              lambda _: None)
    names = ("project", "loaded", "results", "access", "run_id")
    pages = atlas.pages(**{name: state[name] for name in names}, level="town")
    units = [page for page in pages if isinstance(page, UnitPage)]
    return [Task(sheet, folder, digest(sheet)) for sheet in expanded(units, "A4")[0]]


def draw(tasks: list[Task]) -> tuple[list[float], list[float], float]:
    """Draw pages one after the other; return their sizes and peaks in MB, and CPU seconds a page.

    The memory kept for one drawing (fonts, projections) is paid by the first.
    """
    sizes, peaks = [], []
    make(tasks[0])
    start = time.process_time()
    for task in tasks:
        reset_memory_peak_mb()
        make(task)
        peaks.append(memory_peak_mb())
        sizes.append(task.path.stat().st_size / 1e6)
        assert len(PdfReader(task.path).pages) == 1
    return sizes, peaks, (time.process_time() - start) / len(tasks)


def main() -> int:
    """Measure and compare with the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=174)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    spec = bench_static.panel()
    ours, _ = bench_static.cpu_seconds(bench_static.by_qzrisk, spec, options.rounds)
    theirs, _ = bench_static.cpu_seconds(bench_static.by_geopandas, spec, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        sizes, peaks, seconds = draw(town_tasks(Path(folder))[:options.pages])
    quarter = max(len(peaks) // 4, 1)
    first, last = max(peaks[:quarter]), max(peaks[-quarter:])
    sys.stdout.write(
        f"panel: qzrisk {1 / ours:.2f}, gdf.plot {1 / theirs:.2f} pages a CPU second, "
        f"ratio {theirs / ours:.1f} (bar {bench_static.BAR:g})\n"
        f"town pages: {len(sizes)}, {seconds:.2f} CPU s each, size mean "
        f"{sum(sizes) / len(sizes):.2f}, largest {max(sizes):.2f} MB (bar {PAGE_MB:g})\n"
        f"memory: peak {first:.0f} MB in the first quarter, {last:.0f} MB in the last "
        f"(bar {GROWTH:g} times)\n")
    good = theirs / ours >= bench_static.BAR and max(sizes) < PAGE_MB and last <= GROWTH * first
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
