"""Only what changed is computed again, and nobody can tell the index from one built anew."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import HashEmbedder, Vectors, WordPieces, tiny
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.build import build
from rag.index import Index, read
from rag.shelf import Leaf, Shelf
from rag.types import Passage, Span, View, ViewKind

QUESTIONS = ("怎么选课题?", "practice hours", "显卡", "what is a topic", "zebra")


class Counting(HashEmbedder):
    """Remembers which texts it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    def passages(self, texts: Sequence[str]) -> Vectors:
        self.given += texts
        return super().passages(texts)


def _build(index_dir: Path, shelf: Shelf) -> tuple[int, list[str]]:
    """Build, and return how many essays were computed and which texts were embedded."""
    embedder = Counting()
    quiet = lambda what, share: None  # noqa: E731
    return build(index_dir, shelf, embedder, WordPieces(), progress=quiet), embedder.given


def _essay(name: str, *texts: str, kind: ViewKind = "text") -> Leaf:
    """Return a leaf with a passage of each text, and its views."""
    passages, views, start = [], [], 0
    for text in texts:
        span = Span(start, start + len(text) + 1)
        passage = Passage(name, span, f"{text}\n", (name,), "")
        passages.append(passage)
        views += [View(passage.id, k, "zh", text, span) for k in ("text", "sentence", kind)]
        start = span.end
    key = f"{name} {texts} {kind}"
    whole = "".join(f"{text}\n" for text in texts)
    return Leaf(key, lambda: (tuple(passages), tuple(views)), name, whole)


def _decoys(*texts: str) -> Leaf:
    views = tuple(View("", "decoy", "zh", text, None) for text in texts)
    return Leaf(f"decoys {texts}", lambda: ((), views))


def _seen(opened: Index) -> list[object]:
    """Return all that a question sees of an index."""
    seen: list[object] = [[*opened.passages], [*opened.views]]
    for question in QUESTIONS:
        vector = HashEmbedder().question(question)
        for k in (1, 3, 5, len(opened.views), 1000):
            rows, near = opened.store.nearest(vector, k)
            seen.append((rows.tolist(), np.round(near, 6).tolist()))
        seen += [opened.lexical.scores(question).tolist(), opened.lexical.rarity(question)]
        seen += [opened.interaction.scores(question).tolist(), opened.interaction.strange(question)]
    return seen


def _assert_like_anew(index_dir: Path, shelf: Shelf) -> None:
    anew = index_dir.with_name("anew")
    shutil.rmtree(anew, ignore_errors=True)
    _build(anew, shelf)
    with (
        closing(read(index_dir, shelf, WordPieces()).store) as one,
        closing(read(anew, shelf, WordPieces()).store) as other,
    ):
        assert len(one) == len(other)
    assert _seen(read(index_dir, shelf, WordPieces())) == _seen(read(anew, shelf, WordPieces()))


A, B, C = _essay("a", "选题 靠 兴趣", "hours of practice"), _essay("b", "写作"), _essay("c", "显卡")
NO_DECOYS = _decoys()


def test_an_essay_that_is_added_is_the_only_one_embedded(tmp_path: Path) -> None:
    assert _build(tmp_path / "i", Shelf((A, B, NO_DECOYS)))[0] == 2
    shelf = Shelf((A, C, B, NO_DECOYS))
    count, given = _build(tmp_path / "i", shelf)
    assert (count, set(given)) == (1, {"显卡"})
    _assert_like_anew(tmp_path / "i", shelf)


def test_an_essay_that_is_changed_is_the_only_one_embedded(tmp_path: Path) -> None:
    _build(tmp_path / "i", Shelf((A, B, C, NO_DECOYS)))
    changed = _essay("b", "写作 与 重写", "practice")
    shelf = Shelf((A, changed, C, NO_DECOYS))
    count, given = _build(tmp_path / "i", shelf)
    assert (count, set(given)) == (1, {"写作 与 重写", "practice"})
    _assert_like_anew(tmp_path / "i", shelf)


def test_an_essay_that_is_removed_is_found_no_more(tmp_path: Path) -> None:
    _build(tmp_path / "i", Shelf((A, B, C, NO_DECOYS)))
    shelf = Shelf((A, C, NO_DECOYS))
    assert _build(tmp_path / "i", shelf) == (0, [])
    opened = read(tmp_path / "i", shelf, WordPieces())
    assert not opened.lexical.scores("写作").any()
    assert "写作" not in opened.lexical
    assert "b" not in {passage.doc_id for passage in opened.passages}
    _assert_like_anew(tmp_path / "i", shelf)


