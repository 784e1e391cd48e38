"""Stand-ins that obey the house's interfaces, and a corpus small enough to read."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag import doctor
from rag.enrich import decoys, enrich
from rag.load import load
from rag.shelf import Shelf, shelve
from rag.text import words
from rag.vectors import Found

Vectors = NDArray[np.float32]
Ids = NDArray[np.int32]
Ends = NDArray[np.int64]


# The beginning of a program that runs as the light install does.
WITHOUT_TORCH = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('sentence_transformers', 'torch'):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
"""


def static_model(
    folder: Path, words_: str, dim: int, prompts: dict[str, str] | None = None
) -> Path:
    """Save a real sentence-transformer of a few words, with vectors of chance."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    known = ["[UNK]", *words_.split()]
    tokenizer = Tokenizer(WordLevel({word: at for at, word in enumerate(known)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.random.default_rng(7).standard_normal((len(known), dim)).astype(np.float32)
    module = StaticEmbedding(tokenizer, embedding_weights=weights)
    SentenceTransformer(modules=[module], device="cpu", prompts=prompts).save(str(folder))
    return folder


def cross_encoder(folder: Path, labels: Sequence[str], *, raw: bool = False) -> Path:
    """Save a BERT of one layer and a few words that reads 64 pieces, with weights of chance.

    Without labels it has no head; `raw` leaves a single score as it is, beyond 0 and 1.
    """
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

    known = (
        "[PAD] [UNK] [CLS] [SEP] [MASK] choose a topic paper read 选 课 题 写 作 论 文 .".split()
    )
    config = BertConfig(
        vocab_size=len(known),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: at for at, label in enumerate(labels)},
        initializer_range=0.5,  # far enough apart that no two texts are judged alike
    )
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = BertForSequenceClassification(config) if labels else BertModel(config)
        model.save_pretrained(folder / "bert")
    vocabulary = {word: at for at, word in enumerate(known)}
    BertTokenizerFast(vocab=vocabulary).save_pretrained(folder / "bert")
    if not labels:
        return folder / "bert"
    whole = CrossEncoder(str(folder / "bert"), device="cpu", local_files_only=True)
    whole.activation_fn = torch.nn.Identity() if raw else whole.activation_fn
    whole.save(str(folder / "model"))
    return folder / "model"


class HashEmbedder:
    """An Embedder without weights: texts that share words are near, all others nearly square."""

    def __init__(self, name: str = "hash", dim: int = 64) -> None:
        self.name, self._dim = name, dim

    def passages(self, texts: Sequence[str]) -> Vectors:
        return np.array([self.question(text) for text in texts], np.float32).reshape(-1, self._dim)

    def question(self, text: str) -> Vectors:
        total = sum((self._word(word) for word in words(text)), np.zeros(self._dim))
        length = float(np.linalg.norm(total))
        return np.asarray(total / (length or 1.0), np.float32)

    def _word(self, word: str) -> NDArray[np.float64]:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
        return np.random.default_rng(seed).standard_normal(self._dim)


class WordPieces:
    """Pieces without weights: every word is one, near to nothing but itself, and all tell alike."""

    name = "words"
    _DIM = 64

    def cut(self, texts: Sequence[str]) -> list[Ids]:
        return [np.unique(np.array([self._id(w) for w in words(t)], np.int32)) for t in texts]

    def located(self, text: str) -> tuple[Ids, Ends]:
        found = []
        for part in re.finditer(r"\S+", text):
            for word in words(part.group()):
                at = part.group().lower().find(word)
                start, size = (at, len(word)) if at >= 0 else (0, len(part.group()))
                found.append((part.start() + start, part.start() + start + size, self._id(word)))
        rows = np.array(sorted(found), np.int64).reshape(-1, 3)
        return rows[:, 2].astype(np.int32), rows[:, :2]

    def knows(self, word: str) -> bool:
        return bool(word)

    def vectors(self, ids: Ids) -> Vectors:
        rows = [np.random.default_rng(int(id_)).standard_normal(self._DIM) for id_ in ids]
        unit = np.array([row / np.linalg.norm(row) for row in rows], np.float32)
        return np.where(ids[:, None] > 0, unit.reshape(-1, self._DIM), np.float32(0))

    def weights(self, ids: Ids) -> Vectors:
        return np.ones(len(ids), np.float32)

    def _id(self, word: str) -> int:
        return (
            int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) >> 12
        )  # ids are places in a table


class MemoryStore:
    """A Store that compares with every row."""

    is_whole = True

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def alike(self, vector: Vectors, question: str, k: int) -> None:
        return None

    def similar(self, vector: Vectors, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return (self._vectors[rows] @ vector).astype(np.float64)

    def nearest(self, vector: Vectors, k: int) -> Found:
        similar = (self._vectors @ vector).astype(np.float64)
        order = np.argsort(-similar, kind="stable")[:k]
        return order, similar[order]

    def __len__(self) -> int:
        return len(self._vectors)

    def close(self) -> None: ...


NOTES = """# 读研随笔

