"""One ``torch.autograd.Function`` per operator of the core, and its registration for ``torch.compile``.

Arguments are taken as valid: :mod:`pyfdsr.functional` checks, broadcasts and casts them.
"""

from .bridge import CallbackAddresses, Geometry
from .four_f_stack import FourFStack, four_f_stack
from .nonlinearity import Nonlinearity, nonlinearity
from .windowed_dft import WindowedDft, windowed_dft

__all__ = [
    "CallbackAddresses",
    "FourFStack",
    "Geometry",
    "Nonlinearity",
    "WindowedDft",
    "four_f_stack",
    "nonlinearity",
    "windowed_dft",
]
