"""The same network written with other libraries, for comparison in the same process."""

from __future__ import annotations

from bench.implementation import Implementation
from bench.peers import matmul, plain, pyfftw_rows, tuned

PEERS: dict[str, Implementation] = {
    "plain": Implementation("plain PyTorch, as the paper describes it", plain.PlainNetwork),
    "plain-cropped": Implementation("plain PyTorch, Kerr on the window only", plain.CroppedNetwork),
    "tuned": Implementation("tuned PyTorch, needed rows and columns only", tuned.TunedNetwork),
    "matmul": Implementation("PyTorch, complex matrix Fourier transform", matmul.MatrixNetwork),
    "pyfftw": Implementation("pyFFTW on the needed rows and columns", pyfftw_rows.RowsNetwork),
}

__all__ = ["PEERS"]
