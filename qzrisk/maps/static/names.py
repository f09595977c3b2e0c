"""Shorter forms of a name, for maps that lack the room."""

from __future__ import annotations

_GENERIC = ("社区居委会", "村委会", "街道办事处", "街道", "镇", "乡",
            " Subdistrict", " Township", " Town", " Community", " Village")
_COUNTY_GENERIC = ("县", "市", "区", " County", " City", " District")
_BRACKETS = ("（", " (")


def without_generic(name: str) -> str:
    """Return a name without the word for its kind of unit; "" where too little would be left.

    Examples
    --------
    >>> without_generic("水头镇"), without_generic("开元街道"), without_generic("某乡")
    ('水头', '开元', '')
    >>> without_generic("Shuitou Town")
    'Shuitou'
    """
    for word in _GENERIC:
        if name.endswith(word) and len(name) - len(word) >= 2:
            return name.removesuffix(word)
    return ""


def without_bracket(name: str) -> str:
    """Return a name without what it says in brackets at its end; "" where it has none.

    Examples
    --------
    >>> without_bracket("甲区（不含开发区）"), without_bracket("East County (excl. Zone)")
    ('甲区', 'East County')
    >>> without_bracket("乙市")
    ''
    """
    if not name.endswith(("）", ")")):
        return ""
    return next((name[:name.rindex(mark)] for mark in _BRACKETS if mark in name), "")


def on_small_map(name: str) -> str:
    """Return a name as a small map prints it: without brackets and the word for a county.

    Examples
    --------
    >>> on_small_map("东山市"), on_small_map("East City"), on_small_map("West")
    ('东山', 'East', 'West')
    """
    bare = without_bracket(name) or name
    for word in _COUNTY_GENERIC:
        if bare.endswith(word) and len(bare) - len(word) >= 2:
            return bare.removesuffix(word)
    return bare