def test_another_order_computes_nothing(tmp_path: Path) -> None:
    _build(tmp_path / "i", Shelf((A, B, C, NO_DECOYS)))
    shelf = Shelf((C, A, B, NO_DECOYS))
    assert _build(tmp_path / "i", shelf) == (0, [])
    _assert_like_anew(tmp_path / "i", shelf)


def test_an_essay_that_is_put_back_as_it_was_is_not_computed_again(tmp_path: Path) -> None:
    first = Shelf((A, B, C, NO_DECOYS))
    _build(tmp_path / "i", first)
    _build(tmp_path / "i", Shelf((A, _essay("b", "别的"), C, NO_DECOYS)))
    assert _build(tmp_path / "i", first) == (0, [])
    _assert_like_anew(tmp_path / "i", first)


def test_a_decoy_is_silent_as_soon_as_an_essay_answers_it_and_speaks_when_that_is_gone(
    tmp_path: Path,
) -> None:
    decoys, asked = _decoys("显卡 怎么 租", "天气"), _essay("d", "显卡 怎么 租", kind="question")
    for leaves in ((A, decoys), (A, asked, decoys), (A, decoys)):
        shelf = Shelf(leaves)
        _build(tmp_path / "i", shelf)
        opened = read(tmp_path / "i", shelf, WordPieces())
        rows, near = opened.store.nearest(HashEmbedder().question("显卡 怎么 租"), 100)
        decoy = next(
            at
            for at, view in enumerate(opened.views)
            if view.text == "显卡 怎么 租" and view.kind == "decoy"
        )
        assert (near[rows.tolist().index(decoy)] > 0.9) == (asked not in leaves)
        _assert_like_anew(tmp_path / "i", shelf)


def test_segments_stay_few(tmp_path: Path) -> None:
    leaves: list[Leaf] = []
    written = 0
    for number in range(40):
        leaves.append(_essay(f"e{number}", f"word{number} 显卡"))
        _build(tmp_path / "i", Shelf((*leaves, NO_DECOYS)))
        segments = list((tmp_path / "i").glob("seg-*"))
        written = max(written, len(segments))
    assert written <= 12  # two generations of at most log2(40) each
    _assert_like_anew(tmp_path / "i", Shelf((*leaves, NO_DECOYS)))


def test_a_damaged_segment_is_computed_again_and_the_others_are_not(tmp_path: Path) -> None:
    long = _essay("long", *[f"text {number}" for number in range(30)])
    shelf = Shelf((long, B, NO_DECOYS))
    _build(tmp_path / "i", Shelf((long, NO_DECOYS)))
    _build(tmp_path / "i", shelf)
    newest = max((tmp_path / "i").glob("seg-*"), key=lambda folder: folder.name)
    (newest / "columns" / "kinds.npy").write_bytes(b"noise")
    count, given = _build(tmp_path / "i", shelf)
    assert (count, set(given)) == (1, {"写作"})
    _assert_like_anew(tmp_path / "i", shelf)


NAMES = st.sampled_from("abcdef")
TEXTS = st.lists(st.sampled_from(["显卡", "写作 practice", "选题", "", "hours hours"]), max_size=3)


@given(st.lists(st.dictionaries(NAMES, TEXTS, max_size=5), min_size=2, max_size=6))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_of_changes_ends_in_the_index_that_would_be_built_anew(
    tmp_path_factory: pytest.TempPathFactory, history: list[dict[str, list[str]]]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    for contents in history:
        leaves = [_essay(name, *texts) for name, texts in contents.items()]
        shelf = Shelf((*leaves, _decoys("天气")))
        _build(folder / "i", shelf)
    _assert_like_anew(folder / "i", shelf)


def test_a_real_shelf_of_which_one_essay_changes_reads_like_one_built_anew(
    corpus: Path, tmp_path: Path
) -> None:
    _build(tmp_path / "i", tiny(corpus))
    essay = corpus / "essays" / "answers.md"
    text = essay.read_text(encoding="utf-8") + "\n新的一段说显卡可以租。\n"
    essay.write_text(text, encoding="utf-8")
    from rag import doctor

    doctor.fix(corpus)
    shelf = tiny(corpus)
    assert _build(tmp_path / "i", shelf)[0] == 1
    _assert_like_anew(tmp_path / "i", shelf)
