"""Files <-> one .tar.gz with a checksum of each; nothing in it is believed before it is checked.

Its first member lists the others with sizes and checksums, so that a reader knows beforehand what
is to come. Knows nothing of shelves.
"""

import gzip
import hashlib
import io
import json
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import MentorError

FORM = 1  # of the list, and of what the names mean: raise it when they change
_LIST = "contents.json"
_LIST_BYTES = 64_000_000  # half a million names
_CHUNK = 1 << 20  # the most that is read at once, and the longest header that is taken
_PART = r"(?!\.{1,2}(?:/|$))[^/\\\x00-\x1f]{1,255}"
_NAME = re.compile(rf"{_PART}(?:/{_PART}){{1,8}}|settings\.txt")
_DAMAGE = (
    tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError, ValueError, KeyError, TypeError,
    AttributeError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """What the list says of a file."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds: facts about it, and its files by name, such as "shelf/README.md"."""

    about: Mapping[str, str]
    files: Mapping[str, Entry]


def pack(archive: Path, files: Mapping[str, Path], about: Mapping[str, str]) -> Contents:
    """Write files to a new archive under the names given, in their order.

    Raises:
        MentorError: a file has a name that cannot be kept, or was changed while it was read.
        OSError: the disk gives or takes no more; the unfinished archive is left.
    """
    for name in files:
        if not _NAME.fullmatch(name):
            msg = f"{name!r}: such a name cannot be kept in a backup; rename that file."
            raise MentorError(msg)
    contents = Contents(dict(about), {name: _entry(path) for name, path in files.items()})
    with (
        gzip.open(archive, "xb", compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        text = _listed(contents)
        tar.addfile(_member(_LIST, len(text)), io.BytesIO(text))
        for name, path in files.items():
            _add(tar, name, path, contents.files[name])
    return contents


def _add(tar: tarfile.TarFile, name: str, path: Path, entry: Entry) -> None:
    """Add a file as it was when it was listed. Raises MentorError where it is not any more."""
    with path.open("rb") as file:
        try:
            tar.addfile(_member(name, entry.bytes), file)
        except OSError as error:
            if error.errno is not None:
                raise
            is_same = False  # it has become shorter
        else:
            is_same = _entry(path) == entry
    if not is_same:
        msg = f"{path}: was changed while it was read; run the same command again."
        raise MentorError(msg)


def unpack(archive: Path, into: Path) -> Contents:
    """Write every file below the folder `into`, which is empty, and check it against the list.

    Only plain files are taken, only under names that stay inside, and no more than there is room.

    Raises:
        MentorError: it is damaged, or no archive of this kind. What was written is to be thrown
            away.
        OSError: it cannot be read, or the disk takes no more.
    """
    try:
        with gzip.open(archive, "rb") as packed, _opened(packed) as tar:
            contents = _contents(tar)
            _need_room(into, contents)
            missing = dict(contents.files)
            while member := tar.next():
                _write(tar, member, into, missing.pop(member.name, None))
            _end(packed)
    except _DAMAGE as error:
        msg = (
            f"{archive}: is not a whole backup of Mentor ({error}); nothing was changed. "
            "Take another copy of it."
        )
        raise MentorError(msg) from error
    if missing:
        msg = f"{archive}: lacks {min(missing)}; nothing was changed. Take another copy of it."
        raise MentorError(msg)
    return contents


class _Wary:
    """A file that gives no more than a little at a time: a header may claim any length."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes. Raises ValueError where that is too many."""
        if not 0 <= size <= _CHUNK:
            msg = f"a part of {size} bytes"
            raise ValueError(msg)
        return self._file.read(size)

    def seek(self, offset: int) -> int:
        """Go to an offset."""
        return self._file.seek(offset)

    def tell(self) -> int:
        """Return the offset."""
        return self._file.tell()


def _opened(packed: gzip.GzipFile) -> tarfile.TarFile:
    wary: Any = _Wary(packed)
    return tarfile.open(fileobj=wary, mode="r:")


def _contents(tar: tarfile.TarFile) -> Contents:
    """Read the list, which comes first. Raises one of `_DAMAGE`."""
    member = tar.next()
    if member is None or member.name != _LIST or not 0 < member.size <= _LIST_BYTES:
        msg = f"it does not begin with {_LIST}"
        raise ValueError(msg)
    told = json.loads(b"".join(_read(tar, member)))
    if told["form"] != FORM:
        msg = f"its form is {told['form']!r} and this version of Mentor reads {FORM}"
        raise ValueError(msg)
    about = {str(name): str(value) for name, value in told["about"].items()}
    files = {_safe(name): Entry(*_sized(entry)) for name, entry in told["files"].items()}
    return Contents(about, files)


def _sized(told: Mapping[str, Any]) -> tuple[int, str]:
    size = told["bytes"]
    if not isinstance(size, int) or size < 0:
        msg = f"a file of {size!r} bytes"
        raise ValueError(msg)
    return size, str(told["sha256"])


def _safe(name: str) -> str:
    if not _NAME.fullmatch(name):
        msg = f"it names {name[:80]!r}"
        raise ValueError(msg)
    return name


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path, entry: Entry | None) -> None:
    """Write a member of the list, which `entry` says, below a folder. Raises ValueError."""
    plain = member.type == tarfile.REGTYPE and not member.issparse()
    if entry is None or not plain or member.size != entry.bytes:
        msg = f"{member.name[:80]!r} is not as it is listed"
        raise ValueError(msg)
    path = into / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for part in _read(tar, member):
            digest.update(part)
            file.write(part)
    if digest.hexdigest() != entry.sha256:
        msg = f"{member.name!r} is damaged"
        raise ValueError(msg)


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    file = tar.extractfile(member)
    while file and (part := file.read(_CHUNK)):
        yield part


def _end(packed: gzip.GzipFile) -> None:
    """Read on to the end, where gzip has a checksum of all. Raises ValueError where more comes."""
    packed.read(_CHUNK)
    if packed.read(1):
        msg = "more follows its end"
        raise ValueError(msg)


def _need_room(into: Path, contents: Contents) -> None:
    """Raise MentorError where the files, and half as much again, find no room."""
    needed = sum(entry.bytes for entry in contents.files.values()) * 3 // 2
    free = shutil.disk_usage(into).free
    if needed > free:
        msg = f"{into.parent} has {free:,} bytes free and the backup needs {needed:,}; free some."
        raise MentorError(msg)


def _entry(path: Path) -> Entry:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Entry(file.tell(), digest)


def _listed(contents: Contents) -> bytes:
    files = {
        name: {"bytes": entry.bytes, "sha256": entry.sha256}
        for name, entry in contents.files.items()
    }
    return json.dumps({"form": FORM, "about": contents.about, "files": files}, indent=1).encode()


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member
