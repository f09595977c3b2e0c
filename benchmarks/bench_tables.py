"""A 200,000-row workbook read into a frame against the reader's plain rows; a million numbers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import python_calamine
import xlsxwriter
from harness import Table, memory_peak_mb

from qzrisk.layers.tables import read_cells
from qzrisk.layers.values import numbers

ROWS = 200_000
HEADERS = ("场所编码", "场所名称", "可容纳人数", "有效避难面积", "备注",
           "联系电话", "经度", "纬度", "建成年份", "级别")


def write_workbook(path: Path, rows: int) -> None:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("调查表")
    sheet.write_row(0, 0, HEADERS)
    for i in range(rows):
        sheet.write_row(i + 1, 0, [
            f"4403{i:08d}", f"样例避灾点{i:06d}", i % 900, i * 0.25, "样例" if i % 3 else "",
            f"0595-0000{i % 10000:04d}", 113 + i * 1e-6, 22.5, 2015, "村级"])
    book.close()


def plain(path: Path) -> float:
    """Rows of Python cells, as calamine gives them."""
    book = python_calamine.load_workbook(str(path))
    rows = book.get_sheet_by_index(0).to_python()
    return float(len(rows) - 1)


def ours(path: Path) -> float:
    return float(len(read_cells(path).frame))


def peak(name: str, path: Path) -> float:
    """Peak memory of one reading in a process of its own, MB above the imports."""
    code = (f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
            "import bench_tables as b; from pathlib import Path\n"
            "before = b.memory_peak_mb()\n"
            f"b.{name}(Path({str(path)!r}))\n"
            "print(b.memory_peak_mb() - before)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def bench_numbers(n: int) -> None:
    clean = pd.Series(np.arange(n)).astype("str")
    floats = pd.Series(np.arange(n) * 0.5)
    odd = clean.copy()
    odd[::100] = "约" + odd[::100] + "人"
    for title, cells, rounds in (("text of plain digits", clean, 3), ("numbers", floats, 9),
                                 ("text, 1 in 100 odd", odd, 3)):
        table = Table(f"{n:,} values: {title}")
        table.add("qzrisk numbers", lambda cells=cells: len(
            numbers(cells, unit="persons")[0]))
        table.add("pandas to_numeric", lambda cells=cells: len(
            pd.to_numeric(cells, errors="coerce")))
        table.run(rounds=rounds, tolerance=0)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.xlsx"
        write_workbook(path, ROWS)
        table = Table(f"xlsx, {ROWS:,} rows x {len(HEADERS)} columns")
        table.add("qzrisk read_cells", lambda: ours(path))
        table.add("calamine to_python", lambda: plain(path))
        ratios = table.run(rounds=3, tolerance=0)
        ratio = 1 / ratios["calamine to_python"]
        size = read_cells(path).frame.memory_usage(deep=True).sum() / 1e6
        print(f"  {ratio:.2f} x calamine's plain read (limit 1.5)")
        print(f"  peak above imports: ours {peak('ours', path):.0f} MB, calamine "
              f"{peak('plain', path):.0f} MB; the frame itself {size:.0f} MB")
    bench_numbers(1_000_000)
    print(f"peak of this process {memory_peak_mb():.0f} MB")


if __name__ == "__main__":
    main()
