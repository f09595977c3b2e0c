"""The four levels, and every palette as data: one meaning, one set of colours, one legend.

Risk levels, hidden-danger grades, warning levels, fire-weather grades and coverage grades are
different things: each product has its own row here and they never share a legend.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from qzrisk.errors import ConfigError

FOUR_LEVELS = ("blue", "yellow", "orange", "red")
"""Codes of the four risk levels, low to high; language-neutral, used in every frame and file."""

THREE_LEVELS = ("III", "II", "I")
"""Codes of the forest danger classes, low to high: class I is the most dangerous."""

FIVE_LEVELS = ("green", "blue", "yellow", "orange", "red")
"""Codes of the fire-weather grades 1 to 5, low to high; not those of the danger classes."""

NO_DATA_HATCH = "////"
NO_DATA_FILL = "#f4f4f1"
NO_DATA_EDGE = "#8a8f94"


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours, hatches and words of one product's ordered classes (low to high).

    Attributes
    ----------
    codes : class codes, low to high.
    colours : fill of each class, ``#rrggbb``.
    hatches : matplotlib hatch of each class for readers who cannot tell the colours apart.
    zh, en : words of each class in a legend.
    """

    codes: tuple[str, ...]
    colours: tuple[str, ...]
    hatches: tuple[str, ...]
    zh: tuple[str, ...]
    en: tuple[str, ...]

    def words(self, language: str) -> dict[str, str]:
        """Return code -> word in ``"zh"`` or ``"en"``."""
        return dict(zip(self.codes, self.zh if language == "zh" else self.en, strict=True))

    def colour(self) -> dict[str, str]:
        """Return code -> fill colour."""
        return dict(zip(self.codes, self.colours, strict=True))

    def hatch(self) -> dict[str, str]:
        """Return code -> hatch."""
        return dict(zip(self.codes, self.hatches, strict=True))


_BLUE, _YELLOW, _ORANGE, _RED = "#6aa5d8", "#f6dc74", "#ee9347", "#c8393b"
_HATCHES4 = ("", "...", "\\\\\\", "xxx")
_HATCHES3 = ("", "...", "xxx")
_PLAIN = ("",)

