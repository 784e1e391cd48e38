"""Every embedder keeps one contract; the shipped model says what its recipe's library says."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import WITHOUT_TORCH, HashEmbedder, WordPieces, static_model
from hypothesis import example, given
from hypothesis import strategies as st

from rag import MissingModelError
from rag.embed import SHIPPED, Embedder, Pieces, open_embedder, open_pieces

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ["怎么选课题?", "How do I choose a topic?", "我的 topic 为什么不 work?", "C++ 论文 🔥"]
# What the shipped model does not know, or what holds no token at all.
UNKNOWN = ["", " ", "\n\t", "🜚", "\x00", "\ufeff", "\u0301"]


@pytest.fixture(scope="session")
def hub_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model of twelve words, with prompts of its own."""
    return static_model(
        tmp_path_factory.mktemp("hub") / "model",
        "choose a topic paper read write ask : query passage 课题 论文",
        16,
        {"query": "query : ", "document": "passage : "},
    )


@pytest.fixture(scope="session")
def shipped() -> Embedder:
    return open_embedder("", offline=True)


@pytest.fixture(scope="session", params=["fake", "shipped", "hub"])
def embedder(request: pytest.FixtureRequest, shipped: Embedder, hub_model: Path) -> Embedder:
    if request.param == "fake":
        return HashEmbedder()
    return shipped if request.param == "shipped" else open_embedder(str(hub_model), offline=True)


def test_rows_are_float32_of_length_one(embedder: Embedder) -> None:
    rows = embedder.passages(TEXTS)
    assert rows.dtype == np.float32
    assert rows.ndim == 2
    assert len(rows) == len(TEXTS)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-3)


def test_rows_keep_the_order_of_the_texts(embedder: Embedder) -> None:
    rows = embedder.passages(TEXTS)
    assert embedder.passages(TEXTS[::-1]) == pytest.approx(rows[::-1], abs=1e-5)
    alone = np.concatenate([embedder.passages([text]) for text in TEXTS])
    assert alone == pytest.approx(rows, abs=1e-5)


def test_no_texts_give_no_rows_of_the_same_width(embedder: Embedder) -> None:
    empty = embedder.passages([])
    assert empty.dtype == np.float32
    assert empty.shape == (0, embedder.passages(["topic"]).shape[1])


def test_a_question_is_one_vector_of_length_one(embedder: Embedder) -> None:
    vector = embedder.question("choose a topic")
    assert vector.dtype == np.float32
    assert vector.shape == embedder.passages(["topic"])[0].shape
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-3)


@given(text=st.text(max_size=60))
@example("")
@example("🜚")
@example("\ufeff")
@example("𠮷" * 3000)
def test_every_text_gives_finite_rows_of_length_one_or_zero(embedder: Embedder, text: str) -> None:
    for row in (embedder.passages([text, "topic"])[0], embedder.question(text)):
        assert np.isfinite(row).all()
        length = float(np.linalg.norm(row))
        assert length == pytest.approx(1.0, abs=1e-3) or length == 0.0


@pytest.mark.parametrize("text", UNKNOWN)
def test_the_shipped_model_gives_zeros_for_what_it_does_not_know(
    shipped: Embedder, text: str
) -> None:
    assert not shipped.passages([text, "topic"])[0].any()
    assert not shipped.question(text).any()


def test_embedders_have_names_that_tell_them_apart(shipped: Embedder, hub_model: Path) -> None:
    assert shipped.name == open_embedder("", offline=True).name
    assert shipped.name != open_embedder(str(hub_model), offline=True).name


ESSAYS = [path.read_text(encoding="utf-8") for path in (ROOT / "corpus" / "essays").glob("*.md")]


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(TEXTS, id="questions"),
        pytest.param([ln for text in ESSAYS for ln in text.split("\n") if ln], id="every line"),
        pytest.param(["𠮷野家 topic", "café", "e\u0301 论文"], id="unknown characters"),
        pytest.param(ESSAYS, id="whole essays"),
    ],
)
def test_the_shipped_model_gives_the_vectors_of_sentence_transformers(
    shipped: Embedder, texts: list[str]
) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(SHIPPED), device="cpu", local_files_only=True)
    model.float()  # its weights are stored in halves, and so are its sums
    wanted = model.encode_document(texts, normalize_embeddings=True)
    assert np.abs(shipped.passages(texts) - wanted).max() < 1e-3
    questions = np.array([shipped.question(text) for text in texts])
    assert np.abs(questions - model.encode_query(texts, normalize_embeddings=True)).max() < 1e-3


