"""What is vendored, and pages and fonts made from it: Chinese fonts, web scripts, their inliner."""

from qzrisk.assets.glyphs import FAMILY, font_paths, missing_glyphs, subset_font_css
from qzrisk.assets.page import embed, external_urls, inline, web_text

__all__ = [
    "FAMILY",
    "embed",
    "external_urls",
    "font_paths",
    "inline",
    "missing_glyphs",
    "subset_font_css",
    "web_text",
]
