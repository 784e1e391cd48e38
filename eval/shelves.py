"""Other shelves to judge Mentor on: the same essays bare, and any texts as essays."""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rag import CorpusError, Mentor, Settings, doctor

_WRITTEN = ("questions", "translations")  # by the project, about the essays
_WHOLE = 4000  # characters up to which a public text stays one passage


@contextmanager
def opened(bare: Iterable[str] | None = None) -> Iterator[Mentor]:
    """Open the shelf of the settings; `bare` names essays to strip of questions and translation.

    No essays named means all of them; None opens the shelf as it is. The decoys stay.
    """
    settings = Settings()
    if bare is None:
        with closing(Mentor.open(settings)) as mentor:
            yield mentor
        return
    essays = list(bare)
    with changed(settings.corpus_dir, partial(_strip, essays=essays)) as mentor:
        if unknown := set(essays) - mentor.documents.keys():
            msg = f"--bare: no essay is called {', '.join(sorted(unknown))}."
            raise CorpusError(msg)
        yield mentor


def _strip(corpus: Path, essays: Sequence[str]) -> None:
    for kind in _WRITTEN:
        for path in list((corpus / kind).glob("*.*")):
            if path.name.split(".")[0] in essays or (not essays and path.suffix != ".txt"):
                path.unlink()


@contextmanager
def changed(corpus_dir: Path, change: Callable[[Path], None]) -> Iterator[Mentor]:
    """Open a copy of a shelf whose files `change` has rewritten; both go when it is closed."""
    with TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        shutil.copytree(corpus_dir, corpus)
        change(corpus)
        doctor.fix(corpus)  # the checksums
        there = Settings(corpus_dir=corpus, index_dir=Path(folder) / "index")
        with closing(Mentor.open(there)) as mentor:
            yield mentor


@contextmanager
def of_texts(texts: Sequence[Mapping[str, Any]]) -> Iterator[Mentor]:
    """Open a shelf on which each of the texts {"id", "text"} is one essay, without any views."""
    with TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        _write(corpus, texts)
        there = Settings(corpus_dir=corpus, index_dir=Path(folder) / "index", passage_chars=_WHOLE)
        with closing(Mentor.open(there)) as mentor:
            yield mentor


def name(text_id: str) -> str:
    """Return the essay id of a public text: file names allow less than ids do."""
    return "t" + hashlib.sha256(text_id.encode()).hexdigest()[:16]


def _write(corpus: Path, texts: Sequence[Mapping[str, Any]]) -> None:
    (corpus / "essays").mkdir(parents=True)
    entries: list[str] = []
    for row in texts:
        id_, title = name(str(row["id"])), f"Text {len(entries) + 1}"
        # One paragraph: a line of a public text that begins with a mark is no list or heading.
        flat = " ".join(str(row["text"]).split()).lstrip("#>*+- ")
        essay = corpus / "essays" / f"{id_}.md"
        essay.write_text(f"# {title}\n\n{flat}\n", encoding="utf-8", newline="\n")
        entries.append(
            f'[[essay]]\nid = "{id_}"\ntitle = "{title}"\nlang = "zh"\nsha256 = "{"0" * 64}"\n'
            'author = "?"\nauthor_en = "?"\nsite = ""\nsite_en = ""\nlicence = "test data"\n'
            '[[essay.speaker]]\nname = "?"\nname_en = "?"\n'
        )
    (corpus / "manifest.toml").write_text("\n".join(entries), encoding="utf-8", newline="\n")
    doctor.fix(corpus)  # canonical text, and the checksums that the manifest wants
