"""Training of the networks: configuration, deterministic loop, run folders, checkpoints, evaluation.

Members load on first use, so that reading a run folder's configuration does not import torch.
"""

from importlib import import_module

_MEMBERS = {
    "CheckpointError": "checkpoint",
    "ClassificationScores": "classification",
    "Evaluation": "evaluation",
    "HardwareAwareTraining": "hardware_aware",
    "ImageBatches": "batches",
    "PhotoTrainer": "photo_trainer",
    "PhotoTrainingConfig": "photo_config",
    "RunFolder": "run_folder",
    "RunFolderError": "run_folder",
    "Trainer": "trainer",
    "TrainingConfig": "config",
    "TrainingDiverged": "trainer",
    "TrainingInterrupted": "trainer",
    "WorkerLost": "distributed",
    "build_model": "build",
    "calibrated": "photo_trainer",
    "evaluate": "evaluation",
    "evaluate_classifier": "classification",
    "load_cnn": "photo_trainer",
    "load_model": "build",
    "parse_nonlinearity": "config",
    "score_photos": "photo_scores",
    "require": "optional",
}

__all__ = sorted(_MEMBERS)


def __getattr__(name):
    if name not in _MEMBERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MEMBERS[name]}"), name)


def __dir__():
    return __all__
