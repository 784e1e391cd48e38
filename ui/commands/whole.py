"""A text -> a file that holds all of it, or what it held before, whatever comes between."""

import os
from pathlib import Path

from rag import MentorError


def write_whole(path: Path, text: str, encoding: str = "utf-8", *, private: bool = False) -> None:
    """Write a text with its line ends as they are, over what is there; a `private` one can be read
    by its owner alone.

    Raises:
        MentorError: it cannot be written there; the message names the file.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(0o600 if private else 0o666)
        with draft.open("w", encoding=encoding, newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        msg = f"{path}: cannot be written ({error.strerror}); give another file."
        raise MentorError(msg) from error
