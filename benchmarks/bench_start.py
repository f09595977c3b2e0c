"""CPU seconds of `import qzrisk` and `qzrisk --help` above a bare interpreter, in one run."""

from __future__ import annotations

import resource
import subprocess
import sys

ROUNDS = 7
CASES = {
    "bare interpreter": ["-c", "pass"],
    "import qzrisk": ["-c", "import qzrisk"],
    "qzrisk --help": ["-m", "qzrisk", "--help"],
    "import geopandas (for comparison)": ["-c", "import geopandas"],
}


def cpu_seconds(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        for name, arguments in CASES.items():
            taken[name].append(cpu_seconds(arguments))
    bare = sorted(taken["bare interpreter"])[ROUNDS // 2]
    for name, values in taken.items():
        middle = sorted(values)[ROUNDS // 2]
        print(f"{name:<36} {middle:.3f} s CPU, {middle - bare:+.3f} s above bare (bar: 0.5)")


if __name__ == "__main__":
    main()
