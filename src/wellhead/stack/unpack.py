"""Takes a checked archive of the jar cache, gives the folder it was unpacked to once, never a half unpacked one."""

import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from wellhead.stack.cache import file_lock


def unpacked(root: Path, archive: Path, wanted: Callable[[str], bool] = lambda _name: True) -> Path:
    """Return the folder with the contents of a `.tar.gz` or `.zip`, unpacking it when this was not done before.

    Args:
        root: The cache folder.
        archive: What to unpack; its SHA-256 has been checked.
        wanted: Says of a zip's members which to unpack.
    """
    folder = unpacked_folder(root, archive)
    with file_lock(root / "unpacked" / ".lock"):
        if not folder.exists():
            part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".part-"))
            if archive.suffix == ".zip":
                with zipfile.ZipFile(archive) as bundle:
                    bundle.extractall(part, [*filter(wanted, bundle.namelist())])  # noqa: S202 - its SHA-256 has been checked
            else:
                _untar(archive, part)
            part.rename(folder)
    return folder


def unpacked_folder(root: Path, archive: Path) -> Path:
    """Return where an archive's contents lie once it is unpacked."""
    return (root / "unpacked").resolve() / archive.name.removesuffix(".tar.gz").removesuffix(".zip")


def _untar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as bundle:
        # The archive is checked by SHA-256; Pythons before 3.11.4 have no filter.
        bundle.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
        bundle.extractall(folder)  # noqa: S202 - as above
