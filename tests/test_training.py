"""The recipe of the shipped model, run in full on a few lines and a teacher of a few words; what
the checker of retellings is fitted on.
"""

import gzip
import json
import random
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from fakes import static_model, write

from rag.check import RETOLD
from rag.drift import DRIFT
from rag.signs import SIGNS
from rag.trees import Trees
from training import learn, pairs, retold
from training.__main__ import main
from training.teacher import Projection

PARALLEL = ["choose a topic\t选一个课题", "read a paper\t读一篇论文", "write a paper\t写一篇论文"]
DICTIONARY = ["课题\ttopic", "论文\tpaper", "读\tread", "写\twrite", "选\tchoose"]
ANSWERS = [{"q": "选题", "p": "选一个课题"}, {"q": "paper", "p": "写一篇论文"}]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    for name, rows in (("parallel_few", PARALLEL), ("dict_few", DICTIONARY)):
        with gzip.open(folder / f"{name}.tsv.gz", "wt", encoding="utf-8") as file:
            file.write("\n".join(rows) + "\n")
    with gzip.open(folder / "qa_few.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in ANSWERS)
    return folder


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformer of five English words."""
    folder = tmp_path_factory.mktemp("teacher") / "model"
    return static_model(folder, "choose topic read paper write", 24)


def _train(data: Path, teacher: Path, folder: Path) -> Path:
    main(
        data,
        teacher,
        out=folder / "model",
        cache=folder / "cache",
        steps=12,
        batch=8,
        dim=8,
        pieces=4000,
    )
    return folder / "model"


def test_the_recipe_writes_a_model_that_opens_and_says_the_same_again(
    data: Path, teacher: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file
    from sentence_transformers import SentenceTransformer

    one, other = (_train(data, teacher, tmp_path / name) for name in ("one", "other"))
    vectors = load_file(one / "model.safetensors")["embedding.weight"]
    assert vectors.dtype == np.float16
    assert vectors.shape[1] == 8
    assert not vectors[:2].any()  # [PAD] and [UNK] mean nothing
    assert np.isfinite(vectors).all()
    again = load_file(other / "model.safetensors")["embedding.weight"]
    assert np.allclose(vectors.astype(float), again.astype(float), atol=1e-2)
    encoded = SentenceTransformer(str(one), device="cpu").encode(["怎么选题?"])
    assert encoded.shape == (1, 8)


def test_what_the_teacher_said_is_kept_between_runs(
    data: Path, teacher: Path, tmp_path: Path
) -> None:
    _train(data, teacher, tmp_path)
    said = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").glob("*.npy")}
    assert said
    _train(data, teacher, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").glob("*.npy")} == said


def test_a_folder_without_pairs_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"README\.md"):
        pairs.read(tmp_path)


def test_every_file_knows_its_english_side(data: Path) -> None:
    files = {file.name: file for file in pairs.read(data)}
    assert {name: file.english for name, file in files.items()} == {
        "dict_few": "passages",
        "parallel_few": "queries",
        "qa_few": "",
        "advice": "",
        "terms": "passages",
    }
    advice = files["advice"]
    assert len(advice.queries) == len(advice.passages) == len(advice.groups) > 10_000


def test_questions_that_one_passage_answers_never_share_a_batch() -> None:
    groups = np.arange(12) // 4
    for seed in range(20):
        rows = learn.draw(np.random.default_rng(seed), 12, groups, 12)
        assert sorted(groups[rows].tolist()) == [0, 1, 2]
    alone = learn.draw(np.random.default_rng(0), 12, np.empty(0, np.int64), 5)
    assert len(set(alone.tolist())) == 5


def test_a_projection_to_full_width_keeps_angles_to_the_mean() -> None:
    cloud = np.random.default_rng(1).standard_normal((50, 6)).astype(np.float32)
    turned = Projection.fit(cloud, 6)(cloud)
    centred = cloud - cloud.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    assert np.allclose(turned @ turned.T, centred @ centred.T, atol=1e-4)
    assert np.allclose(np.linalg.norm(Projection.fit(cloud, 2)(cloud), axis=1), 1.0, atol=1e-5)


# --- retellings ---------------------------------------------------------------------------------

PASSAGE = {
    "id": "w1",
    "speaker_zh": "普丽娅",
    "speaker_en": "Priya Nair",
    "zh": "我每天写一页。写作是整理想法的办法。",
    "en": "I write a page a day. Writing puts ideas in order.",
    "claims": [
        {"lang": "en", "label": "supported", "text": "Priya says that she writes a page a day."},
        {"lang": "zh", "label": "unsupported", "text": "普丽娅认为,写作没有用。"},
    ],
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    write(tmp_path / "drafts.jsonl", json.dumps(PASSAGE, ensure_ascii=False) + "\n")
    return tmp_path


def test_every_retelling_is_held_against_its_passage_in_both_languages(own: Path) -> None:
    rows = list(retold.retellings(own))
    assert [(row.supported, row.across) for row in rows] == [
        *((True, True), (True, False)),  # in English: of the Chinese passage, of the English one
        *((False, False), (False, True)),
    ]
    chinese, english = ["我每天写一页。", "写作是整理想法的办法。"], PASSAGE["en"]
    assert [list(row.parts) for row in rows[::2]] == [chinese, chinese]
    assert [" ".join(row.parts) for row in rows[1::2]] == [english, english]


def test_a_retelling_has_the_head_and_blanks_of_its_own_language(own: Path) -> None:
    rows = list(retold.retellings(own))
    assert {row.head for row in rows[:2]} == {"Priya Nair: "}
    assert {row.head for row in rows[2:]} == {"普丽娅(Priya Nair):"}
    last = len(rows[0].parts) - 1
    assert rows[0].text(0, last) == "Priya Nair: 我每天写一页。 写作是整理想法的办法。"
    assert rows[2].text(0, last) == "普丽娅(Priya Nair):我每天写一页。写作是整理想法的办法。"


def test_some_retellings_are_held_against_a_passage_that_says_something_else() -> None:
    rows = list(retold.retellings())
    strays = list(retold.astray(rows, random.Random(1)))
    assert not any(row.supported for row in strays)
    assert {(row.told, row.lang) for row in strays} == set(product(("zh", "en"), repeat=2))
    own = {(row.passage, row.claim) for row in rows}
    assert not own & {(row.passage, row.claim) for row in strays}
    assert strays == list(retold.astray(rows, random.Random(1)))


def test_a_retelling_is_compared_without_the_frame_around_it(own: Path) -> None:
    claims = {row.claim for row in retold.retellings(own)}
    assert claims == {"she writes a page a day.", "写作没有用。"}


def test_the_retellings_of_the_recipe_are_as_many_as_its_page_says() -> None:
    page = (pairs.OWN.parent / "README.md").read_text(encoding="utf-8")
    text = (pairs.OWN / "drafts.jsonl").read_text(encoding="utf-8")
    items = [json.loads(line) for line in text.splitlines()]
    claims = [claim for item in items for claim in item["claims"]]
    rows = list(retold.retellings())
    assert len(rows) == 2 * len(claims)
    assert sum(row.across for row in rows) == len(claims)
    assert sum(row.supported for row in rows) == 2 * sum(c["label"] == "supported" for c in claims)
    assert all(row.parts and row.claim for row in rows)
    assert len({item["id"] for item in items}) == len(items)
    assert f"{len(items)} passages of advice" in page
    assert f"{len(claims):,} retellings" in page


def test_the_signs_of_a_retelling_are_read_against_its_nearest_words_and_its_passage(
    own: Path,
) -> None:
    for row in retold.retellings(own):
        near, whole = retold._signs(row)
        assert len(near) == len(whole) == len(SIGNS) + len(DRIFT)
        assert np.isfinite([near, whole]).all()
        assert near != whole or len(row.parts) == 1


def test_what_is_fitted_on_retellings_can_be_read_by_the_checker(own: Path) -> None:
    from threadpoolctl import threadpool_limits

    rows = list(retold.retellings(own)) * 15
    table = np.random.default_rng(3).standard_normal((len(rows), 2, len(SIGNS) + len(DRIFT)))
    table[:, :, 0] = np.array([[row.supported] * 2 for row in rows])
    truth = np.array([row.supported for row in rows])
    with threadpool_limits(1):  # so few rows are not worth waiting for a second core
        fitted = retold._fitted(table, rows, seed=1, across=True)
    said = Trees.of(json.loads(json.dumps(fitted)), [*SIGNS, *DRIFT], RETOLD)(table[:, 0])
    assert said[truth].min() > said[~truth].max()


def test_what_is_shipped_was_fitted_on_the_signs_that_are_read() -> None:
    from rag.check import Retellings

    checker = Retellings()
    assert 0.0 < checker.threshold < checker.sure < 1.0
    for part in ("within", "across"):
        kept = json.loads(RETOLD.read_text(encoding="utf-8"))[part]
        assert kept["signs"] == [*SIGNS, *DRIFT]
