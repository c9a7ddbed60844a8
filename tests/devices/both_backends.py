"""One computation by the compiled core and by another backend."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pyfdsr import backends
from tolerances import allowed


def random(*shape: int, dtype: torch.dtype = torch.complex128, seed: int = 0) -> Tensor:
    """Normal values that depend on the seed alone."""
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def assert_adjoint(there: tuple[Tensor, Tensor], back: tuple[Tensor, Tensor]) -> None:
    """Fail unless the inner products of two pairs agree, relative to the norms of the first."""
    products = [torch.vdot(a.flatten(), b.flatten()) for a, b in (there, back)]
    scale = there[0].norm() * there[1].norm()
    assert (products[0] - products[1]).abs() <= allowed("adjointness", there[0].dtype) * scale


OTHER = "torch"
"""Which backend is held against the core."""


def both(run: Callable[..., Tensor | Sequence[Tensor]], *inputs: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Results and gradients of ``run(*inputs)``, first by another backend, then by the core."""
    found = []
    for name in (OTHER, "core"):
        with backends.forced(name):
            out = run(*inputs)
            out = [out] if isinstance(out, Tensor) else list(out)
            wanted = [tensor for tensor in inputs if tensor.requires_grad]
            driven = [tensor for tensor in out if tensor.requires_grad]
            if wanted:
                v = [random(*tensor.shape, dtype=tensor.dtype, seed=1) for tensor in driven]
                out += torch.autograd.grad(driven, wanted, v)
            found.append(out)
    return found[0], found[1]
