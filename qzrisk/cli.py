"""The command line: one word a stage. Exit 0 done, 1 findings of severity error, 2 wrong usage."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from qzrisk import __version__
from qzrisk.errors import QzriskError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from rich.console import Console

    from qzrisk.pipeline import Loaded, Outcome
    from qzrisk.pipeline.measures import Results
    from qzrisk.project import Project

DONE, FINDINGS, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : words of the command line, or None for those of the process

    Returns
    -------
    int
        0 done; 1 findings of severity error (``check``, ``run --strict``); 2 wrong usage, wrong
        configuration or a file or disk that cannot be used.
    """
    for stream in (sys.stdout, sys.stderr):
        # A Windows console in GBK must not stop a run over a character that it lacks.
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    options = _parser().parse_args(arguments)
    try:
        code: int = options.function(options)
    except QzriskError as error:
        sys.stderr.write(f"qzrisk: {error}\n")
        return USAGE
    except KeyboardInterrupt:
        sys.stderr.write("qzrisk: 已中断 / interrupted\n")
        return USAGE
    except Exception as error:  # the last resort: one line, and a way to see more
        if os.environ.get("QZRISK_TRACE"):
            raise
        sys.stderr.write(f"qzrisk: 程序内部错误 / internal error: {type(error).__name__}: {error}; "
                         "QZRISK_TRACE=1 显示详情 / shows where\n")
        return USAGE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qzrisk",
        description="从灾害风险普查数据到风险地图 / from a disaster-risk census to risk maps")
    parser.add_argument("--version", action="version", version=f"qzrisk {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, (words, function, arguments) in _COMMANDS.items():
        sub = commands.add_parser(name, help=words, description=words)
        for flags, settings in arguments:
            sub.add_argument(*flags, **settings)  # type: ignore[arg-type]
        sub.set_defaults(function=function)
    return parser


def _open(options: argparse.Namespace, **how: bool) -> Project:
    from qzrisk.project import open_project

    project = open_project(options.project or "project.toml", **how)
    changes = {key: getattr(options, key) for key in ("language", "audience", "variant")
               if getattr(options, key, None)}
    return project.with_(**changes)


def _run(options: argparse.Namespace) -> int:
    from qzrisk import pipeline

    project = _open(options)
    started = time.perf_counter()
    with _progress(project.language, len(pipeline.STAGES)) as (begin, tick):
        outcome = pipeline.run(project, options.out, begin=begin, tick=tick)
    _summary(outcome, project, time.perf_counter() - started)
    errors = (outcome.issues["severity"] == "error").any() or len(outcome.failed_pages)
    return FINDINGS if options.strict and errors else DONE


def _coverage(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from qzrisk import pipeline

    project = _open(options)
    if options.hazard:
        project = project.with_(coverage=replace(project.coverage, hazards=(options.hazard,)))
    with _progress(project.language, len(pipeline.COVERAGE_STAGES)) as (begin, tick):
        results, files = pipeline.coverage(project, options.out, begin=begin, tick=tick)
    _print_coverage(results, project)
    _say(f"{len(files)} -> {options.out}")
    return DONE


def _risk(options: argparse.Namespace) -> int:
    from qzrisk import pipeline

    project = _open(options)
    with _progress(project.language, len(pipeline.RISK_STAGES)) as (begin, tick):
        results, files = pipeline.assess(project, options.out, begin=begin, tick=tick)
    _print_risk(results, project)
    _say(f"{len(files)} -> {options.out}")
    return DONE


def _map(options: argparse.Namespace) -> int:
    from qzrisk import pipeline
    from qzrisk.pipeline.web_pages import RUN_PAGES, listing

    if options.name == "list":
        _say(listing())
        return DONE
    names = RUN_PAGES if options.name is None else (options.name,)
    # A wrong name is told before anything is read.
    stages = pipeline.map_stages(names)
    project = _open(options)
    with _progress(project.language, len(stages)) as (begin, tick):
        written = pipeline.web_maps(project, names, options.out, begin=begin, tick=tick)
    for path in written:
        _say(str(_shorten(path)))
    if not written:
        from qzrisk.text import text

        sys.stderr.write(text("map_nothing", project.language, name=options.name or "") + "\n")
    return DONE if written else FINDINGS


def _atlas(options: argparse.Namespace) -> int:
    from qzrisk import pipeline

    project = _open(options)
    stages = len(pipeline.atlas_stages(options.level))
    with _progress(project.language, stages) as (begin, tick):
        failed, files = pipeline.bind_atlas(project, options.out, level=options.level,
                                            begin=begin, tick=tick)
    _print_failed(failed, project)
    _say(f"{files[0]} -> {options.out}")
    return FINDINGS if len(failed) else DONE


def _check(options: argparse.Namespace) -> int:
    from qzrisk import pipeline

    project = _open(options)
    with _progress(project.language, 1) as (_, tick):
        loaded, reconciled, issues = pipeline.check(project, tick=tick)
    if options.returned:
        return _recheck(options, project, loaded)
    _print_checks(loaded, issues, reconciled, project)
    _print_findings(issues, project)
    if options.out:
        from pathlib import Path

        from qzrisk.pipeline.returns import write_returns

        written = write_returns(project, loaded, issues, Path(options.out))
        _say(f"{len(written)} -> {options.out}")
    return FINDINGS if (issues["severity"] == "error").any() else DONE


def _recheck(options: argparse.Namespace, project: Project, loaded: Loaded) -> int:
    """Say what corrected workbooks close; keep the corrected copies where `--out` says."""
    import tempfile
    from pathlib import Path

    from qzrisk.pipeline.corrections import recheck
    from qzrisk.text import text

    with tempfile.TemporaryDirectory(prefix="qzrisk-") as folder, _progress(
            project.language, 1) as (_, tick):
        found = recheck(project, loaded, options.returned, Path(options.out or folder), tick=tick)
    for state in ("closed", "staying", "new"):
        issues = getattr(found, state)
        _say(text(f"returned_{state}", project.language, count=len(issues)))
        _print_findings(issues, project)
    if options.out:
        for path in found.files:
            _say(str(path))
    return FINDINGS if (found.loaded.issues["severity"] == "error").any() else DONE


def _init(options: argparse.Namespace) -> int:
    from qzrisk.doctor import init

    for path in init(options.folder):
        _say(str(path))
    _say("接下来 / next: 编辑 edit project.toml; qzrisk template shelters; qzrisk check")
    return DONE


def _template(options: argparse.Namespace) -> int:
    from pathlib import Path

    from qzrisk.pipeline.forms import save_form
    from qzrisk.text import text

    inside = options.project is not None or Path("project.toml").exists()
    project = _open(options, files=False) if inside else None
    language = project.language if project else options.language or "zh"
    if options.project is None and project and not project.units.exists():
        # A form is what a new project begins with, before its units are there.
        project = None
    path = save_form(options.layer, options.out, project=project, language=language)
    if project is None:
        _say(text("template_plain", language, file="project.toml"))
    _say(str(path))
    return DONE


def _doctor(_: argparse.Namespace) -> int:
    from qzrisk.doctor import report

    return _print_doctor(report())


_Argument = tuple[tuple[str, ...], dict[str, object]]
_PROJECT: list[_Argument] = [
    (("project",), {"nargs": "?", "default": "project.toml",
                    "help": "project.toml 或其文件夹 / file or its folder"}),
    (("--lang",), {"dest": "language", "choices": ("zh", "en"), "help": "语言 / language"}),
]
_AUDIENCE: _Argument = (("--audience",), {"choices": ("public", "internal"),
                                          "help": "公开或内部 / public or internal"})
_VARIANT: _Argument = (("--variant",), {
    "choices": ("colour", "colour_blind", "grey"),
    "help": "配色：彩色、色盲可读、黑白印刷 / colours, colour-blind readers, black and white"})
_COMMANDS: dict[str, tuple[str, Callable[[argparse.Namespace], int], list[_Argument]]] = {
    "init": ("为新城市建立项目文件夹 / start a project folder for a city", _init,
             [(("folder",), {"help": "文件夹 / folder"})]),
    "check": ("读取并检查资料 / read and check the data", _check,
              [*_PROJECT, _AUDIENCE,
               (("--out",), {"help": "写出各县退回修改表；与 --returned 同用时写出改正后的资料 / "
                             "folder for the workbooks of each county; with --returned for the "
                             "corrected files"}),
               (("--returned",), {"nargs": "+", "metavar": "XLSX",
                                  "help": "各县改正后交回的表 / workbooks that came back "
                                  "corrected"})]),
    "run": ("完成全部工作 / run the whole job", _run,
            [*_PROJECT, _AUDIENCE, _VARIANT,
             (("--out",), {"default": "outputs", "help": "输出文件夹 / output folder"}),
             (("--strict",), {"action": "store_true",
                              "help": "有错误级问题时返回 1 / exit 1 on errors in the data"})]),
    "coverage": ("避灾点覆盖与转移安置 / coverage by shelters and relocation plans", _coverage,
                 [*_PROJECT, _AUDIENCE, _VARIANT,
                  (("--hazard",), {"help": "灾种，如 typhoon / hazard, e.g. flood"}),
                  (("--out",), {"default": "outputs", "help": "输出文件夹 / output folder"})]),
    "atlas": ("装订分单元图集 / bind an atlas with a page a unit", _atlas,
              [*_PROJECT, _AUDIENCE,
               (("--level",), {"choices": ("reporting", "county", "town"), "default": "reporting",
                               "help": "分页的单元 / units with a page"}),
               (("--out",), {"default": "outputs", "help": "输出文件夹 / output folder"})]),
    "map": ("离线交互地图 / offline interactive maps", _map,
            [(("name",), {"nargs": "?", "help": "图名，缺省为全部，list 列出 / name of a page, "
                                                "all of a run by default, list shows them"}),
             (("--project",), {"default": "project.toml",
                               "help": "project.toml 或其文件夹 / file or its folder"}),
             _PROJECT[1], _AUDIENCE,
             (("--out",), {"default": "outputs", "help": "输出文件夹 / output folder"})]),
    "risk": ("各灾种与综合风险等级 / risk by hazard and composite", _risk,
             [*_PROJECT, _AUDIENCE,
              (("--out",), {"default": "outputs", "help": "输出文件夹 / output folder"})]),
    "template": ("生成调查表 / write the survey form of a layer", _template,
                 [(("layer",), {"help": "图层，如 shelters / layer, e.g. teams"}),
                  (("project",), {"nargs": "?", "help": "project.toml 或其文件夹，提供下拉列表 / "
                                  "file or its folder, for the drop-downs"}),
                  (("--out",), {"help": "文件，默认为 图层.xlsx / file, by default LAYER.xlsx"}),
                  _PROJECT[1]]),
    "doctor": ("检查运行环境 / look at the installation", _doctor, []),
}


@contextlib.contextmanager
def _progress(language: str, stages: int) -> Iterator[tuple[Callable[..., None],
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


def _say(words: str) -> None:
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


def _print_checks(loaded: Loaded, issues: pd.DataFrame, reconciled: pd.DataFrame,
                  project: Project) -> None:
    from qzrisk.layers.reconcile import VERDICTS
    from qzrisk.text import text

    language, counts = project.language, loaded.counts
    _table([text(f"column_{c}", language) for c in ("layer", *counts.columns)],
           [(name, *row) for name, row in zip(counts.index, counts.to_numpy(), strict=True)])
    _say(text("summary_read", language, **counts.sum().to_dict()))
    found = issues["severity"].value_counts()
    _say(text("summary_findings", language,
              **{s: int(found.get(s, 0)) for s in ("error", "warning", "note")}))
    if len(reconciled):
        verdicts = reconciled["verdict"].value_counts()
        _say(text("summary_reconciled", language,
                  **{v: int(verdicts.get(v, 0)) for v in VERDICTS}))


def _print_findings(issues: pd.DataFrame, project: Project, limit: int = 30) -> None:
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
        _say(text("summary_more", project.language, count=len(issues) - limit))


def _print_coverage(results: Results, project: Project) -> None:
    """Say for each hazard with a plan who is placed, who is not and why."""
    from qzrisk.text import text

    language = project.language
    if not results.cases:
        _say(text("note_no_at_risk", language))
    for hazard, made in results.cases.items():
        if made.plan is None:
            continue
        left = made.plan.unserved.groupby("reason")["persons"].sum().sort_values(ascending=False)
        reasons = ", ".join(f"{text(f'reason_{code}', language)} {persons:,}"
                            for code, persons in left.items())
        _say(text("summary_coverage", language, hazard=text(f"hazard_{hazard}", language),
                  total=f"{made.cells['persons'].sum():,}", left=f"{left.sum():,}",
                  served=f"{made.plan.moves['persons'].sum():,}",
                  reasons=f" ({reasons})" if reasons else ""))
        if not made.plan.split:
            _say("  " + text("note_whole", language, gap=made.plan.gap,
                             cost_gap=made.plan.cost_gap))


def _print_failed(failed: pd.DataFrame, project: Project) -> None:
    """Name the pages of an atlas that could not be made."""
    from qzrisk.text import text

    for row in failed.itertuples(index=False):
        _say(text("summary_failed_page", project.language, title=row.title, number=row.number,
                  message=row.message))


def _print_risk(results: Results, project: Project) -> None:
    """Say for each level of unit how many units wear each colour, high first, and no data."""
    from qzrisk.levels import RISK_PALETTES, palette
    from qzrisk.text import text

    words = palette(RISK_PALETTES[project.risk.levels]).words(project.language)
    for level, table in results.risk.items():
        found = table["risk_class"].value_counts(sort=False)
        counted = [f"{words[code]} {found[code]}" for code in reversed(list(words))]
        missing = int(table["risk_class"].isna().sum())
        counted += [f"{text('no_data', project.language)} {missing}"] if missing else []
        _say(text("summary_risk", project.language, words=", ".join(counted),
                  level=text(f"level_{level}", project.language)))


def _summary(outcome: Outcome, project: Project, seconds: float) -> None:
    from qzrisk.text import text

    language = project.language
    _say(text("summary", language))
    _print_checks(outcome.loaded, outcome.issues, outcome.reconciled, project)
    _table([text("column_stage", language), text("column_seconds", language)],
           [(text(f"stage_{name}", language), f"{took:.1f}")
            for name, took in outcome.seconds.items()])
    _print_coverage(outcome.results, project)
    _print_failed(outcome.failed_pages, project)
    _say(text("summary_run", language, run_id=outcome.run_id))
    if project.synthetic:
        _say(text("synthetic", language))
    _say(text("summary_files", language, count=len(outcome.files), seconds=seconds,
              folder=str(_shorten(outcome.out))))


def _shorten(path: Path) -> Path:
    """Return the path relative to the current folder where it lies in it."""
    current = type(path).cwd()
    return path.relative_to(current) if path.is_relative_to(current) else path


def _print_doctor(rows: Sequence[tuple[str, str, str]]) -> int:
    for name, state, mend in rows:
        _say(f"{name:<28} {state}" + (f"   -> {mend}" if mend else ""))
    return DONE
