"""The risk index as a product: measure, score, class, say how sure, draw and explain.

``measures`` -> ``assess`` -> {``sheets``, ``maps``, ``grid``, ``account``} -> ``products``. Modules
are imported by name; nothing here imports them, so that ``specs`` may stand between.
"""
