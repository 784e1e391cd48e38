"""An address and a port to listen on: had, or refused in a line that says what to change."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from rag import MentorError


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Give a socket that is bound and does not listen yet, closed behind the block.

    Raises:
        MentorError: it cannot be had; the cause is the system's own error.
    """
    door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    with door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            raise MentorError(f"Cannot listen on {host}:{port} {_why(error)}") from error
        yield door


def _why(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"({error.strerror}); set MENTOR_HOST or --host to an address of this machine."
    return (
        f"({error.strerror}); is another Mentor running? Choose a port with --port or MENTOR_PORT."
    )
