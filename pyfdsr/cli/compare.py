"""``pyfdsr compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .display import console

__all__ = ["compare"]

_KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def compare(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGES...", help="Photographs.", show_default=False)
    ],
    models: Annotated[
        list[Path],
        typer.Option(help="Run folder, file or name of a network; as often as needed.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="The sheet, .png or .jpg.", show_default=False)],
    names: Annotated[
        str | None,
        typer.Option(
            help="Titles of the networks, joined by commas. Default: the names of their folders or files.",
            show_default=False,
        ),
    ] = None,
    optical: Annotated[
        Path | None,
        typer.Option(
            help="Show each network a second time on the emulated chip of this TOML file.",
            show_default=False,
        ),
    ] = None,
    match: Annotated[
        str | None,
        typer.Option(
            help="Show each network's result with its histogram matched, too: to the small input, or to the "
            "original, which a user does not have (input, original).",
            show_default=False,
        ),
    ] = None,
    close_up: Annotated[
        str | None,
        typer.Option(
            help="Show the square x,y,size (pixels of the target) of each picture enlarged, too.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        int, typer.Option(help="Side of the targets, pixels: central squares, resized. A multiple of 8.")
    ] = 256,
    threads: Annotated[
        int | None, typer.Option(help="Threads; by default all cores.", show_default=False)
    ] = None,
) -> None:
    """Make photographs small, enlarge them by networks and by interpolation, and put all on one sheet.

    A row an image: original, small input, bicubic, each network; PSNR against the original under each.

    [bold]Examples[/bold]

    [dim]pyfdsr compare lion.jpg shells.jpg --models runs/mse --models runs/feature-mge --out sheet.png[/dim]

    Electronic and optical, close up: [dim]pyfdsr compare lion.jpg --models runs/mse --optical chip.toml
    --close-up 96,64,64 --out sheet.png[/dim]
    """
    from pyfdsr._files import write_bytes_atomically
    from pyfdsr.training.threads import apply_threads

    from .failures import report_failure

    if size < 8 or size % 8:
        raise ValueError(f"--size {size}: must be a multiple of 8")
    if out.suffix.lower() not in _KINDS:
        raise ValueError(f"--out {out}: must end in {', '.join(_KINDS)}")
    square = _square(close_up)
    apply_threads(threads)
    originals = {}
    for path in images:
        try:
            originals[path] = _original(path, size)
        except OSError as error:
            report_failure(error)
    if not originals:
        raise RuntimeError("no image could be used: no sheet was written")
    networks = _networks(models, names, optical, list(originals.values()))
    titles, rows = _rows(originals, networks, match, square)
    write_bytes_atomically(out, _encoded(titles, rows, size, out))
    shown = f"{out}: {len(originals)} of {len(images)} images"
    console().print(shown, highlight=False, soft_wrap=True)
    if len(originals) < len(images):
        raise typer.Exit(1)


def _square(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    try:
        x, y, side = (int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--close-up {text}: must be three whole numbers, x,y,size") from None
    return x, y, side


def _original(path: Path, size: int) -> Any:
    """Return the central square of a photograph as bytes [size, size, 3]."""
    from pyfdsr.data.image_folder import upright_image
    from pyfdsr.data.photo_tiles import centre_square

    try:
        return centre_square(upright_image(path).convert("RGB"), size)
    except (OSError, SyntaxError, ValueError) as error:
        raise OSError(f"{path}: cannot be read ({error})") from error


def _networks(
    models: list[Path], names: str | None, optical: Path | None, originals: list[Any]
) -> dict[str, Any]:
    """Return the networks by title, each a second time where there is a chip, calibrated on the inputs."""
    import numpy as np

    from pyfdsr.chip import ChipConfig
    from pyfdsr.data import downsample_nearest
    from pyfdsr.training import calibrated, load_cnn
    from pyfdsr.training.photo_trainer import as_tensor

    titles = [path.stem for path in models] if names is None else [name.strip() for name in names.split(",")]
    if len(titles) != len(models) or len(set(titles)) < len(titles):
        raise ValueError(f"--names {','.join(titles)}: must be {len(models)} different names, one a network")
    chip = None if optical is None else ChipConfig.load(optical)
    inputs = as_tensor(downsample_nearest(np.stack(originals).transpose(0, 3, 1, 2), 8))
    networks = {}
    for title, path in zip(titles, models, strict=True):
        networks[title] = load_cnn(path).eval()
        if chip is not None:
            networks[f"{title} + optical"] = calibrated(load_cnn(path, True, chip), inputs).eval()
    return networks


def _rows(
    originals: dict[Path, Any],
    networks: dict[str, Any],
    match: str | None,
    square: tuple[int, int, int] | None,
) -> tuple[list[str], list[list[Any]]]:
    """Return the column titles and one or two rows an image."""
    from pyfdsr.report.comparison_sheet import Panel, close_ups
    from pyfdsr.training.photo_comparison import compared, decibels

    titles, rows = [], []
    for path, original in originals.items():
        found = compared(original, networks, match=match)
        row = []
        for name, picture in found.items():
            if name == "original":
                caption = path.stem[:24]
            elif picture.shape != original.shape:
                caption = f"{picture.shape[1]}x{picture.shape[0]}"
            else:
                caption = f"{decibels(picture, original):.2f} dB"
            row.append(Panel(picture, caption))
        titles = [name.replace(" + ", "\n+ ") for name in found]
        rows += [row] if square is None else [row, close_ups(row, *square)]
    return titles, rows


def _encoded(titles: list[str], rows: list[list[Any]], panel: int, out: Path) -> bytes:
    """Return the sheet as a file of the kind that the name of `out` asks for."""
    import io

    from pyfdsr.report.comparison_sheet import comparison_sheet

    buffer = io.BytesIO()
    sheet = comparison_sheet(titles, rows, max(panel, 192))
    sheet.save(buffer, _KINDS[out.suffix.lower()], quality=90, optimize=True)
    return buffer.getvalue()
