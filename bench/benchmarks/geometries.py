"""Geometries, batches and precisions the suite goes through."""

from __future__ import annotations

from bench.case import quick

# name: (window, band, grid) per axis
GEOMETRIES: dict[str, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = (
    {"tiny": ((10, 10), (8, 8), (24, 24)), "odd": ((9, 7), (5, 8), (21, 20))}
    if quick()
    else {
        "paper 112/112/336": ((112, 112), (112, 112), (336, 336)),
        "small 64/64/128": ((64, 64), (64, 64), (128, 128)),
        "wide band 112/224/336": ((112, 112), (224, 224), (336, 336)),
        "large 224/224/448": ((224, 224), (224, 224), (448, 448)),
        "odd 111x97/95x112/333x300": ((111, 97), (95, 112), (333, 300)),
    }
)
BATCHES = [2] if quick() else [1, 10, 40]
LAYERS = [1, 2] if quick() else [1, 10, 20]
THREADS = [1, 2]
DTYPES = ["float32", "float64"]