PALETTES: dict[str, Palette] = {
    # Natural-disaster risk class (product B).
    "risk": Palette(
        FOUR_LEVELS,
        (_BLUE, _YELLOW, _ORANGE, _RED),
        _HATCHES4,
        ("低风险（蓝）", "中风险（黄）", "较高风险（橙）", "高风险（红）"),
        ("Low (blue)", "Medium (yellow)", "Fairly high (orange)", "High (red)"),
    ),
    # The same in five classes (`Risk.levels`): its own codes and words, blue lowest, red highest.
    "risk_5": Palette(
        ("low", "fairly_low", "medium", "fairly_high", "high"),
        (_BLUE, "#a5d3c1", _YELLOW, _ORANGE, _RED),
        ("", "..", "...", "\\\\\\", "xxx"),
        ("低风险（蓝）", "中低风险（青）", "中风险（黄）", "中高风险（橙）", "高风险（红）"),
        ("Low (blue)", "Fairly low (teal)", "Medium (yellow)", "Fairly high (orange)",
         "High (red)"),
    ),
    # Work-safety risk grade (product A).
    "safety": Palette(
        FOUR_LEVELS,
        (_BLUE, _YELLOW, _ORANGE, _RED),
        _HATCHES4,
        ("低风险（蓝）", "一般风险（黄）", "较大风险（橙）", "重大风险（红）"),
        ("Low (blue)", "General (yellow)", "Larger (orange)", "Major (red)"),
    ),
    # How sure a risk class is: share of Monte-Carlo draws that keep it; not a level of risk.
    "confidence": Palette(
        ("uncertain", "fair", "sure"),
        ("#e3d3c2", "#a9b7bd", "#46616e"),
        _HATCHES3[::-1],
        ("不确定", "较确定", "确定"),
        ("Uncertain", "Fairly sure", "Sure"),
    ),
    # Coverage of shelters: more is better, so its ramp is another one than that of risk.
    "coverage": Palette(
        ("severe", "short", "basic", "ample"),
        ("#7b3f73", "#c294bb", "#a6cfc0", "#2b7f6d"),
        ("xxx", "\\\\\\", "...", ""),
        ("严重不足", "不足", "基本满足", "充足"),
        ("Severely short", "Short", "Basic", "Ample"),
    ),
    "tier": Palette(
        ("village", "township", "county"),
        ("#4f8f86", "#2f5d8a", "#7a1f3d"),
        ("", "", ""),
        ("村级避灾点", "乡镇级避灾点", "县级避灾点"),
        ("Village tier", "Township tier", "County tier"),
    ),
    # Forest danger class of a zone (LY/T 1063): how dangerous the place is, whatever the weather.
    "forest_danger": Palette(
        THREE_LEVELS,
        ("#efe6c4", "#dbb877", "#a8713f"),
        _HATCHES3,
        ("III级火险区（危险性小）", "II级火险区（危险性中）", "I级火险区（危险性大）"),
        ("Class III (low danger)", "Class II (medium)", "Class I (high danger)"),
    ),
    # Size of a forest fire that happened.
    "fire_size": Palette(
        ("ordinary", "considerable", "major", "exceptional"),
        ("#e2001a", "#b00030", "#7a0036", "#3f0019"),
        _HATCHES4,
        ("一般森林火灾", "较大森林火灾", "重大森林火灾", "特别重大森林火灾"),
        ("Ordinary fire", "Considerable fire", "Major fire", "Exceptional fire"),
    ),
    # Fire-weather grade of a day (QX/T 77).
    "fire_weather": Palette(
        FIVE_LEVELS,
        ("#7fb27a", _BLUE, _YELLOW, _ORANGE, _RED),
        ("", "..", "...", "\\\\\\", "xxx"),
        ("一级（低）", "二级（较低）", "三级（较高）", "四级（高）", "五级（极高）"),
        ("Grade 1 (low)", "Grade 2 (fairly low)", "Grade 3 (fairly high)", "Grade 4 (high)",
         "Grade 5 (extreme)"),
    ),
    # Hidden danger: a defect that was found, not a level of risk; so never the four colours.
    "danger_grade": Palette(
        ("一般", "重大"),
        ("#b7a3c7", "#4b2a63"),
        ("", "xxx"),
        ("一般隐患", "重大隐患"),
        ("General hidden danger", "Major hidden danger"),
    ),
    "danger_state": Palette(
        ("closed", "open"),
        ("#9db8b5", "#5a3d7a"),
        ("", "xxx"),
        ("已整改销号", "未整改销号"),
        ("Closed", "Open"),
    ),
    "danger_open": Palette(
        ("least", "less", "more", "most"),
        ("#f4f0f7", "#dccfe6", "#bca3cf", "#8f6bb0"),
        _HATCHES4,
        ("最少", "较少", "较多", "最多"),
        ("Fewest", "Fewer", "More", "Most"),
    ),
    # Railway: a line that is not open yet is drawn palest; grades of points have their own words.
    "railway_line": Palette(
        ("unopened", "ordinary", "high_speed"),
        ("#a9adb1", "#3c4a54", "#1f7a8c"),
        _PLAIN * 3,
        ("在建（资料日期未开通）", "普速铁路", "高速铁路"),
        ("Not open at the date of the data", "Ordinary line", "High-speed line"),
    ),
    "railway_point": Palette(
        FOUR_LEVELS,
        (_BLUE, _YELLOW, _ORANGE, _RED),
        _HATCHES4,
        ("蓝色隐患点", "黄色隐患点", "橙色隐患点", "红色隐患点"),
        ("Blue point", "Yellow point", "Orange point", "Red point"),
    ),
    "team_kind": Palette(
        ("enterprise", "forest", "professional", "fire", "social"),
        ("#a98f6b", "#4f7f46", "#2f5d8a", "#b0413e", "#7a4f9a"),
        _PLAIN * 5,
        ("企业专职队", "森林消防队", "专业救援队", "消防救援队", "社会应急力量"),
        ("Enterprise team", "Forest fire team", "Professional team", "Fire brigade",
         "Social team"),
    ),
    "community_kind": Palette(
        ("existing", "new_2021"),
        ("#2f6f8f", "#d0652f"),
        _PLAIN * 2,
        ("已建成", "2021年新创建"),
        ("Already built", "Newly accepted in 2021"),
    ),
    "enterprise_kind": Palette(
        ("demonstration", "mine", "hazchem"),
        ("#3f7f6f", "#8a6a3f", "#8f2f5f"),
        _PLAIN * 3,
        ("标准化示范企业", "非煤矿山", "危险化学品企业"),
        ("Demonstration enterprise", "Non-coal mine", "Hazardous-chemical enterprise"),
    ),
    # Danger grade of a geological hazard point, by what it threatens.
    "hazard_point": Palette(
        ("small", "medium", "large", "exceptional"),
        ("#c9a27a", "#a8683a", "#7d3a1e", "#3d1410"),
        _HATCHES4,
        ("小型", "中型", "大型", "特大型"),
        ("Small", "Medium", "Large", "Exceptional"),
    ),
    "progress": Palette(
        ("behind", "under_way", "nearly", "done"),
        ("#e9e4d4", "#b9cfae", "#74a68a", "#2c6b62"),
        ("xxx", "\\\\\\", "...", ""),
        ("滞后", "推进中", "接近完成", "完成"),
        ("Behind", "Under way", "Nearly done", "Done"),
    ),
    # What a reporting unit is of its county.
    "unit_part": Palette(
        ("zone", "rest", "whole"),
        ("#c9b38a", "#dfe3c8", "#f1ead9"),
        ("xxx", "...", ""),
        ("从县中分列的统计单元", "分列后县的其余部分", "不分列的县（市、区）"),
        ("Taken out of its county", "Rest of a county", "Whole county"),
    ),
    # Whether a shelter counts when one hazard strikes, and why not.
    "shelter_use": Palette(
        ("not_serving", "closed", "capacity_unknown", "unsafe", "counts"),
        ("#c3c8cb", "#7d878e", "#b08c63", "#8f2f5f", "#2b7f6d"),
        _PLAIN * 5,
        ("不适用本灾种", "未启用", "容量不明", "选址不安全", "计入"),
        ("Not for this hazard", "Closed", "Capacity unknown", "Unsafe site", "Counts"),
    ),
    "census_stage": Palette(
        ("list", "survey", "check"),
        ("#d9cfb4", "#8fb3a6", "#2c6b62"),
        ("xxx", "...", ""),
        ("已建账、未调查", "已调查、待质检", "已过县级及以上质检"),
        ("Listed, not surveyed", "Surveyed, not checked", "Checked by the county or above"),
    ),
    # Agreement of the data with a published figure.
    "verdict": Palette(
        ("equal", "consistent", "not_in_data", "differs"),
        ("#cfe0e3", "#8fb3bd", "#c9c6be", "#d98a6a"),
        _HATCHES4,
        ("一致", "舍入范围内一致", "本库无资料", "不一致"),
        ("Equal", "Equal within rounding", "Not in the data", "Differs"),
    ),
    # Wind of a tropical cyclone (GB/T 19201): strength, not a warning level.
    "cyclone": Palette(
        ("td", "ts", "sts", "ty", "sty", "super_ty"),
        ("#9fb6c6", "#6f93b5", "#5b6fae", "#6d4a9c", "#8c2f83", "#5a0f3c"),
        _PLAIN * 6,
        ("热带低压及以下", "热带风暴", "强热带风暴", "台风", "强台风", "超强台风"),
        ("Tropical depression or less", "Tropical storm", "Severe tropical storm", "Typhoon",
         "Severe typhoon", "Super typhoon"),
    ),
}