## 选题

选课题最重要的标准是好奇心。发表不是终点。

- 多读论文
- 多和人交谈

## 写作

写作是整理想法的办法。你没有说出来的想法都会被忽略。
"""
NOTES_EN = """# Notes from graduate school

## Choosing

The most important standard for choosing a topic is curiosity.
Publication is not the end.

- Read many papers
- Talk to many people

## Writing

Writing is a way to put ideas in order.
All the ideas you do not voice will be ignored.
"""
DIALOGUE = """# A talk with Ann

Two people met over tea.

Ben: How many hours should a beginner practise?

Ann: You need ten thousand hours of practice. Do not compare yourself to others.

Ben: And what if I fail?

Ann: Mistakes are not wasted work. They leave scar tissue, and you grow stronger.
"""
ANSWERS = """# 关于显卡的问答

问:没有显卡怎么办?

答:先用小数据集做实验。调试好了再租显卡。

问:模型越大越好吗?

答:不一定。大模型的训练成本很高。
"""
QUESTIONS = """[[group]]
anchor = "选课题最重要的标准是好奇心。"
zh = ["怎么选课题?", "课题怎么定"]
en = ["How do I choose a topic?"]
starter = true

[[group]]
anchor = "写作是整理想法的办法。"
zh = ["为什么要写作?"]
en = ["Why should I write?"]
"""
DECOYS = """# Questions that these essays do not answer
今天天气怎么样?
Where can I rent a flat?
"""
_SPEAKER = '\n[[essay.speaker]]\nname = "{}"\nname_en = "{}"\n'
SPEAKERS = {
    "notes": _SPEAKER.format("笔者", "the author"),
    "talk": _SPEAKER.format("记者", "the reporter")
    + _SPEAKER.format("Ben", "Ben")
    + 'labels = ["Ben:"]\nasks = true\n'
    + _SPEAKER.format("Ann", "Ann")
    + 'labels = ["Ann:"]\n',
    "answers": _SPEAKER.format("编者", "the editor")
    + _SPEAKER.format("提问者", "the asker")
    + 'labels = ["问:"]\nasks = true\n'
    + _SPEAKER.format("老王", "Old Wang")
    + 'labels = ["答:"]\n',
}
ESSAYS = {"notes": (NOTES, "zh"), "talk": (DIALOGUE, "en"), "answers": (ANSWERS, "zh")}


def write_corpus(folder: Path) -> Path:
    """Write the three tiny essays with all that belongs to them."""
    for name in ("essays", "translations", "questions"):
        (folder / name).mkdir(parents=True)
    for id_, (text, _) in ESSAYS.items():
        write(folder / "essays" / f"{id_}.md", text)
    write(folder / "translations" / "notes.en.md", NOTES_EN)
    write(folder / "questions" / "notes.toml", QUESTIONS)
    write(folder / "questions" / "unanswered.txt", DECOYS)
    write(folder / "manifest.toml", "\n".join(map(_essay, ESSAYS)))
    return folder


def write(path: Path, text: str) -> None:
    """Write with LF line ends on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")


def _essay(id_: str) -> str:
    text, lang = ESSAYS[id_]
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    title = text.split("\n", 1)[0].removeprefix("# ")
    facts = f'id = "{id_}"\ntitle = "{title}"\nlang = "{lang}"\nsha256 = "{sha256}"\n'
    rest = 'author = "笔者"\nauthor_en = "the author"\nsite = ""\nsite_en = ""\nlicence = "CC0"\n'
    return f"[[essay]]\n{facts}{rest}{SPEAKERS[id_]}"


def tiny(corpus: Path, model: str = "hash", passage_chars: int = 400) -> Shelf:
    """Return the shelf of a corpus, as the index sees it."""
    documents = [enrich(document, corpus) for document in load(corpus)]
    return shelve(documents, decoys(corpus), model, passage_chars)


def rewrite(corpus: Path, old: str, new: str) -> None:
    """Change a word wherever it stands in a corpus, as an owner would, and renew the checksums."""
    for path in corpus.rglob("*"):
        if path.is_file():
            write(path, path.read_text(encoding="utf-8").replace(old, new))
    doctor.fix(corpus)
