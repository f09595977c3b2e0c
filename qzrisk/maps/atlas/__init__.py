"""The atlas: pages bound to one PDF with contents, index map, outline, page labels and links."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from qzrisk.engine import map_tasks
from qzrisk.errors import ConfigError, GlyphError, QzriskError
from qzrisk.files import WRITE_FAULT
from qzrisk.maps.atlas.binding import Bound, bind
from qzrisk.maps.atlas.digest import digest
from qzrisk.maps.atlas.front import Link, failed_page
from qzrisk.maps.atlas.making import Task, kept, make
from qzrisk.maps.atlas.numbering import expanded
from qzrisk.maps.atlas.pages import (
    FRONT,
    AtlasPage,
    Bars,
    Contents,
    Cover,
    IndexPage,
    TextBlock,
    TextPage,
    UnitPage,
    check,
    spec_of,
)
from qzrisk.maps.static.house import house_style

__all__ = ["Atlas", "AtlasPage", "Bars", "Contents", "Cover", "IndexPage", "TextBlock", "TextPage",
           "UnitPage", "save"]

_TASKS_A_PROCESS = 12
"""A process earns its start from this many pages on."""
PAPERS = ("A4", "A3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """What was bound.

    Attributes
    ----------
    path : the PDF.
    sheets : DataFrame, one row a sheet in order: key, title, number, made (drawn this time or
        taken from the last one).
    findings : DataFrame, one row a page that failed: key, title, number, message.
    """

    path: Path
    sheets: pd.DataFrame
    findings: pd.DataFrame


def save(pages: Sequence[AtlasPage], path: str | Path, *, paper: str = "A4", title: str = "",
         workers: int | None = None, tick: Callable[[str], None] = lambda _: None) -> Atlas:
    """Bind pages to one PDF, drawing only those that are new or changed.

    Parameters
    ----------
    pages : sequence of pages
        In order; `Cover` and `Contents` at the front are numbered i, ii, iii.
    path : path
        Ends in ``.pdf``. The drawn sheets are kept beside it in ``<name>.pages``.
    paper : {"A4", "A3"}
        Landscape.
    title : str
        Of the document; by default that of the first page.
    workers : int, optional
        Processes that draw; by default one a processor. 1 starts none.
    tick : callable
        Called with how far the drawing is, e.g. ``"3/174"``.

    Returns
    -------
    Atlas
        A page that could not be drawn is in `Atlas.findings`; in the PDF a sheet that says so
        stands in its place, so that all numbers and links hold. The next run tries it again.

    Raises
    ------
    ConfigError
        If there is nothing to bind, keys clash, paper or suffix are unknown, or the disk refuses.
    GlyphError
        If a text holds a character that no bundled font can print; all such texts are named.

    Notes
    -----
    Equal pages give equal bytes. All sheets share one subset of each font.
    """
    path = Path(path)
    check(pages)
    if paper not in PAPERS or path.suffix.lower() != ".pdf":
        raise ConfigError("an atlas is a PDF", where=str(path), expected=".pdf on A4 or A3",
                          got=f"{path.suffix} on {paper}")
    folder = path.with_name(f"{path.stem}.pages")
    sheets, numbers = expanded(pages, paper)
    tasks = [Task(sheet, folder, digest(sheet)) for sheet in sheets]
    made, errors = _make(tasks, workers, tick)
    whole = {page.key: page for page in pages}
    bound: list[Bound] = []
    for task, number in zip(tasks, numbers, strict=True):
        key = task.sheet.page.key
        data, links = _file_of(task, errors.get(task.digest))
        bound.append(Bound(page=whole[key], data=data, links=links, number=number,
                           first=not bound or bound[-1].page.key != key))
    bind(bound, path, paper=paper, title=title or pages[0].title,
         front=sum(isinstance(page, FRONT) for page in (sheet.page for sheet in bound)))
    _sweep(folder, tasks)
    table = pd.DataFrame({"key": [sheet.page.key for sheet in bound],
                          "title": [sheet.page.title for sheet in bound], "number": numbers})
    failed = [task.digest in errors for task in tasks]
    words = [_reason(task, errors[task.digest]) for task in tasks if task.digest in errors]
    return Atlas(path=path, sheets=table.assign(made=[task.digest in made for task in tasks]),
                 findings=table[failed].assign(message=words).reset_index(drop=True))


def _make(tasks: Sequence[Task], workers: int | None, tick: Callable[[str], None]
          ) -> tuple[set[str], dict[str, BaseException]]:
    """Draw the sheets that are not kept; return the hashes of those drawn, and of those failed."""
    missing = [task for task in tasks if kept(task) is None]
    most = -(-len(missing) // _TASKS_A_PROCESS)
    count = iter(range(1, 2 * len(tasks) + 1))
    done = map_tasks(make, missing, workers=min(workers or os.cpu_count() or 1, max(most, 1)),
                     tick=lambda: tick(f"{next(count)}/{len(missing)}"))
    errors = {task.digest: end.error for task, end in zip(missing, done, strict=True)
              if end.error is not None}
    unprintable = [f"{error.where} {error.got}".strip() for error in errors.values()
                   if isinstance(error, GlyphError)]
    if unprintable:
        raise GlyphError("pages hold characters that no bundled font can print",
                         got=" | ".join(unprintable),
                         mend="replace the characters in the names, titles or notes that hold them")
    refused = [error for error in errors.values()
               if isinstance(error, ConfigError) and error.what == WRITE_FAULT]
    if refused:
        raise refused[0]
    return {task.digest for task in missing} - set(errors), errors


def _file_of(task: Task, error: BaseException | None) -> tuple[bytes, list[Link]]:
    """Return the PDF of a sheet and its links; for one that failed, a sheet that says so."""
    if error is None:
        return task.path.read_bytes(), kept(task) or []
    page = task.sheet.page
    figure = failed_page(page.title, _reason(task, error), spec_of(page), task.sheet.paper)
    made = io.BytesIO()
    with house_style():
        figure.savefig(made, format="pdf", metadata={"CreationDate": None})
    return made.getvalue(), []


def _sweep(folder: Path, tasks: Sequence[Task]) -> None:
    """Drop the sheets of earlier atlases of that name, so that the folder does not grow."""
    used = {task.digest for task in tasks}
    for path in folder.glob("*") if folder.is_dir() else ():
        if path.stem not in used:
            path.unlink(missing_ok=True)


def _reason(task: Task, error: BaseException) -> str:
    """Return an error in the language of the page that it stopped."""
    language = spec_of(task.sheet.page).language
    return error.said(language) if isinstance(error, QzriskError) else str(error)
