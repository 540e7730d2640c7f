"""Files that may hold what people have said: readable by their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def keep_private(path: Path) -> None:
    """Makes the file, or takes the one that is there, and shuts it to others before anything is written. Raises OSError.

    Only a plain file: `/dev/null` and `/dev/stdout` keep their mode.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        plain = stat.S_ISREG(os.fstat(handle).st_mode)
    finally:
        os.close(handle)
    if plain:
        path.chmod(0o600)
