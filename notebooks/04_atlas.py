# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 图集 / The atlas
#
# 封面、目录、索引图、总图、分单元页、附录，装订为一个 PDF。**合成数据 / synthetic data.**
#
# Cover, contents, index map, overview, a page for each unit and an appendix, bound to one PDF.

# %%
import qzrisk as qz
from qzrisk.maps.atlas import UnitPage
from qzrisk.maps.atlas.unit import unit_page
from qzrisk.pipeline import access, atlas, cases, measures

project = qz.open_project("../project.toml")
loaded = qz.load(project)
walk = access.access(loaded)

# %% [markdown]
# 一页上的每个数字都来自成果表 / every number on a page is one of the tables.

# %%
coverage = measures.coverage_tables(loaded, project, walk)
risk, indicators, bounds = measures.risk_tables(loaded, coverage, project)
typhoon = cases.case(loaded, project, walk, "typhoon")
results = measures.Results(coverage=coverage, risk=risk, indicators=indicators, bounds=bounds, cases={"typhoon": typhoon})
pages = atlas.pages(project, loaded, results, walk, "notebook", level="town")
towns = {page.key: page for page in pages if isinstance(page, UnitPage)}

# %%
chosen = next(iter(towns.values()))
chosen.spec.table

# %%
unit_page(chosen, "A4")

# %% [markdown]
# 装订：只画新增或变化的页；未能制成的页列在 `findings` / bind them; only new or changed pages are drawn.
#
# 命令行 / on the command line: `qzrisk atlas --level town`。

# %%
bound = qz.maps.atlas.save([page for page in pages if page.key in ("cover", chosen.key)], "../outputs/notebook_atlas.pdf", workers=1)
bound.sheets