RISK_PALETTES = {4: "risk", 5: "risk_5"}
"""Number of natural-disaster risk classes -> its palette."""


def palette(product: str) -> Palette:
    """Return the palette of a product.

    Raises
    ------
    ConfigError
        If no product has that name; the known ones are listed.

    Examples
    --------
    >>> palette("risk").words("en")["red"]
    'High (red)'
    """
    try:
        return PALETTES[product]
    except KeyError:
        raise ConfigError(
            "unknown palette", expected=", ".join(PALETTES), got=repr(product)
        ) from None


def ordered(values: pd.Series, codes: tuple[str, ...] = FOUR_LEVELS) -> pd.Series:
    """Return `values` as an ordered Categorical over `codes`, low to high; NaN stays NaN (no data).

    Raises
    ------
    ConfigError
        If a value is not one of the codes.

    Examples
    --------
    >>> ordered(pd.Series(["red", None])).cat.categories.tolist()
    ['blue', 'yellow', 'orange', 'red']
    """
    unknown = sorted(set(values.dropna().astype(str)) - set(codes))
    if unknown:
        raise ConfigError(
            "unknown class code", where=str(values.name), expected=", ".join(codes), got=unknown
        )
    return pd.Series(
        pd.Categorical(values, categories=list(codes), ordered=True),
        index=values.index,
        name=values.name,
    )
