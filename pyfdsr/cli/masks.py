"""``pyfdsr masks``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .display import console

__all__ = ["masks"]


def masks(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Run folder of a trained network.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(help="Archive to write (.npz); FILE.json with the metadata goes beside it.")
    ],
    wavelength: Annotated[float, typer.Option(help="Design wavelength in vacuum, metres.")] = 550e-9,
    refractive_index: Annotated[float, typer.Option(help="Refractive index of the mask's material.")] = 1.46,
    ambient_index: Annotated[float, typer.Option(help="Refractive index around the mask.")] = 1.0,
    mask_pitch: Annotated[
        float | None, typer.Option(help="Size of a mask pixel, metres; recorded only.", show_default=False)
    ] = None,
    image_format: Annotated[
        list[str] | None,
        typer.Option(
            "--format", help="Also write every mask as png (phase) or csv (height); may be repeated."
        ),
    ] = None,
) -> None:
    """Write the learned phase masks of RUN for fabrication: wrapped phase (radians) and height map (metres).

    [bold]Example[/bold]: pyfdsr masks runs/mnist --out masks.npz --wavelength 550e-9 --refractive-index 1.46
    """
    from pyfdsr.optics import export_masks
    from pyfdsr.training import RunFolder, load_model

    model = load_model(RunFolder.open(run))
    written = export_masks(
        model,
        out,
        wavelength,
        refractive_index,
        mask_pitch=mask_pitch,
        formats=tuple(image_format or ()),
        ambient_index=ambient_index,
    )
    for path in written:
        console().print(f"wrote {path}", highlight=False, soft_wrap=True)
