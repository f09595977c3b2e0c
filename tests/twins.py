"""Seeded duplicates: records surveyed again with another spelling, place and telephone."""

import geopandas as gpd
import numpy as np
import pandas as pd

CHINESE = (
    ("避灾点", ("避灾安置点", "自然灾害避灾点", "临时避灾点", "应急避难场所", "避難所", "")),
    ("社区", ("居委会", "社区居委会", "社區")), ("村村部", ("村部", "村委会", "村民委员会")),
    ("村小", ("行政村小", "小")), ("村礼", ("村民委员会礼", "礼")), ("村老", ("行政村老", "老")),
    ("村祖", ("行政村祖", "祖")), ("小学", ("学校", "小學")),
    ("老人活动中心", ("老年活动中心", "老人会")),
    ("文化广场", ("广场", "文化廣場")), ("祖厝", ("祠堂", "宗祠")), ("第一", ("一", "1", "第１")),
    ("街道", ("",)), ("礼堂", ("大礼堂", "禮堂")), ("影剧院", ("剧院",)),
)
ENGLISH = (
    ("Elementary School", ("Elementary", "elem. school", "Primary School")),
    ("Community Center", ("Community Centre", "Comm Ctr", "Recreation Center")),
    (" Shelter", (" Emergency Shelter", "", " (shelter)")), ("North ", ("Northern ",)),
    ("High School", ("Senior High School", "HIGH SCHOOL")), ("Senior Center", ("Senior Centre",)),
    (" Church", (" Chapel", " CHURCH")), ("Library", ("library", "Public Library")),
)
STREETS = ("Ash", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Grove", "Hazel", "Ivy", "Juniper",
           "Kestrel", "Laurel", "Maple", "Nutmeg", "Olive", "Pine", "Quince", "Rowan", "Spruce",
           "Tamarack", "Umber", "Vine", "Willow", "Yarrow")
ENDS = ("field", "wood", "ton", "ville", "port", "dale", "bridge", "hurst", "stead", "mouth")
KINDS = ("Elementary School", "High School", "Community Center", "Library", "Senior Center",
         "Church", "Gymnasium", "Fire Station", "Town Hall", "Armory", "Lodge")


def foreign_city(n, seed):
    """Shelters of a made-up city in English, many near one another, some names nearly alike."""
    rng = np.random.default_rng(seed)
    places = np.array([f"{a}{b}" for a in STREETS for b in ENDS])
    home = rng.integers(0, len(places), n)
    centre = np.column_stack([np.arange(len(places)) % 16, np.arange(len(places)) // 16]) * 900.0
    at = centre[home] + rng.normal(0, 250, (n, 2))
    side = rng.choice(["", "", "", "", "North ", "South ", "Upper "], n)
    name = [f"{s}{p} {k}{e}" for s, p, k, e in zip(
        side, places[home], rng.choice(KINDS, n), rng.choice(["", " Shelter"], n), strict=True)]
    frame = pd.DataFrame({"name": name, "unit_id": [f"T{h // 4:03d}" for h in home],
                          "phone": [f"555-{k:07d}" for k in rng.permutation(n) + 1]},
                         index=pd.Index([f"F{k:05d}" for k in range(n)], name="shelter_id"))
    # Two shelters of one name near each other could not be told apart by anyone.
    plain = ~frame["name"].str.replace(" Shelter", "").duplicated().to_numpy()
    return gpd.GeoDataFrame(frame[plain], crs="EPSG:32618", geometry=gpd.points_from_xy(
        at[plain, 0] + 5e5, at[plain, 1] + 4.5e6))


def respelt(name, variants, rng):
    """Spell a name another way, once or twice; sometimes with one letter wrong."""
    fitting = [pair for pair in variants if pair[0] in name]
    for old, new in (fitting[k] for k in rng.permutation(len(fitting))[:rng.integers(1, 3)]):
        name = name.replace(old, str(rng.choice(new)), 1)
    if name.isascii() and rng.random() < 0.3:
        k = int(rng.choice([k for k in range(1, len(name)) if name[k].islower()]))
        wrong = str(rng.choice(list("aeiost")))
        name = name[:k] + str(rng.choice([wrong, "", name[k] + wrong])) + name[k + 1:]
    elif not name.isascii() and rng.random() < 0.3:
        name = str(rng.choice(["某市", "某市某区", "样例镇"])) + name
    return name


def with_twins(frame, share, variants, seed):
    """Return the frame with some records surveyed again, and the true pairs of ids."""
    rng = np.random.default_rng(seed)
    rows = frame.iloc[np.sort(rng.choice(len(frame), int(share * len(frame)), replace=False))]
    far = rng.uniform(5, 150, len(rows))
    angle = rng.uniform(0, 2 * np.pi, len(rows))
    names = [respelt(name, variants, rng) for name in rows["name"]]
    phones = []
    for phone in rows["phone"]:
        kind = rng.choice(["same", "typo", "missing", "spelt"], p=[0.4, 0.2, 0.2, 0.2])
        k = int(rng.integers(5, len(phone)))
        typo = phone[:k] + str((int(phone[k]) + 1) % 10) + phone[k + 1:]
        phones.append({"same": phone, "typo": typo, "missing": None,
                       "spelt": phone.replace("-", " ")}[str(kind)])
    twins = rows.assign(name=names, phone=phones)
    twins.index = pd.Index([f"{i}-again" for i in rows.index], name=frame.index.name)
    twins["geometry"] = gpd.points_from_xy(rows.geometry.x + far * np.cos(angle),
                                           rows.geometry.y + far * np.sin(angle), crs=frame.crs)
    both = pd.concat([frame, twins])
    return both.iloc[rng.permutation(len(both))], set(zip(rows.index, twins.index, strict=True))


def quality(pairs, truth):
    """Return precision and recall of pairs against the true ones."""
    found = {tuple(sorted(pair)) for pair in zip(pairs["left"], pairs["right"], strict=True)}
    truth = {tuple(sorted(pair)) for pair in truth}
    hits = len(found & truth)
    return hits / max(len(found), 1), hits / len(truth)
