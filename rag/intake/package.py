"""Zip container -> its parts, within bounds that no bomb passes. Nothing is written to the disk."""

import io
import re
import zipfile

from lxml import etree  # type: ignore[import-untyped]

from rag.errors import IntakeError
from rag.intake.unseen import Element, local

_MOST_PARTS = 20_000
_MOST_BYTES = 300_000_000  # of all parts, unpacked
_BIG, _MOST_RATIO = 10_000_000, 200
_XML = re.compile(r"\.(?:xml|rels|opf|ncx|x?html?)$", re.IGNORECASE)


class Package:
    """A zip container whose sizes have been checked before anything of it is unpacked.

    Raises:
        IntakeError: it is no whole container, too large when unpacked, or under a password.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            msg = "is damaged and cannot be unpacked; save it again."
            raise IntakeError(msg) from error
        self._check()
        self.names = frozenset(self._zip.namelist())

    def _check(self) -> None:
        parts = self._zip.infolist()
        swollen = any(
            part.file_size > max(_BIG, _MOST_RATIO * part.compress_size) for part in parts
        )
        if swollen or len(parts) > _MOST_PARTS or sum(p.file_size for p in parts) > _MOST_BYTES:
            msg = "would unpack to far more than it is; it is not taken."
            raise IntakeError(msg)
        if any(part.flag_bits & 1 for part in parts):
            msg = "is protected by a password; save it without one."
            raise IntakeError(msg)

    def part(self, name: str) -> bytes:
        """Return a part by its name; b"" where there is none.

        Raises:
            IntakeError: the part is damaged.
        """
        if name not in self.names:
            return b""
        try:
            return self._zip.read(name)
        except Exception as error:  # zipfile raises whatever its decompressors do
            msg = "is damaged and cannot be unpacked; save it again."
            raise IntakeError(msg) from error

    def tree(self, name: str) -> Element | None:
        """Return the root of a part in XML, its entities unread; None where there is none."""
        data = self.part(name)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            return etree.fromstring(data, parser) if data else None
        except etree.XMLSyntaxError as error:
            msg = "is damaged: a part of it is no XML; save it again."
            raise IntakeError(msg) from error

    def declares_types(self) -> bool:
        """Say whether a part in XML declares a document type, where entities may be hidden."""
        return any(
            b"<!DOCTYPE" in self.part(name).replace(b"\0", b"")
            for name in self.names
            if _XML.search(name)
        )


def texts(root: Element | None, name: str) -> list[str]:
    """Return the texts of the elements of this name, without their namespaces, in order."""
    if root is None:
        return []
    found = (element for element in root.iter() if local(element) == name)
    return [text for element in found if (text := " ".join((element.text or "").split()))]
