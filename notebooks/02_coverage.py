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
# # 避灾点覆盖 / Coverage by shelters
#
# 谁要转移、能走到哪个避灾点、谁没有着落、为什么。**合成数据 / synthetic data.**
#
# Who is to be moved, which shelter they reach, who is left without a place and why.

# %%
import qzrisk as qz
from qzrisk.pipeline import access, cases, coverage_maps, coverage_sheets, evenness, relocation

project = qz.open_project("../project.toml")
loaded = qz.load(project)
walk = access.access(loaded)
walk.roads

# %% [markdown]
# 需转移人口是各灾种风险区内的人，不是全部居民；避灾点须启用、适用本灾种、选址安全才计入。
#
# The demand is the persons to be moved, not all residents; a shelter counts if it is open, serves the hazard and stands on a safe site.

# %%
typhoon = cases.case(loaded, project, walk, "typhoon")
columns = ["name", "at_risk_persons", "places", "covered_share_15min", "coverage_score", "coverage_grade"]
typhoon.tables["county"][columns]

# %%
coverage_sheets.judged_frame(typhoon, loaded.layers["shelters"], project).groupby(
    ["excluded", "unsafe"], dropna=False)["places"].agg(["size", "sum"])

# %% [markdown]
# 服务范围大小的影响 / how much the size of the catchment matters.

# %%
evenness.by_catchment(typhoon, loaded.tables["units"], ("city",))

# %% [markdown]
# 转移安置对接表：先本乡镇，余者本县其他乡镇 / the plan: own town first, the rest elsewhere in the county.

# %%
plan = relocation.rows(typhoon, loaded, project)
plan[["village", "shelter", "moved_persons", "minutes", "reason"]].head()

# %%
pages = coverage_maps.pages(project, loaded, typhoon, "notebook")
qz.maps.static.draw(pages[1])

# %%
qz.maps.static.draw_page(pages[2])
