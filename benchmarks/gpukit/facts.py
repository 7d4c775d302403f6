"""What machine a figure was measured on."""

import datetime
import importlib.util
import os
import platform
import subprocess
import sys
from typing import Any

import numpy as np
import torch

OPTIONAL = (
    "sgfmill",
    "msgspec",
    "platformdirs",
    "tqdm",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "torchvision",
    "triton",
    "numba",
    "pytest",
    "hypothesis",
)


def missing() -> list[str]:
    """Packages that the project can use and that are not here."""
    return [name for name in OPTIONAL if not there(name)]


def there(name: str) -> bool:
    """Whether a package can be imported, as far as can be told without doing so."""
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def driver() -> str | None:
    """The version of NVIDIA's driver, None where that cannot be learnt."""
    try:
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=True
        ).stdout
        return answer.splitlines()[0].strip() or None
    except (OSError, subprocess.SubprocessError, IndexError):
        return None


def machine(device: torch.device) -> dict[str, Any]:
    """The device and the versions of what matters, for a figure's record. Bytes and GB are powers
    of ten."""
    facts: dict[str, Any] = {
        "device": device.type,
        "name": f"CPU, {torch.get_num_threads()} threads" if device.type == "cpu" else device.type,
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "cores": os.cpu_count(),
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        facts |= {
            "name": properties.name,
            "memory_gb": round(properties.total_memory / 1e9, 1),
            "multiprocessors": properties.multi_processor_count,
            "capability": f"{properties.major}.{properties.minor}",
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "driver": driver(),
            "bf16": torch.cuda.is_bf16_supported(including_emulation=False),
        }
    return facts
