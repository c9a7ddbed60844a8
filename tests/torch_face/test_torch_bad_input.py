"""What the functions refuse, and that the message names argument, value and rule."""

import pytest
import torch

from pyfdsr import functional as F
from pyfdsr import nn
from pyfdsr.nonlinearity import Kerr

FIELD = torch.ones(2, 6, 6, dtype=torch.complex64)
PHASE = torch.ones(5, 5)
PHASES = torch.ones(3, 5, 5)

CASES = {
    "array": (
        lambda: F.windowed_dft(FIELD.numpy(), 18, 5),
        TypeError,
        "field is a ndarray: must be a torch.Tensor",
    ),
    "integer": (
        lambda: F.windowed_dft(FIELD.real.long(), 18, 5),
        TypeError,
        "field has dtype torch.int64: must be real",
    ),
    "device": (
        lambda: F.four_f(FIELD.to("meta"), torch.zeros(5, 5), 18),
        ValueError,
        "phase is on device cpu and field on meta: all tensors of a call must be on one device",
    ),
    "sparse": (
        lambda: F.windowed_dft(FIELD.to_sparse(), 18, 5),
        TypeError,
        "field has layout torch.sparse_coo",
    ),
    "one axis": (
        lambda: F.windowed_dft(FIELD[0, 0], 18, 5),
        ValueError,
        r"field has shape \(6,\): must have at least two",
    ),
    "empty axis": (
        lambda: F.windowed_dft(FIELD[:, :0], 18, 5),
        ValueError,
        r"field has shape \(2, 0, 6\): .* not be empty",
    ),
    "band": (
        lambda: F.windowed_dft(FIELD, 18, 19),
        ValueError,
        r"band=\(19, 19\): must not be larger than grid=\(18",
    ),
    "window": (
        lambda: F.windowed_dft(FIELD, 5, 3),
        ValueError,
        r"field's last two axes=\(6, 6\): must not be larger",
    ),
    "spectrum": (lambda: F.windowed_idft(FIELD, 5, 3), ValueError, r"spectrum's last two axes=\(6, 6\)"),
    "support": (
        lambda: F.windowed_idft(FIELD, 18, (3, 20)),
        ValueError,
        r"support=\(3, 20\): must not be larger",
    ),
    "zero band": (lambda: F.windowed_dft(FIELD, 18, 0), ValueError, "band=0: must be at least 1"),
    "no band": (
        lambda: F.windowed_dft(FIELD, 18, None),
        ValueError,
        "band=None: the size of the result must be given",
    ),
    "no support": (lambda: F.windowed_idft(FIELD, 18, None), ValueError, "support=None: the size of the"),
    "real band": (lambda: F.windowed_dft(FIELD, 18, 5.0), TypeError, "band=5.0: must be an integer"),
    "three sizes": (
        lambda: F.windowed_dft(FIELD, 18, (5, 5, 5)),
        ValueError,
        r"band=\(5, 5, 5\): must be an integer or a pair",
    ),
    "boolean": (lambda: F.windowed_dft(FIELD, True, 1), TypeError, "grid=True: must be a real number"),
    "negative grid": (lambda: F.windowed_dft(FIELD, -18, 5), ValueError, "grid=-18: must be greater than 0"),
    "infinite grid": (lambda: F.windowed_dft(FIELD, float("inf"), 5), ValueError, "grid=inf: must be finite"),
    "no grid": (lambda: F.four_f(FIELD, PHASE), ValueError, "grid=None"),
    "no mask": (lambda: F.four_f(FIELD, grid=18), ValueError, "exactly one of phase and transfer"),
    "two masks": (
        lambda: F.four_f(FIELD, PHASE, 18, transfer=FIELD),
        ValueError,
        "exactly one of phase and transfer",
    ),
    "complex phase": (
        lambda: F.four_f(FIELD, FIELD[0], 18),
        TypeError,
        "phase has dtype torch.complex64: must be real",
    ),
    "real transfer": (
        lambda: F.four_f(FIELD, transfer=PHASE, grid=18),
        TypeError,
        "transfer has dtype torch.float32: must be complex",
    ),
    "batches": (
        lambda: F.four_f(FIELD, PHASES, 18),
        ValueError,
        r"phase has leading axes \(3,\): .* those of the field, \(2,\)",
    ),
    "aperture": (
        lambda: F.four_f(FIELD, PHASE, 18, aperture=torch.ones(4, 5)),
        ValueError,
        r"aperture has shape \(4, 5\): must be \(5, 5\)",
    ),
    "apertures": (
        lambda: F.four_f_stack(FIELD, PHASES, 18, None, aperture=torch.ones(4, 5, 5)),
        ValueError,
        "1 <= K <= 3",
    ),
    "complex aperture": (
        lambda: F.four_f(FIELD, PHASE, 18, aperture=1j * PHASE),
        TypeError,
        "aperture has dtype torch.complex64",
    ),
    "boolean aperture": (
        lambda: F.four_f(FIELD, PHASE, 18, aperture=PHASE > 0),
        TypeError,
        "aperture has dtype torch.bool: must be real floating",
    ),
    "integer aperture": (
        lambda: F.four_f_stack(FIELD, PHASES, 18, None, aperture=PHASE.numpy().astype(int)),
        TypeError,
        "aperture has dtype torch.int64: must be real floating",
    ),
    "text as aperture": (
        lambda: F.four_f(FIELD, PHASE, 18, aperture="x"),
        TypeError,
        "aperture='x': must be a tensor or an array",
    ),
    "trained aperture": (
        lambda: F.four_f(FIELD, PHASE, 18, aperture=PHASE.clone().requires_grad_()),
        ValueError,
        "aperture requires a gradient",
    ),
    "one phase": (
        lambda: F.four_f_stack(FIELD, PHASE, 18, None),
        ValueError,
        r"phases has shape \(5, 5\): must be \(L, My, Mx\)",
    ),
    "no layers": (lambda: F.four_f_stack(FIELD, PHASES[:0], 18, None), ValueError, "at least one layer"),
    "specs": (
        lambda: F.four_f_stack(FIELD, PHASES, 18, [Kerr(1.0)]),
        ValueError,
        "nonlinearity has 1 entries",
    ),
    "no spec": (lambda: F.nonlinear(FIELD, 4.0), TypeError, "nonlinearity=4.0"),
    "strengths": (lambda: F.kerr(FIELD, torch.ones(2)), ValueError, r"strength has shape \(2,\)"),
    "nan strength": (lambda: F.kerr(FIELD, float("nan")), ValueError, "strength=nan"),
    "saturation": (
        lambda: F.saturable_absorber(FIELD, 1.0, -1.0),
        ValueError,
        "saturation=-1.0: must be greater than 0",
    ),
    "pitch": (
        lambda: F.propagate(FIELD, 1e-3, -4e-6, 5e-7),
        ValueError,
        "pitch=-4e-06: must be greater than 0",
    ),
    "wavelength": (
        lambda: F.propagate(FIELD, 1e-3, 4e-6, 0.0),
        ValueError,
        "wavelength=0.0: must be greater than 0",
    ),
    "distance": (
        lambda: F.propagate(FIELD, float("nan"), 4e-6, 5e-7),
        ValueError,
        "distance=nan: must be finite",
    ),
    "pad factor": (
        lambda: F.propagate(FIELD, 1e-3, 4e-6, 5e-7, pad_factor=0.5),
        ValueError,
        "pad_factor=0.5: must be 1 or greater",
    ),
    "module band": (lambda: nn.FourF(19, 18), ValueError, r"band=\(19, 19\): must not be larger"),
    "module support": (lambda: nn.FourF(8, 18, 19), ValueError, r"support=\(19, 19\): must not be larger"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str) -> None:
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
