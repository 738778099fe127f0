"""Model packs of insightface: where they lie, and how they get there when somebody asks."""

import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError
from urllib.request import urlopen

from tqdm import tqdm

from avfuse.errors import InputError

PACK = "buffalo_l"
"""The pack that insightface takes by default: detection, landmarks, recognition; 0.3 GB."""

RELEASE = "https://github.com/deepinsight/insightface/releases/download/model-zoo"
"""Where insightface publishes its packs, one zip file each."""

LICENCE = "for non-commercial research only"
"""What insightface lets its models be used for; its code, which holds none, is under MIT."""

_BLOCK = 1 << 20  # bytes a read
_PATIENCE = 30.0  # seconds without a byte until the connection is given up


def pack_folder(pack: str = PACK, root: Path | None = None) -> Path:
    """Where a pack lies, whether it is there or not: `<root>/models/<pack>`.

    Args:
        pack: its name.
        root: None takes `~/.insightface`, as insightface does.

    Raises:
        InputError: the name is a path or holds other signs.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", pack):
        raise InputError(f"{pack!r} is no name of a model pack; give one such as {PACK}")
    return (root or Path("~/.insightface")).expanduser() / "models" / pack


def is_installed(folder: Path) -> bool:
    """Whether a pack's folder holds models: files of its own, or a manifest that names them."""
    return any(folder.glob("*.onnx")) or (folder / "manifest.json").is_file()


def install(
    pack: str = PACK, root: Path | None = None, *, quiet: bool = False, release: str = RELEASE
) -> Path:
    """Download a pack, unless it is there already. It appears whole or not at all.

    Prints the licence before anything is downloaded.

    Args:
        pack: its name: `buffalo_l`, `buffalo_m`, `buffalo_s` or `antelopev2`; `buffalo_sc` and
            `raccoon_l` have no landmarks.
        root: its folder is `<root>/models/<pack>`; None takes `~/.insightface`.
        quiet: no progress bar, no licence.
        release: URL of the folder that holds `<pack>.zip`.

    Returns:
        The pack's folder.

    Raises:
        InputError: no such pack, a download that breaks off, a file that is no pack, or a folder
            that cannot be written.
    """
    folder = pack_folder(pack, root)
    if is_installed(folder):
        return folder
    url = f"{release}/{pack}.zip"
    if not quiet:
        print(f"{url}: models of insightface, {LICENCE}", flush=True)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            folder.rmdir()  # where it is not empty, somebody else's files are in it
        with tempfile.TemporaryDirectory(prefix=f".{pack}.", dir=folder.parent) as scratch:
            archive, unpacked = Path(scratch) / "pack.zip", Path(scratch) / "pack"
            _download(url, archive, quiet=quiet)
            _unpack(archive, unpacked, url)
            _models_in(unpacked, url).rename(folder)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{folder}: cannot be made ({reason}); choose another root") from error
    return folder


def _download(url: str, path: Path, *, quiet: bool) -> None:
    bar = tqdm(unit="B", unit_scale=True, leave=False, disable=quiet or None)  # None: no terminal
    with bar, path.open("wb") as file:
        for block, length in _received(url):
            bar.total = length
            bar.update(file.write(block))


def _received(url: str) -> Iterator[tuple[bytes, int]]:
    """What the server sends, block by block, each with the number of bytes that it announced."""
    got = length = 0
    try:
        with urlopen(url, timeout=_PATIENCE) as answer:
            length = int(answer.headers.get("Content-Length", 0))
            while block := answer.read(_BLOCK):
                got += len(block)
                yield block, length
    except HTTPError as error:
        raise InputError(f"{url}: {error.code} {error.reason}; is that the pack's name?") from error
    except (OSError, HTTPException) as error:
        raise InputError(f"{url}: cannot be downloaded ({error}); try again") from error
    if got < length:  # read() says nothing when a connection ends early
        raise InputError(f"{url}: broke off after {got} of {length} bytes; try again")


def _unpack(archive: Path, folder: Path, url: str) -> None:
    folder.mkdir()
    try:
        with zipfile.ZipFile(archive) as zipped:
            for name in map(PurePosixPath, zipped.namelist()):
                if name.is_absolute() or ".." in name.parts:
                    raise InputError(f"{url}: {name} would lie outside its folder; not unpacked")
            zipped.extractall(folder)
    # RuntimeError: encrypted, or compressed in an unknown way.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise InputError(f"{url}: no zip file, or a damaged one; try again") from error


def _models_in(folder: Path, url: str) -> Path:
    """The folder itself, or one within it: the zip of antelopev2 holds one more folder."""
    for candidate in (folder, *sorted(folder.iterdir())):
        if is_installed(candidate):
            return candidate
    raise InputError(f"{url}: holds no ONNX models")
