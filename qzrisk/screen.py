"""What the commands show: bars while they work, tables and lines when they are done."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from rich.console import Console

    from qzrisk.pipeline import Loaded, Outcome
    from qzrisk.pipeline.measures import Results
    from qzrisk.project import Project


@contextlib.contextmanager
def progress(language: str, stages: int) -> Iterator[tuple[Callable[..., None],
                                                            Callable[[str], None]]]:
    """Show a bar for each stage and what is being done in it; silent without a screen."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from qzrisk.text import text

    console = Console(stderr=True)
    with Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[now]}"),
                  TimeElapsedColumn(), console=console, disable=not console.is_terminal) as bars:
        tasks: list[int] = []

        def begin(stage: object) -> None:
            _finish(bars, tasks)
            words = text(f"stage_{getattr(stage, 'name', stage)}", language)
            tasks.append(bars.add_task(f"{len(tasks) + 1}/{stages} {words}", total=None, now=""))

        def tick(name: str) -> None:
            if not tasks:
                begin("read")
            bars.update(tasks[-1], now=name)  # type: ignore[arg-type]

        yield begin, tick
        _finish(bars, tasks)


def _finish(bars: object, tasks: list[int]) -> None:
    if tasks:
        bars.update(tasks[-1], total=1, completed=1, now="")  # type: ignore[attr-defined]


def _console() -> Console:
    from rich.console import Console

    # Wide enough for a table where the output goes to a file; links and emoji off.
    width = None if sys.stdout.isatty() else 100
    return Console(width=width, highlight=False, emoji=False, markup=False)


def say(words: str) -> None:
    """Write one line to the standard output."""
    sys.stdout.write(words + "\n")


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, words: bool = False
           ) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if words or number == 0 else "right",
                         overflow="fold")
    for row in rows:
        table.add_row(*map(str, row))
    _console().print(table)


def print_checks(loaded: Loaded, issues: pd.DataFrame, reconciled: pd.DataFrame,
                  project: Project) -> None:
    """Say what was read, what was found in it and how it agrees with official figures."""
    from qzrisk.layers.reconcile import VERDICTS
    from qzrisk.text import text

    language, counts = project.language, loaded.counts
    _table([text(f"column_{c}", language) for c in ("layer", *counts.columns)],
           [(name, *row) for name, row in zip(counts.index, counts.to_numpy(), strict=True)])
    say(text("summary_read", language, **counts.sum().to_dict()))
    found = issues["severity"].value_counts()
    say(text("summary_findings", language,
              **{s: int(found.get(s, 0)) for s in ("error", "warning", "note")}))
    if len(reconciled):
        verdicts = reconciled["verdict"].value_counts()
        say(text("summary_reconciled", language,
                  **{v: int(verdicts.get(v, 0)) for v in VERDICTS}))


def print_findings(issues: pd.DataFrame, project: Project, limit: int = 30) -> None:
    """List findings, those of severity error first, and say how many are left out."""
    from qzrisk.layers.findings import SEVERITIES
    from qzrisk.text import text

    # Errors first: what must be mended may not hide behind notes.
    shown = issues.sort_values("severity", key=lambda s: s.map(SEVERITIES.index),
                               kind="stable").head(limit)
    if len(shown):
        columns = ["severity", "layer", "record_id", "message", "suggestion"]
        places = shown["source"].astype(str) + shown["row"].map(lambda n: f":{n}" if n else "")
        known = shown["record_id"].notna() & (shown["record_id"] != "")
        shown = shown.assign(record_id=shown["record_id"].where(known, places))
        _table([text("column_layer" if c == "layer" else f"head_{c}", project.language)
                for c in columns],
               [tuple(row) for row in shown[columns].itertuples(index=False)], words=True)
    if len(issues) > limit:
        say(text("summary_more", project.language, count=len(issues) - limit))


def print_coverage(results: Results, project: Project) -> None:
    """Say for each hazard with a plan who is placed, who is not and why."""
    from qzrisk.text import text

    language = project.language
    if not results.cases:
        say(text("note_no_at_risk", language))
    for hazard, made in results.cases.items():
        if made.plan is None:
            continue
        left = made.plan.unserved.groupby("reason")["persons"].sum().sort_values(ascending=False)
        reasons = ", ".join(f"{text(f'reason_{code}', language)} {persons:,}"
                            for code, persons in left.items())
        say(text("summary_coverage", language, hazard=text(f"hazard_{hazard}", language),
                  total=f"{made.cells['persons'].sum():,}", left=f"{left.sum():,}",
                  served=f"{made.plan.moves['persons'].sum():,}",
                  reasons=f" ({reasons})" if reasons else ""))
        if not made.plan.split:
            say("  " + text("note_whole", language, gap=made.plan.gap,
                             cost_gap=made.plan.cost_gap))


def print_failed(failed: pd.DataFrame, project: Project) -> None:
    """Name the pages of an atlas that could not be made."""
    from qzrisk.text import text

    for row in failed.itertuples(index=False):
        say(text("summary_failed_page", project.language, title=row.title, number=row.number,
                  message=row.message))


def print_risk(results: Results, project: Project) -> None:
    """Say for each level of unit how many units wear each colour, high first, and no data."""
    from qzrisk.levels import RISK_PALETTES, palette
    from qzrisk.text import text

    words = palette(RISK_PALETTES[project.risk.levels]).words(project.language)
    for level, table in results.risk.items():
        found = table["risk_class"].value_counts(sort=False)
        counted = [f"{words[code]} {found[code]}" for code in reversed(list(words))]
        missing = int(table["risk_class"].isna().sum())
        counted += [f"{text('no_data', project.language)} {missing}"] if missing else []
        say(text("summary_risk", project.language, words=", ".join(counted),
                  level=text(f"level_{level}", project.language)))


def summary(outcome: Outcome, project: Project, seconds: float) -> None:
    """Say what a whole run read, found, took and wrote."""
    from qzrisk.text import text

    language = project.language
    say(text("summary", language))
    print_checks(outcome.loaded, outcome.issues, outcome.reconciled, project)
    _table([text("column_stage", language), text("column_seconds", language)],
           [(text(f"stage_{name}", language), f"{took:.1f}")
            for name, took in outcome.seconds.items()])
    print_coverage(outcome.results, project)
    print_failed(outcome.failed_pages, project)
    say(text("summary_run", language, run_id=outcome.run_id))
    if project.synthetic:
        say(text("synthetic", language))
    say(text("summary_files", language, count=len(outcome.files), seconds=seconds,
              folder=str(shorten(outcome.out))))


def shorten(path: Path) -> Path:
    """Return the path relative to the current folder where it lies in it."""
    current = type(path).cwd()
    return path.relative_to(current) if path.is_relative_to(current) else path


def print_doctor(rows: Sequence[tuple[str, str, str]]) -> None:
    """Say the state of each part of the installation and how to mend it."""
    for name, state, mend in rows:
        say(f"{name:<28} {state}" + (f"   -> {mend}" if mend else ""))
