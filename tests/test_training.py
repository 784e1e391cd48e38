"""The recipe of the shipped model, run in full on a few lines and a teacher of a few words."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from fakes import static_model

from training import learn, pairs
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
