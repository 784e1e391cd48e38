"""The setting that names a vector store -> an Engine, opened once a process."""

from functools import cache

from rag.errors import StoreError
from rag.store import ChromaServer
from rag.vectors import Engine

_PORTS = {"chroma": 8000, "qdrant": 6333}


@cache
def open_engine(address: str, key: str) -> Engine | None:
    """Return the store of an address as `Settings.store` takes it, None for "".

    Raises:
        StoreError: it is no such address, or a folder that another process has open.
        MissingModelError: the library for it is not installed.
    """
    if not address:
        return None
    scheme, _, rest = address.partition("://")
    kind, secure = scheme.removesuffix("s"), scheme.endswith("s")
    host, _, port = rest.strip("/").partition(":")
    if kind == "qdrant" and rest.startswith("/"):
        return _qdrant("", key, folder=rest)
    if kind not in _PORTS or not host or not (port or "1").isdigit():
        msg = f"MENTOR_STORE: '{scheme}://…' is none of chroma://HOST:PORT and qdrant://HOST:PORT."
        raise StoreError(msg)
    number = int(port or _PORTS[kind])
    if kind == "chroma":
        return ChromaServer(host, number, key, secure=secure)
    return _qdrant(f"{'https' if secure else 'http'}://{host}:{number}", key)


def _qdrant(address: str, key: str, *, folder: str = "") -> Engine:
    from rag.qdrant import Qdrant  # an extra

    return Qdrant(address, key, folder=folder)
