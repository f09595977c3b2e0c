"""The whole job as a table of stages: raw files -> layers -> analysis -> maps and reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

import qzrisk
from qzrisk import provenance
from qzrisk.errors import ConfigError
from qzrisk.files import sha256
from qzrisk.layers import reconcile
from qzrisk.layers.findings import gather
from qzrisk.pipeline import access, cases, measures, names, products, returns, themes, web_pages
from qzrisk.pipeline.access import Access
from qzrisk.pipeline.cases import Case
from qzrisk.pipeline.load import Loaded, load
from qzrisk.pipeline.risk.assess import assess as _assessed
from qzrisk.project import Project

__all__ = ["COVERAGE_STAGES", "RISK_STAGES", "STAGES", "Loaded", "Outcome", "Stage", "assess",
           "atlas_stages", "bind_atlas", "check", "coverage", "load", "map_stages", "run",
           "web_maps"]

Tick = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: the values it needs, those it makes, and the function from the one to the other.

    The function takes what it needs by keyword and returns a mapping with exactly what it makes.
    """

    name: str
    needs: tuple[str, ...]
    makes: tuple[str, ...]
    function: Callable[..., Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind.

    Attributes
    ----------
    loaded, results, reconciled : the data, as `Loaded`, `measures.Results` and a DataFrame.
    issues : findings of the files and of the official figures.
    failed_pages : pages of the atlas that could not be made: key, title, number, message.
    files : every file written, relative to `out`.
    out : output folder.
    run_id : see `provenance.run_id`.
    seconds : stage -> wall time; for the screen only, never written into a product.
    """

    loaded: Loaded
    results: measures.Results
    reconciled: pd.DataFrame
    issues: pd.DataFrame
    failed_pages: pd.DataFrame
    files: tuple[str, ...]
    out: Path
    run_id: str
    seconds: dict[str, float]


def _read(project: Project, tick: Tick) -> Mapping[str, Any]:
    inputs = provenance.input_hashes(project.files(), project.root)
    parameters = {"language": project.language, "audience": project.audience,
                  "variant": project.variant, "public_step_deg": project.public_step_deg,
                  "crs": project.crs, "seed": project.seed, "as_of": project.as_of,
                  "coverage": asdict(project.coverage),
                  "risk": asdict(replace(project.risk, frozen=None)),
                  "rules": provenance.rule_versions()}
    return {
        "loaded": names.in_language(load(project, tick=tick), project.language),
        "inputs": inputs,
        "run_id": provenance.run_id(inputs, parameters, qzrisk.__version__),
    }


def _reconcile(project: Project, loaded: Loaded) -> Mapping[str, Any]:
    issues = gather([loaded.issues, themes.findings(project, loaded)])
    if project.official is None:
        table = pd.DataFrame(columns=["official", "found", "difference", "verdict"])
        return {"official": table, "reconciled": table, "issues": issues}
    official = reconcile.read_official(project.official)
    table = reconcile.reconcile(official, measures.official_counts(loaded, project))
    found = reconcile.disagreements(table, language=project.language)
    return {"official": official, "reconciled": table, "issues": gather([issues, found])}


def _access(loaded: Loaded) -> Mapping[str, Any]:
    return {"access": access.access(loaded)}


def _coverage(project: Project, loaded: Loaded, access: Access) -> Mapping[str, Any]:
    return {"coverage": measures.coverage_tables(loaded, project, access),
            "cases": cases.cases(loaded, project, access)}


def _risk(project: Project, loaded: Loaded, coverage: dict[str, pd.DataFrame],
          cases: dict[str, Case]) -> Mapping[str, Any]:
    return {"results": measures.Results.of(coverage, _assessed(loaded, coverage, project),
                                           cases)}


def _coverage_only(coverage: dict[str, pd.DataFrame], cases: dict[str, Case]
                   ) -> Mapping[str, Any]:
    return {"results": measures.Results(coverage=coverage, risk={}, indicators=pd.DataFrame(),
                                        bounds=(), cases=cases)}


def _residents(project: Project, loaded: Loaded, access: Access) -> Mapping[str, Any]:
    return {"coverage": measures.coverage_tables(loaded, project, access), "cases": {}}


def _atlas(project: Project, loaded: Loaded, results: measures.Results, access: Access, out: Path,
           run_id: str, tick: Tick, *, level: str = "reporting") -> Mapping[str, Any]:
    from qzrisk.pipeline import atlas  # brings matplotlib

    return atlas.files(project, loaded, results, access, out, run_id, tick, level=level)


def _manifest(project: Project, loaded: Loaded, results: measures.Results, out: Path, run_id: str,
              inputs: Mapping[str, str], issues: pd.DataFrame, reconciled: pd.DataFrame,
              written: Mapping[str, list[Path]]) -> Mapping[str, Any]:
    manifest = {
        "run_id": run_id,
        "project": project.name,
        "synthetic": project.synthetic,
        "as_of": project.as_of.isoformat(),
        "audience": project.audience,
        "language": project.language,
        "parameters": {
            "crs": project.crs, "seed": project.seed,
            "coverage": asdict(project.coverage),
            "risk_scheme": project.risk.scheme, "risk_bounds": list(results.bounds),
            "risk": {"method": project.risk.method, "weighting": project.risk.weighting,
                     "draws": project.risk.draws, "concentration": project.risk.concentration,
                     "data_error": project.risk.data_error},
            "weights": _weights(results),
        },
        "rules": provenance.rule_versions(),
        "versions": provenance.versions(),
        "inputs": dict(inputs),
        "outputs": {path.relative_to(out).as_posix(): sha256(path)
                    for paths in written.values() for path in paths},
        "counts": {
            "layers": loaded.counts.to_dict(orient="index"),
            "findings": issues["severity"].value_counts().sort_index().to_dict(),
            "reconciled": reconciled["verdict"].value_counts().sort_index().to_dict(),
            "stages": {name: len(paths) for name, paths in written.items()},
        },
    }
    return {"manifest": provenance.write_manifest(out / "manifest.json", manifest)}


def _weights(results: measures.Results) -> dict[str, float]:
    made = results.assessed
    return {} if made is None else {str(k): float(v) for k, v in made.tree["weight"].items()}


STAGES: tuple[Stage, ...] = (
    Stage("read", ("project", "tick"), ("loaded", "inputs", "run_id"), _read),
    Stage("reconcile", ("project", "loaded"), ("official", "reconciled", "issues"), _reconcile),
    Stage("access", ("loaded",), ("access",), _access),
    Stage("coverage", ("project", "loaded", "access"), ("coverage", "cases"), _coverage),
    Stage("risk", ("project", "loaded", "coverage", "cases"), ("results",), _risk),
    Stage("database", ("project", "loaded", "results", "issues", "reconciled", "out"),
          ("database",), products.database_files),
    Stage("tables", ("project", "loaded", "results", "issues", "official", "reconciled", "access",
                     "out", "run_id"), ("tables",), products.table_files),
    Stage("returns", ("project", "loaded", "issues", "out"), ("returns",), returns.return_files),
    Stage("relocation", ("project", "loaded", "results", "out", "run_id"), ("relocation",),
          products.relocation_files),
    Stage("grid", ("project", "loaded", "results", "out"), ("grid",), products.grid_files),
    Stage("maps", ("project", "loaded", "results", "official", "reconciled", "out", "run_id",
                   "tick"), ("maps",), products.map_files),
    Stage("atlas", ("project", "loaded", "results", "access", "out", "run_id", "tick"),
          ("atlas", "failed_pages"), _atlas),
    Stage("web", ("project", "loaded", "results", "access", "out", "run_id", "tick"), ("web",),
          products.web_files),
    Stage("manifest", ("project", "loaded", "results", "out", "run_id", "inputs", "issues",
                       "reconciled", "written"), ("manifest",), _manifest),
)
"""The stages of ``qzrisk run``, in order."""

COVERAGE_STAGES: tuple[Stage, ...] = (
    *(stage for stage in STAGES if stage.name in ("read", "access", "coverage")),
    Stage("results", ("coverage", "cases"), ("results",), _coverage_only),
    Stage("tables", ("project", "loaded", "results", "out", "run_id"), ("tables",),
          products.coverage_table_files),
    *(stage for stage in STAGES if stage.name == "relocation"),
    Stage("maps", ("project", "loaded", "results", "out", "run_id", "tick"), ("maps",),
          products.coverage_map_files),
)
"""The stages of ``qzrisk coverage``."""

RISK_STAGES: tuple[Stage, ...] = (
    *(stage for stage in STAGES if stage.name in ("read", "access")),
    Stage("coverage", ("project", "loaded", "access"), ("coverage", "cases"), _residents),
    *(stage for stage in STAGES if stage.name == "risk"),
    Stage("tables", ("project", "loaded", "results", "out", "run_id"), ("tables",),
          products.risk_table_files),
    Stage("grid", ("project", "loaded", "results", "out"), ("grid",), products.risk_grid_files),
    Stage("maps", ("project", "loaded", "results", "out", "run_id", "tick"), ("maps",),
          products.risk_map_files),
)
"""The stages of ``qzrisk risk``."""

WRITERS = ("database", "tables", "returns", "relocation", "grid", "maps", "atlas", "web")


def map_stages(names: tuple[str, ...]) -> tuple[Stage, ...]:
    """Return the stages of ``qzrisk map``: no more than its pages need.

    Raises
    ------
    ConfigError
        If there is no page of a name.
    """
    draw = partial(products.web_files, names=names)
    if not web_pages.needs_results(names):
        return (STAGES[0], Stage("web", ("project", "loaded", "out", "run_id", "tick"), ("web",),
                                 draw))
    last = next(stage for stage in STAGES if stage.name == "web")
    made = tuple(stage for stage in STAGES if stage.name in ("read", "access", "coverage", "risk"))
    return (*made, Stage("web", last.needs, last.makes, draw))




def atlas_stages(level: str) -> tuple[Stage, ...]:
    """Return the stages of ``qzrisk atlas`` for the units of a level."""
    wanted = ("read", "access", "coverage", "risk", "atlas")
    stages = [stage for stage in STAGES if stage.name in wanted]
    stages[-1] = replace(stages[-1], function=partial(_atlas, level=level))
    return tuple(stages)


def run(
    project: Project,
    out: str | Path = "outputs",
    *,
    begin: Callable[[Stage], None] = lambda _: None,
    tick: Tick = lambda _: None,
) -> Outcome:
    """Run every stage of the job and write its products under `out`.

    Parameters
    ----------
    project : see `qzrisk.open_project`
    out : output folder, made if absent; relative to the current folder
    begin : called with each stage as it starts
    tick : called with the name of each thing done inside a stage

    Returns
    -------
    Outcome

    Raises
    ------
    ConfigError, CRSError, SchemaError
        If the project or a file cannot be used, or the disk refuses. Faults of single rows never
        stop a run: they are findings, and the rows stand in quarantine.
    """
    state, seconds = _work(project, Path(out).absolute(), STAGES, begin, tick)
    return Outcome(
        loaded=state["loaded"], results=state["results"], reconciled=state["reconciled"],
        issues=state["issues"], failed_pages=state["failed_pages"],
        files=(*_written(state), state["manifest"].relative_to(state["out"]).as_posix()),
        out=state["out"], run_id=state["run_id"], seconds=seconds)


def coverage(
    project: Project,
    out: str | Path = "outputs",
    *,
    begin: Callable[[Stage], None] = lambda _: None,
    tick: Tick = lambda _: None,
) -> tuple[measures.Results, tuple[str, ...]]:
    """Write the tables, relocation plans and maps of coverage alone.

    Parameters
    ----------
    project, out, begin, tick : as `run`

    Returns
    -------
    (results, files)
        `results` without risk; `files` relative to `out`.

    Raises
    ------
    As `run`.
    """
    state, _ = _work(project, Path(out).absolute(), COVERAGE_STAGES, begin, tick)
    return state["results"], _written(state)


def assess(
    project: Project,
    out: str | Path = "outputs",
    *,
    begin: Callable[[Stage], None] = lambda _: None,
    tick: Tick = lambda _: None,
) -> tuple[measures.Results, tuple[str, ...]]:
    """Write the tables, rasters and maps of risk alone: the composite and every hazard.

    Parameters
    ----------
    project, out, begin, tick : as `run`

    Returns
    -------
    (results, files)
        `results` with coverage of all residents only; `files` relative to `out`.

    Raises
    ------
    As `run`.
    """
    state, _ = _work(project, Path(out).absolute(), RISK_STAGES, begin, tick)
    return state["results"], _written(state)


def web_maps(
    project: Project,
    names: tuple[str, ...] = web_pages.RUN_PAGES,
    out: str | Path = "outputs",
    *,
    begin: Callable[[Stage], None] = lambda _: None,
    tick: Tick = lambda _: None,
) -> tuple[Path, ...]:
    """Write interactive maps alone.

    Parameters
    ----------
    project, out, begin, tick : as `run`
    names : of ``web_pages.PAGES``

    Returns
    -------
    tuple of Path
        ``maps/<name>.html`` under `out`; a page whose layers the project lacks is left out.

    Raises
    ------
    As `run`; ConfigError also if there is no page of a name.
    """
    state, _ = _work(project, Path(out).absolute(), map_stages(names), begin, tick)
    return tuple(state["written"]["web"])


def bind_atlas(
    project: Project,
    out: str | Path = "outputs",
    *,
    level: str = "reporting",
    begin: Callable[[Stage], None] = lambda _: None,
    tick: Tick = lambda _: None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Write the atlas of the units of one level.

    Parameters
    ----------
    project, out, begin, tick : as `run`
    level : ``"reporting"``, ``"county"`` or ``"town"``

    Returns
    -------
    (failed, files)
        `failed`: pages that could not be made, with key, title, number and message; `files`
        relative to `out`.

    Raises
    ------
    As `run`, and GlyphError where a name holds a character that no bundled font can print.
    """
    state, _ = _work(project, Path(out).absolute(), atlas_stages(level), begin, tick)
    return state["failed_pages"], _written(state)


def _written(state: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the files that stages have written, relative to the output folder."""
    return tuple(path.relative_to(state["out"]).as_posix()
                 for paths in state["written"].values() for path in paths)


def _work(project: Project, out: Path, stages: tuple[Stage, ...],
          begin: Callable[[Stage], None], tick: Tick) -> tuple[dict[str, Any], dict[str, float]]:
    """Run stages one after the other; return what they made, and their wall times."""
    _require_writable(out)
    state: dict[str, Any] = {"project": project, "out": out, "tick": tick, "written": {}}
    seconds: dict[str, float] = {}
    for stage in stages:
        begin(stage)
        started = time.perf_counter()
        made = stage.function(**{name: state[name] for name in stage.needs})
        if set(made) != set(stage.makes):
            raise ConfigError("a stage made something else than it promised", where=stage.name,
                              expected=stage.makes, got=tuple(made))
        state.update(made)
        if stage.name in WRITERS:
            state["written"][stage.name] = made[stage.name]
        seconds[stage.name] = time.perf_counter() - started
    return state, seconds


def check(project: Project, *, tick: Tick = lambda _: None) -> tuple[Loaded, pd.DataFrame,
                                                                        pd.DataFrame]:
    """Read and check the data of a project without writing anything.

    Returns
    -------
    (loaded, reconciled, issues)
        `issues` holds the findings of the files and of the official figures.
    """
    state = _reconcile(project, loaded := load(project, tick=tick))
    return loaded, state["reconciled"], state["issues"]


def _require_writable(out: Path) -> None:
    """Fail before the work, not after it, where nothing can be written."""
    from qzrisk.files import write_text

    probe = write_text(out / ".qzrisk-write-test", "")
    probe.unlink()
