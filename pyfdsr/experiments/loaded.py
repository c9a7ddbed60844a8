"""What the process loads from which workers are forked."""

import safetensors.torch  # noqa: F401
import torch._dynamo  # noqa: F401 - which the first optimiser of a process would load, for seconds

import pyfdsr.training.image_sets
import pyfdsr.training.run_folder
import pyfdsr.training.trainer  # noqa: F401