def test_the_shipped_model_knows_what_means_the_same_in_both_languages(shipped: Embedder) -> None:
    zh, same, other = shipped.passages(
        ["怎么选择研究课题?", "How do I choose a research topic?", "My cat sleeps on the sofa."]
    )
    assert float(zh @ same) > float(zh @ other) + 0.2


def _python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )


@given(st.text(max_size=200))
@example("")
@example("怎么选题? How do I choose a topic? 🙂")
def test_a_question_has_number_for_number_the_vector_of_a_passage(text: str) -> None:
    embedder = open_embedder("", offline=True)
    readable = text.encode("utf-8", "replace").decode()
    assert np.array_equal(embedder.question(readable), embedder.passages([readable])[0])


def test_the_shipped_model_loads_without_torch_or_a_hub_client() -> None:
    done = _python(
        "import sys\n"
        "from rag.embed import open_embedder\n"
        "assert open_embedder('', offline=True).question('topic').any()\n"
        "heavy = {'torch', 'sentence_transformers', 'transformers', 'huggingface_hub'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_importing_the_door_loads_no_embedding_library() -> None:
    done = _python(
        "import sys, rag; print({'model2vec', 'tokenizers', 'torch'} & set(sys.modules))"
    )
    assert (done.returncode, done.stdout.strip()) == (0, "set()"), done.stderr


def test_the_shipped_model_gives_the_very_numbers_that_model2vec_gives(shipped: Embedder) -> None:
    from model2vec import StaticModel

    theirs = StaticModel.from_pretrained(SHIPPED, normalize=True, force_download=False)
    essays = [path.read_text(encoding="utf-8") for path in (ROOT / "corpus/essays").glob("*.md")]
    lines = [line for essay in essays for line in essay.splitlines()]
    texts = [*essays, *lines, *TEXTS, *UNKNOWN]
    rows = theirs.encode(texts, max_length=None, use_multiprocessing=False)
    assert (shipped.passages(texts) == np.nan_to_num(rows.astype(np.float32))).all()
    for text in texts[::50]:
        assert (shipped.question(text) == shipped.passages([text])[0]).all()


def test_the_prompts_of_a_hub_model_are_used_for_questions_and_passages(hub_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    embedder = open_embedder(str(hub_model), offline=True)
    model = SentenceTransformer(str(hub_model), device="cpu", local_files_only=True)
    texts = [f"{prompt}choose a topic" for prompt in ("query : ", "passage : ", "")]
    plain = model.encode(texts, normalize_embeddings=True)
    question = embedder.question("choose a topic")
    passage = embedder.passages(["choose a topic"])[0]
    assert question == pytest.approx(plain[0], abs=1e-5)
    assert passage == pytest.approx(plain[1], abs=1e-5)
    for one, other in ((question, passage), (question, plain[2]), (passage, plain[2])):
        assert float(one @ other) < 0.99


def _looked_up(*asked: object, **_: object) -> None:
    pytest.fail(f"it is looked for over the network: {asked}")


@pytest.fixture
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked for elsewhere."""
    monkeypatch.setattr("socket.getaddrinfo", _looked_up)


def _refused(name: str) -> str:
    with pytest.raises(MissingModelError) as caught:
        open_embedder(name, offline=True)
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    return message


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize("name", ["nobody/no-such-model", "no such model", "/no/such/folder"])
def test_a_model_that_is_not_here_is_refused_without_a_search_and_with_the_next_step(
    name: str,
) -> None:
    assert "MENTOR_OFFLINE=false" in _refused(name)


@pytest.mark.usefixtures("_alone")
def test_an_empty_folder_is_refused_as_a_model(tmp_path: Path) -> None:
    _refused(str(tmp_path))


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize("name", ["model.safetensors", "modules.json", "tokenizer.json"])
def test_a_damaged_hub_model_is_refused(hub_model: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(hub_model, tmp_path, dirs_exist_ok=True)
    for damaged in tmp_path.rglob(name):
        damaged.write_bytes(damaged.read_bytes()[:40])
    _refused(str(tmp_path))


def test_a_hub_model_without_its_library_names_the_next_step() -> None:
    done = _python(
        f"{WITHOUT_TORCH}from rag import MissingModelError\n"
        "from rag.embed import open_embedder\n"
        "assert open_embedder('', offline=True).question('topic').any()\n"
        "try:\n"
        "    open_embedder('some/model', offline=True)\n"
        "except MissingModelError as error:\n"
        "    print(error)"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    for part in ("some/model", "sentence-transformers", "make install", "MENTOR_EMBEDDER"):
        assert part in done.stdout


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("kept", [0, 40, None])
def test_a_damaged_shipped_model_says_to_check_it_out_again(
    tmp_path: Path, name: str, kept: int | None
) -> None:
    shutil.copytree(ROOT / "rag", tmp_path / "rag", ignore=shutil.ignore_patterns("__pycache__"))
    damaged = tmp_path / "rag" / "model" / name
    damaged.unlink() if kept is None else damaged.write_bytes(damaged.read_bytes()[:kept])
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from rag import MissingModelError\n"
        "from rag.embed import open_embedder\n"
        "try: open_embedder('', offline=True)\n"
        "except MissingModelError as error: print(error)"
    )
    done = _python(program)
    assert done.returncode == 0, done.stderr
    assert "check it out again" in done.stdout


# --- pieces -------------------------------------------------------------------------------------


@pytest.fixture(scope="session", params=["fake", "shipped"])
def pieces(request: pytest.FixtureRequest) -> Pieces:
    return WordPieces() if request.param == "fake" else open_pieces()


def test_the_shipped_model_is_read_once_for_vectors_and_pieces() -> None:
    assert open_pieces() is open_embedder("", offline=True)
    assert open_pieces() is open_pieces()


def test_pieces_are_distinct_and_ascend(pieces: Pieces) -> None:
    for ids in pieces.cut([*TEXTS, *ESSAYS]):
        assert len(ids) > 0
        assert ids.dtype == np.int32
        assert (np.diff(ids) > 0).all()


def test_pieces_keep_the_order_of_the_texts(pieces: Pieces) -> None:
    cut = pieces.cut(TEXTS)
    assert [ids.tolist() for ids in pieces.cut(TEXTS[::-1])] == [ids.tolist() for ids in cut[::-1]]
    assert [pieces.cut([text])[0].tolist() for text in TEXTS] == [ids.tolist() for ids in cut]
    assert pieces.cut([]) == []


def test_a_word_is_the_same_piece_wherever_and_however_often_it_stands(pieces: Pieces) -> None:
    once, more, capitals, within = pieces.cut(["paper", "paper paper", "PAPER", "a paper, read"])
    assert once.tolist() == more.tolist() == capitals.tolist()
    assert len(once) == 1
    assert once[0] in within.tolist()
    assert len(within) == 3


@pytest.mark.parametrize("text", [*UNKNOWN, "𠮷", "\U000e0001 𠮷"])
def test_the_shipped_model_has_no_piece_for_what_it_does_not_know(text: str) -> None:
    [ids], [among] = open_pieces().cut([text]), open_pieces().cut([f"topic {text} paper"])
    assert ids.tolist() == []
    assert among.tolist() == open_pieces().cut(["topic paper"])[0].tolist()


@given(text=st.text(max_size=60))
@example("𠮷" * 3000)
def test_every_text_is_cut_into_pieces_with_unit_vectors_and_weights(
    pieces: Pieces, text: str
) -> None:
    [ids] = pieces.cut([text])
    vectors, weights = pieces.vectors(ids), pieces.weights(ids)
    assert (np.diff(ids) > 0).all()
    assert vectors.dtype == weights.dtype == np.float32
    assert vectors.shape == (len(ids), pieces.vectors(pieces.cut(["topic"])[0]).shape[1])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(ids)), abs=1e-5)
    assert weights.shape == (len(ids),)
    assert (weights > 0).all()


def test_located_pieces_stand_in_order_where_they_are_written(pieces: Pieces) -> None:
    text = "How to read a paper?  读论文 twice."
    ids, ends = pieces.located(text)
    assert ids.dtype == np.int32
    assert ends.dtype == np.int64
    assert ends.shape == (len(ids), 2)
    assert (np.diff(ends[:, 0]) >= 0).all()
    assert (ends[:, 0] < ends[:, 1]).all()
    said = [text[start:end] for start, end in ends]
    for word in ("read", "paper", "twice"):
        assert said.count(word) == 1
        assert [ids[said.index(word)]] == pieces.cut([word])[0].tolist()
    assert "".join(said).count("论") >= 1


@pytest.mark.parametrize(
    "text", [*TEXTS, *ESSAYS, "🜚 topic 𠮷", "topic " * 2000], ids=lambda text: text[:16]
)
def test_the_pieces_of_a_text_are_those_that_are_located_in_it(pieces: Pieces, text: str) -> None:
    ids, ends = pieces.located(text)
    assert sorted({*ids.tolist()} - {0}) == pieces.cut([text])[0].tolist()
    assert ends.max() <= len(text)


def test_a_text_that_says_nothing_has_no_located_pieces(pieces: Pieces) -> None:
    for text in ("", "  \n"):
        ids, ends = pieces.located(text)
        assert len(ids) == 0
        assert ends.shape == (0, 2)


@pytest.mark.parametrize("size", [500, 5000])
def test_a_text_is_cut_to_its_very_end(pieces: Pieces, size: int) -> None:
    text = "a topic " * size + "paper"
    ids, ends = pieces.located(text)
    assert len(ids) >= 2 * size
    assert text[slice(*ends[-1])] == "paper"
    assert pieces.cut(["paper"])[0][0] in pieces.cut([text])[0]


def test_an_unknown_piece_is_located_and_has_no_vector() -> None:
    ids, ends = open_pieces().located("topic 𠮷 paper")
    assert (ids > 0).tolist() == [True, False, True]
    assert ends.tolist() == [[0, 5], [6, 7], [8, 13]]
    assert (open_pieces().vectors(ids)[1] == 0).all()
    assert open_pieces().weights(ids)[1] > 0


@given(text=st.text(st.characters(), max_size=60) | st.text("a\ud800课 \udfff", max_size=20))
@example("\ud800")
def test_every_text_can_be_located_lone_surrogates_too(pieces: Pieces, text: str) -> None:
    ids, ends = pieces.located(text)
    assert len(ids) == len(ends)
    assert ((ends >= 0) & (ends <= len(text))).all()
    assert (ends[:, 0] <= ends[:, 1]).all()


def test_vectors_and_weights_come_in_the_order_of_the_pieces(pieces: Pieces) -> None:
    [ids] = pieces.cut(["how to choose a topic for a paper 课题"])
    assert pieces.vectors(ids[::-1]).tolist() == pieces.vectors(ids)[::-1].tolist()
    assert pieces.weights(ids[::-1]).tolist() == pieces.weights(ids)[::-1].tolist()


def _weight(word: str) -> float:
    [ids] = open_pieces().cut([word])
    [weight] = open_pieces().weights(ids).tolist()
    return float(weight)


@pytest.mark.parametrize("word", ["how", "the", "of", "what", "的", "了", "怎么", "什么"])
def test_a_function_word_weighs_under_a_tenth_of_other_words(word: str) -> None:
    others = ["topic", "paper", "research", "gpu", "gradient", "课题", "论文", "研究", "写作"]
    assert 0 < _weight(word) < np.median([_weight(other) for other in others]) / 10
    assert min(map(_weight, others)) > _weight(word)


def test_the_shipped_model_says_which_words_it_knows() -> None:
    known = open_pieces().knows
    assert all(map(known, ["gpu", "paper", "gradient", "课题"]))
    assert not any(map(known, ["karpaty", "reserch", "zzxqy", ""]))


def test_a_list_that_its_owner_changes_is_embedded_as_it_is_now() -> None:
    embedder, pieces, texts = open_embedder("", offline=True), open_pieces(), ["choose a topic"]
    before = embedder.passages(texts)
    texts[0] = "租显卡"
    assert not np.allclose(embedder.passages(texts), before)
    assert pieces.cut(texts)[0].tolist() == pieces.cut(["租显卡"])[0].tolist()
