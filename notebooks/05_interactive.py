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
# # 离线交互地图 / The offline interactive map
#
# 同一份图说（MapSpec）画成一个网页：查找、图例筛选、时间轴、左右对比，全部不联网。**合成数据 / synthetic data.**
#
# One MapSpec drawn as one web page: search, legend filter, time bar, before and after, and never a network.

# %%
import qzrisk as qz
from qzrisk.pipeline import web_pages

project = qz.open_project("../project.toml")
loaded = qz.load(project)
given = web_pages.Given(project=project, loaded=loaded, run_id="notebook")
list(web_pages.PAGES)

# %% [markdown]
# 隐患台账：圆环是各统计单元的条数，拖动时间轴看到某日为止的登记 / rings count the records of a unit; the time bar counts up to a date.
#
# 未受信任的笔记本、打印和 PDF 里显示同一张图的静态画面 / an untrusted notebook, a print and a PDF show the same map as a still picture.

# %%
dangers = web_pages.page("hidden_dangers", given)
qz.maps.web.figure(dangers.spec)

# %% [markdown]
# 左右对比：拖动分割线 / before and after: drag the divider. 这里比较普查完成率与隐患未销号率 / here census progress against open dangers.

# %%
census = web_pages.page("census", given).spec
rate = dangers.spec.layer("open_rate")
both = census.with_(layers=(*census.layers[:1], rate, *census.layers[1:-1]))
qz.maps.web.figure(both, swipe=("progress", "open_rate"))

# %% [markdown]
# 嵌入内网网页：整页装进框里，或链接到文件 / into an intranet page: packed into a frame, or a link to the file.

# %%
page = qz.maps.web.html(dangers.spec)
snippet = qz.maps.web.embed(page, title="隐患台账", height_px=480)
link = qz.maps.web.link("maps/hidden_dangers.html", title="隐患台账")
print(link, f"{len(page) / 1e6:.1f} MB", snippet[:16])
