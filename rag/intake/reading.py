"""Source -> Found: every format's reader behind one door. Nothing is judged or removed."""

from collections.abc import Callable

from rag.errors import IntakeError
from rag.intake.blocks import About, Block, Format, Found
from rag.intake.decode import MOST_CHARACTERS, TOO_LONG
from rag.intake.source import Source

_Read = tuple[list[Block], About, tuple[str, ...]]


def read(source: Source) -> Found:
    """Return a document as it was found: its blocks in order, what it says of itself, and notes.

    Nothing in the document is run, fetched or unpacked beyond bounds.

    Raises:
        IntakeError: it cannot be read, is protected, holds no text or too much; one line says what
            to do.
    """
    try:
        found, about, notes = _READERS[source.format](source.data)
        _check(found)
    except IntakeError as error:
        msg = f"{source.name}: {error}"
        raise IntakeError(msg) from error
    except ImportError as error:
        msg = f"{source.name}: cannot be read here ({error.name or error}); install Mentor anew."
        raise IntakeError(msg) from error
    except Exception as error:  # a library met what it was not made for
        msg = (
            f"{source.name}: is damaged and cannot be read ({type(error).__name__}); save it again."
        )
        raise IntakeError(msg) from error
    return Found(source.format, tuple(found), about, notes)


def _check(found: list[Block]) -> None:
    if not found:
        msg = "holds no text."
        raise IntakeError(msg)
    if sum(len(block.text) for block in found) > MOST_CHARACTERS:
        raise IntakeError(TOO_LONG)


def _html(data: bytes) -> _Read:
    from rag.intake.markup import page

    return *page(data), ()


def _markdown(data: bytes) -> _Read:
    from rag.intake.markdown import marked

    return *marked(data), ()


def _text(data: bytes) -> _Read:
    from rag.intake.plain import lines_of

    return lines_of(data), About(), ()


def _docx(data: bytes) -> _Read:
    from rag.intake.office import written

    return written(data)


def _pdf(data: bytes) -> _Read:
    from rag.intake.paper import printed

    return printed(data)


def _epub(data: bytes) -> _Read:
    from rag.intake.book import bound

    return bound(data)


_READERS: dict[Format, Callable[[bytes], _Read]] = {
    "html": _html,
    "markdown": _markdown,
    "text": _text,
    "docx": _docx,
    "pdf": _pdf,
    "epub": _epub,
}
