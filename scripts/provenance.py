"""Keep ``data/PROVENANCE.md`` true: fill in hashes, name files it forgets or that are gone.

    python scripts/provenance.py            write
    python scripts/provenance.py --check    write nothing, exit 1 if something is out of date

A table row that starts with a path in backticks ends with the SHA-256 of that file. The blocks
``<!-- packages -->`` and ``<!-- web -->`` are made from ``packages.csv`` and the web manifest.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from packages import PACKAGES

from qzrisk.files import sha256, write_text

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "data" / "PROVENANCE.md"
WEB = "qzrisk/assets/web"
COVERED = ("data/sources", "qzrisk/assets/fonts", "qzrisk/assets/outline", WEB)
ROW = re.compile(r"^(\| `([^`]+)` \|.*\| )`[0-9a-f-]*` \|$", re.MULTILINE)


def refreshed(page: str) -> str:
    """Return the page with its generated tables and its hashes as the files are now."""
    for name, table in (("packages", package_table()), ("web", web_table())):
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = page.partition(start)
        page = f"{before}{start}\n{table}\n{end}{rest.partition(end)[2]}"
    return ROW.sub(lambda row: f"{row[1]}`{file_hash(row[2])}` |", page)


def file_hash(name: str) -> str:
    """Return the hash of a file of the project, a dash if there is none."""
    path = ROOT / name
    return sha256(path) if path.is_file() else "-"


def package_table() -> str:
    """Return the packages with versions, licences and archive hashes."""
    rows = [
        f"| {p.name} | {p.version} | {p.registry} | {p.licence} | `{p.archive_sha256}` |"
        for p in PACKAGES.values()
    ]
    head = "| package 包 | version 版本 | registry 仓库 | licence 许可 | archive SHA-256 |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def web_table() -> str:
    """Return the vendored web files with package, change and hash."""
    manifest = json.loads((ROOT / WEB / "manifest.json").read_text(encoding="utf-8"))
    rows = []
    for name, entry in manifest["files"].items():
        package = name.partition("/")[0]
        about = manifest["packages"][package]
        changed = "; ".join(entry.get("changed", ["unchanged"]))
        source = f"{package} {about['version']} `{entry['source']}`"
        rows.append(f"| `{WEB}/{name}` | {source} | {about['licence']} | {changed} | `` |")
    head = "| file 文件 | from 来源 | licence 许可 | changed 改动 | SHA-256 |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def faults(page: str) -> list[str]:
    """Return what the page gets wrong: files it does not list, rows whose file is gone."""
    listed = {row[2] for row in ROW.finditer(page)}
    there = {
        path.relative_to(ROOT).as_posix()
        for folder in COVERED
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    # Licence texts and the manifest describe files; they are none of the content.
    content = {name for name in there if not re.search(r"/licences/|LICENSE|OFL|manifest", name)}
    forgotten = [f"not listed: {name}" for name in sorted(content - listed)]
    return forgotten + [f"gone: {name}" for name in sorted(listed) if file_hash(name) == "-"]


def main() -> int:
    """Refresh the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    page = PAGE.read_text(encoding="utf-8")
    new = refreshed(page)
    wrong = faults(new)
    if check and new != page:
        wrong.append("out of date: hashes or generated tables")
    if not check:
        write_text(PAGE, new)
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
