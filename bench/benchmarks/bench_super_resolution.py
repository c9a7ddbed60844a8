"""The super-resolution CNN: inference in PyTorch, with pyfdsr and on the chip, and a step of training."""

from __future__ import annotations

from bench.case import quick

from .geometries import THREADS

SIZE = 16 if quick() else 256
NAMES = ["pyfdsr", "torch", "torch, channels_last", "pyfdsr, chip"]


class Inference:
    """One image, eight times as high and wide."""

    params = (NAMES, THREADS)
    param_names = ("implementation", "threads")

    def setup(self, name: str, threads: int) -> None:
        import torch

        import pyfdsr
        from bench.super_resolution import implementations

        torch.set_num_threads(threads)
        pyfdsr.set_num_threads(threads)
        self.call, self.inference_mode = implementations(SIZE)[name], torch.inference_mode
        self.time_inference()

    def time_inference(self, *_: object) -> None:
        with self.inference_mode():
            self.call()

    def peakmem_inference(self, *_: object) -> None:
        self.time_inference()


class Training:
    """Gradient of a batch of four images, 32² to 256²."""

    params = (["pyfdsr", "torch", "torch, channels_last"], THREADS)
    param_names = ("implementation", "threads")

    def setup(self, name: str, threads: int) -> None:
        import torch

        import pyfdsr
        from bench.super_resolution import networks

        torch.set_num_threads(threads)
        pyfdsr.set_num_threads(threads)
        self.network = networks()[name].train()
        self.images = torch.rand(4, 3, SIZE // 8, SIZE // 8)
        if name.endswith("last"):
            self.images = self.images.contiguous(memory_format=torch.channels_last)

    def time_forward_backward(self, *_: object) -> None:
        self.network(self.images).square().mean().backward()
