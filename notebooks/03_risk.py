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
# # 风险 / Risk
#
# 从指标到四色：指标树、各灾种与综合指数、等级有多可靠、一个单元为何是这个颜色。**合成数据 / synthetic data.**
#
# From indicators to four colours: the tree, each hazard and the composite, how sure a class is, and why a unit has its colour.

# %%
import qzrisk as qz
from qzrisk.pipeline import measures
from qzrisk.pipeline.risk import account, assess, maps

project = qz.open_project("../project.toml")
loaded = qz.load(project)
coverage = measures.coverage_tables(loaded, project)
made = assess.assess(loaded, coverage, project)
made.tree

# %% [markdown]
# 各级单元共用一组界限；县级指数是村级指数按人口加权的平均；金门县暂缺资料，不评级、不排名。
#
# All levels share one set of bounds; a county is the mean of its villages weighted by population; a county without data has no class and no rank.

# %%
made.tables["county"].drop(columns="persons").round(3)

# %% [markdown]
# 可信度：权重与资料误差随机扰动后，等级不变的比例，以及名次区间。
#
# Confidence: the share of random draws of weights and data errors that keep the class, and the interval of the rank.

# %%
made.confidence["county"]

# %% [markdown]
# 一个县为何是这个颜色 / why a county has its colour.

# %%
results = measures.Results.of(coverage, made)
unit = made.tables["county"]["risk_index"].idxmax()
account.explain(loaded, results, project, unit)

# %%
account.chart(loaded, results, project, unit)

# %%
qz.maps.static.draw(maps.risk_spec(project, loaded, results, "notebook", "village", "typhoon"))

# %%
qz.maps.static.draw_page(maps.pair_page(project, loaded, results, "notebook"))
