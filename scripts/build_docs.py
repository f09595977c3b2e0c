"""Write docs/layers.md and docs/rules.md from the data dictionary and the rule packs.

Run ``python scripts/build_docs.py [--check]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from qzrisk import rules
from qzrisk.files import write_text
from qzrisk.layers.schema import Column, schemas

DOCS = Path(__file__).resolve().parent.parent / "docs"
LAYERS_HEAD = (
    "# 图层与字段 / layers and columns\n\n"
    "由 `qzrisk/layers/schemas/*.toml` 生成（`python scripts/build_docs.py`）。"
    "表头可用规范名、中文名、英文名或别名，大小写与空格不计。\n"
    "Made from `qzrisk/layers/schemas/*.toml`. A header may be the canonical name, the Chinese or "
    "English words, or an alias; case and spaces do not count.\n\n"
    "**必填 / required** columns must be in the file; a row without a value is quarantined. "
    "**个人信息 / personal** columns never enter a public product.\n"
    "Every project needs `boundaries`, `demand`, `shelters` and the membership table `units`.\n"
)
RULES_HEAD = (
    "# 规则包 / rule packs\n\n"
    "由 `qzrisk/rules/*.toml` 生成。每个数字都带来源与可信度；"
    "`assumed` 为项目默认值，使用前须在本地确认。\n"
    "Made from `qzrisk/rules/*.toml`. Every number carries its source and how sure we are of it; "
    "`assumed` is a project default to be confirmed locally.\n"
)


def _row(column: Column) -> str:
    kind = column.type if not column.codes else f"{column.type}: {', '.join(column.codes)}"
    limits = "" if column.min is None and column.max is None else (
        f" [{'' if column.min is None else f'{column.min:g}'} – "
        f"{'' if column.max is None else f'{column.max:g}'}]")
    marks = [word for word, holds in (("必填 required", column.required),
                                      ("个人信息 personal", column.personal)) if holds]
    return (f"| `{column.name}` | {column.zh} / {column.en} | {kind}{limits} | {column.unit} | "
            f"{', '.join(marks)} | {'、'.join(column.aliases)} |")


def layers_page() -> str:
    parts = [LAYERS_HEAD]
    for name, entry in schemas().items():
        parts.append(f"\n## {name} · {entry.zh} / {entry.en}\n")
        parts.append(f"{entry.geometry or '表 table'} · 编号 id: `{entry.key}`\n")
        parts.append("| 列 column | 含义 meaning | 类型 type | 单位 unit | | 别名 aliases |")
        parts.append("|---|---|---|---|---|---|")
        parts += [_row(column) for column in entry.columns.values()]
    return "\n".join(parts) + "\n"


def rules_page() -> str:
    parts = [RULES_HEAD]
    for name in rules.names():
        parts.append(f"\n## {name}\n\n| 条目 entry | 值 value | 单位 unit | 来源 source | 可信度 |")
        parts.append("|---|---|---|---|---|")
        for key, entry in rules.entries(name).items():
            parts.append(f"| `{key}` | {entry['value']} | {entry['unit']} | {entry['source']} | "
                         f"{entry['confidence']} |")
    return "\n".join(parts) + "\n"


PAGES = {"layers.md": layers_page, "rules.md": rules_page}


def main() -> int:
    stale = [name for name, page in PAGES.items()
             if not (DOCS / name).is_file()
             or (DOCS / name).read_text(encoding="utf-8") != page()]
    if "--check" in sys.argv:
        print("\n".join(f"docs/{name} is out of date: python scripts/build_docs.py"
                        for name in stale))
        return int(bool(stale))
    for name in stale:
        write_text(DOCS / name, PAGES[name]())
        print(f"docs/{name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
