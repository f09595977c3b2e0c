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

PALETTES: dict[str, Palette] = {
    # Natural-disaster risk class (product B).
    "risk": Palette(
        FOUR_LEVELS,
        (_BLUE, _YELLOW, _ORANGE, _RED),
        _HATCHES4,
        ("低风险（蓝）", "中风险（黄）", "较高风险（橙）", "高风险（红）"),
        ("Low (blue)", "Medium (yellow)", "Fairly high (orange)", "High (red)"),
    ),
    # Work-safety risk grade (product A).
    "safety": Palette(
        FOUR_LEVELS,
        (_BLUE, _YELLOW, _ORANGE, _RED),
        _HATCHES4,
        ("低风险（蓝）", "一般风险（黄）", "较大风险（橙）", "重大风险（红）"),
        ("Low (blue)", "General (yellow)", "Larger (orange)", "Major (red)"),
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
}


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
