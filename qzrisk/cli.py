"""The command line: one word a stage. Exit 0 done, 1 findings of severity error, 2 wrong usage."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qzrisk import __version__
from qzrisk.errors import QzriskError
from qzrisk.screen import (
    print_checks,
    print_coverage,
    print_doctor,
    print_failed,
    print_findings,
    print_risk,
    progress,
    say,
    shorten,
    summary,
)

if TYPE_CHECKING:
    from qzrisk.pipeline import Loaded
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
        language = getattr(options, "language", None)
        sys.stderr.write(f"qzrisk: {error.said(language) if language else error}\n")
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
    project = project.with_(**changes)
    # From here on an error speaks the language of the project.
    options.language = project.language
    return project


def _run(options: argparse.Namespace) -> int:
    from qzrisk import pipeline

    project = _open(options)
    started = time.perf_counter()
    with progress(project.language, len(pipeline.STAGES)) as (begin, tick):
        outcome = pipeline.run(project, options.out, begin=begin, tick=tick)
    summary(outcome, project, time.perf_counter() - started)
    errors = (outcome.issues["severity"] == "error").any() or len(outcome.failed_pages)
    return FINDINGS if options.strict and errors else DONE


def _coverage(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from qzrisk import pipeline

    project = _open(options)
    if options.hazard:
        project = project.with_(coverage=replace(project.coverage, hazards=(options.hazard,)))
    with progress(project.language, len(pipeline.COVERAGE_STAGES)) as (begin, tick):
        results, files = pipeline.coverage(project, options.out, begin=begin, tick=tick)
    print_coverage(results, project)
    say(f"{len(files)} -> {options.out}")
    return DONE


def _risk(options: argparse.Namespace) -> int:
    from qzrisk import pipeline

    project = _open(options)
    with progress(project.language, len(pipeline.RISK_STAGES)) as (begin, tick):
        results, files = pipeline.assess(project, options.out, begin=begin, tick=tick)
    print_risk(results, project)
    say(f"{len(files)} -> {options.out}")
    return DONE


def _map(options: argparse.Namespace) -> int:
    from qzrisk import pipeline
    from qzrisk.pipeline.web_pages import RUN_PAGES, listing

    if options.name == "list":
        say(listing())
        return DONE
    names = RUN_PAGES if options.name is None else (options.name,)
    # A wrong name is told before anything is read.
    stages = pipeline.map_stages(names)
    project = _open(options)
    with progress(project.language, len(stages)) as (begin, tick):
        written = pipeline.web_maps(project, names, options.out, begin=begin, tick=tick)
    for path in written:
        say(str(shorten(path)))
    if not written:
        from qzrisk.text import text

        sys.stderr.write(text("map_nothing", project.language, name=options.name or "") + "\n")
    return DONE if written else FINDINGS


def _atlas(options: argparse.Namespace) -> int:
    from qzrisk import pipeline

    project = _open(options)
    stages = len(pipeline.atlas_stages(options.level))
    with progress(project.language, stages) as (begin, tick):
        failed, files = pipeline.bind_atlas(project, options.out, level=options.level,
                                            begin=begin, tick=tick)
    print_failed(failed, project)
    say(f"{files[0]} -> {options.out}")
    return FINDINGS if len(failed) else DONE


def _check(options: argparse.Namespace) -> int:
    from qzrisk import pipeline

    project = _open(options)
    with progress(project.language, 1) as (_, tick):
        loaded, reconciled, issues = pipeline.check(project, tick=tick)
    if options.returned:
        return _recheck(options, project, loaded)
    print_checks(loaded, issues, reconciled, project)
    print_findings(issues, project)
    if options.out:
        from pathlib import Path

        from qzrisk.pipeline.returns import write_returns

        written = write_returns(project, loaded, issues, Path(options.out))
        say(f"{len(written)} -> {options.out}")
    return FINDINGS if (issues["severity"] == "error").any() else DONE


def _recheck(options: argparse.Namespace, project: Project, loaded: Loaded) -> int:
    """Say what corrected workbooks close; keep the corrected copies where `--out` says."""
    import tempfile
    from pathlib import Path

    from qzrisk.pipeline.corrections import recheck
    from qzrisk.text import text

    with tempfile.TemporaryDirectory(prefix="qzrisk-") as folder, progress(
            project.language, 1) as (_, tick):
        found = recheck(project, loaded, options.returned, Path(options.out or folder), tick=tick)
    for state in ("closed", "staying", "new"):
        issues = getattr(found, state)
        say(text(f"returned_{state}", project.language, count=len(issues)))
        print_findings(issues, project)
    if options.out:
        for path in found.files:
            say(str(path))
    return FINDINGS if (found.loaded.issues["severity"] == "error").any() else DONE


def _init(options: argparse.Namespace) -> int:
    from qzrisk.doctor import init

    for path in init(options.folder):
        say(str(path))
    say("接下来 / next: 编辑 edit project.toml; qzrisk template shelters; qzrisk check")
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
        say(text("template_plain", language, file="project.toml"))
    say(str(path))
    return DONE


def _doctor(_: argparse.Namespace) -> int:
    from qzrisk.doctor import report

    print_doctor(report())
    return DONE


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
