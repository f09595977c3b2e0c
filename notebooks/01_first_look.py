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
# # 初看 / A first look
#
# 读入样例城市，看图层、问题与覆盖，画一张静态图和一张不需要网络的交互图。**合成数据 / synthetic data.**
#
# Read the sample city, look at layers, findings and coverage, draw a static map and an interactive one that needs no network.

# %%
import qzrisk as qz

project = qz.open_project("../project.toml")
project

# %%
loaded = qz.load(project)
loaded

# %% [markdown]
# 问题清单：每条问题一行，写明规则、值与建议 / findings: one row each, with rule, value and suggestion.

# %%
loaded.issues.drop(columns="geometry").head()

# %% [markdown]
# 直线覆盖：每个人口格网到最近避灾点的距离，再汇总到各县 / straight-line coverage, summed to the counties.

# %%
coverage = qz.pipeline.measures.coverage_tables(loaded, project)
coverage["county"][["name", "persons", "shelters", "covered_share_1000m", "distance_m"]]

# %%
assessed = qz.pipeline.measures.assess(loaded, coverage, project)
results = qz.pipeline.measures.Results.of(coverage, assessed)
sheets = qz.pipeline.specs.static_specs(project, loaded, results, "notebook")
qz.maps.static.draw(sheets[2])

# %%
overview = qz.pipeline.specs.overview_spec(project, loaded, results, "notebook")
qz.maps.web.figure(overview)
