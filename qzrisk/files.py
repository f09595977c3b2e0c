"""Files are written whole or not at all: a temporary name beside the target, fsync, rename."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qzrisk.errors import ConfigError

_MEND = {
    errno.ENOSPC: "free some space or choose another folder with --out",
    errno.EDQUOT: "free some space or choose another folder with --out",
    errno.EACCES: "ask for write permission or choose another folder with --out",
    errno.EPERM: "ask for write permission or choose another folder with --out",
    errno.EROFS: "the disk is read-only: choose another folder with --out",
    errno.ENOTDIR: "a file stands where a folder is needed: choose another folder with --out",
    errno.EEXIST: "a file stands where a folder is needed: choose another folder with --out",
    errno.ENOENT: "the folder cannot be made there: choose another one with --out",
    errno.EFBIG: "the disk cannot hold a file that large: choose another folder with --out",
    errno.EIO: "free some space or check the disk, then try again",
}


WRITE_FAULT = "cannot write the file"


def disk_error(path: Path, error: OSError) -> ConfigError:
    """Explain an operating-system error on `path` in one sentence with a way out."""
    return ConfigError(
        WRITE_FAULT,
        where=str(path),
        got=error.strerror or str(error),
        mend=_MEND.get(error.errno or 0, "close programs that hold the file open, then try again"),
    )


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to; on success it becomes `path`, on failure it vanishes.

    Parameters
    ----------
    path : path
        The final file; its folder is created. The temporary name keeps the suffix, since drivers
        choose formats by it.

    Yields
    ------
    Path
        Where the caller writes.

    Raises
    ------
    ConfigError
        If the disk refuses (permission, space, a file where a folder is due).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole", encoding="utf-8")
    ...     (Path(folder) / "a.txt").read_text(encoding="utf-8")
    'whole'
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        # Writable handle: Windows refuses to flush a read-only one.
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        # SQLite may leave a journal, GDAL an .aux.xml, beside the temporary file.
        pattern = f"{glob.escape(temporary.name)}*"
        for left in path.parent.glob(pattern) if path.parent.is_dir() else ():
            left.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text with Unix line ends, whole or not at all."""
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write bytes, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, as hexadecimal text."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
