"""The machine on which something was measured."""

import os
import platform
from pathlib import Path

from cellseg.engine.process import cores

_INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")


def machine():
    """Describe it.

    Returns
    -------
    dict
        Keys ``processor``, ``instructions`` (those for vectors and bfloat16), ``cores``, ``memory_gib``, ``system`` and
        ``load``, the system's load average of the last minute.
    """
    info = _processor_info()
    flags = info.get("flags", info.get("Features", "")).split()
    return {
        "processor": info.get("model name") or platform.processor() or platform.machine(),
        "instructions": [name for name in _INSTRUCTIONS if name in flags],
        "cores": cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 2),
    }


def _processor_info():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = [line.partition(":") for line in lines]
    return {name.strip(): value.strip() for name, _, value in reversed(pairs)}
