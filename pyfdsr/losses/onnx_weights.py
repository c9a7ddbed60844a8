"""Weights of the convolutions in an ONNX file, read without the package onnx.

An ONNX file is one protobuf message: fields, each a number and a wire type, of which length-delimited ones
hold text, bytes or messages again. Only what leads to the weights is looked at; nothing is executed.

References
----------
https://protobuf.dev/programming-guides/encoding/ (wire format); https://github.com/onnx/onnx,
``onnx/onnx.proto`` (numbers of the fields).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

__all__ = ["convolution_weights"]

# Field numbers of onnx.proto.
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_NODE_INPUT, _NODE_OPERATOR = 1, 4
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_FLOAT = 1


def _number(content: memoryview, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte; return it and where it ends."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message: number, and value or bytes."""
    at = 0
    while at < len(content):
        key, at = _number(content, at)
        kind = key & 7
        if kind == 0:
            value, at = _number(content, at)
        else:
            if kind == 2:
                length, at = _number(content, at)
            elif kind in (1, 5):
                length = 8 if kind == 1 else 4
            else:
                raise ValueError(f"wire type {kind} is not one of protobuf's")
            if at + length > len(content):
                raise ValueError("a field reaches beyond the end")
            value, at = content[at : at + length], at + length
        yield key >> 3, value


def _tensor(content: memoryview) -> tuple[str, np.ndarray | None]:
    """Read an initialiser: its name and, if it is float32 in raw bytes, its values."""
    shape, name, kind, raw = [], "", 0, None
    for number, value in _fields(content):
        if number == _TENSOR_DIMS:
            if isinstance(value, int):
                shape.append(value)
            else:  # packed
                at = 0
                while at < len(value):
                    side, at = _number(value, at)
                    shape.append(side)
        elif number == _TENSOR_NAME:
            name = bytes(value).decode()
        elif number == _TENSOR_TYPE:
            kind = value
        elif number == _TENSOR_RAW:
            raw = value
    if kind != _FLOAT or raw is None:
        return name, None
    return name, np.frombuffer(raw, "<f4").reshape(shape)


def convolution_weights(path: str | os.PathLike[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return weight and bias of every convolution of a network, in the order of the file.

    Parameters
    ----------
    path : path

    Returns
    -------
    list of (float32 array [O, I, kh, kw], float32 array [O])

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no ONNX file or damaged, or holds no convolution with weights of its own.
    """
    with open(path, "rb") as file:
        content = memoryview(file.read())
    try:
        tensors, convolutions = {}, []
        for number, graph in _fields(content):
            if number != _MODEL_GRAPH:
                continue
            for part, value in _fields(graph):
                if part == _GRAPH_INITIALIZER:
                    name, tensor = _tensor(value)
                    tensors[name] = tensor
                elif part == _GRAPH_NODE:
                    node = [
                        (n, bytes(v).decode())
                        for n, v in _fields(value)
                        if n in (_NODE_INPUT, _NODE_OPERATOR)
                    ]
                    if (_NODE_OPERATOR, "Conv") in node:
                        convolutions.append([text for n, text in node if n == _NODE_INPUT])
    except (IndexError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: is no ONNX file, or damaged ({error})") from error
    found = []
    for inputs in convolutions:
        if len(inputs) == 3 and tensors.get(inputs[1]) is not None and tensors.get(inputs[2]) is not None:
            found.append((tensors[inputs[1]], tensors[inputs[2]]))
    if not found:
        raise ValueError(f"{path}: holds no convolution with weight and bias in the file")
    return found
