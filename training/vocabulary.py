"""Texts -> a Unigram tokenizer whose pieces are whole words and whose scores are log frequencies.

Chinese words come from jieba once, here; the tokenizer then finds them by itself (Viterbi over
log frequencies, the same idea), so the product needs no segmenter to embed.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable

import jieba
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

_HAN = "\u3400-\u9fff\uf900-\ufaff"
_RUNS = re.compile(rf"[{_HAN}]+|[a-z]+(?:'[a-z]+)?|[0-9]+")
_MAX_RUN = 24


def build(texts: Iterable[str], size: int) -> Tokenizer:
    """Return a tokenizer of at most `size` pieces: frequent words, all seen characters, endings."""
    words, letters, parts = _count(texts)
    pieces = Counter(dict(letters))
    room = size - len(letters)
    chosen = [word for word, _ in words.most_common(int(room * 0.93)) if len(word) > 1]
    pieces.update({word: words[word] for word in chosen})
    rest = [part for part, _ in parts.most_common(size) if part not in pieces]
    pieces.update({part: parts[part] // 8 + 1 for part in rest[: size - len(pieces) - 2]})
    return _tokenizer(pieces)


def _count(texts: Iterable[str]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Count whole words, single characters, and pieces of Latin words (for unseen words)."""
    words: Counter[str] = Counter()
    for text in texts:
        for run in _RUNS.findall(normalizers.NFKC().normalize_str(text).lower()):
            words.update(jieba.cut(run, HMM=False) if run[0] > "\u33ff" else [run[:_MAX_RUN]])
    letters: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    for word, count in words.items():
        letters.update(dict.fromkeys(word, 1))
        if word[0] < "\u3400":
            ends = [*(word[:n] for n in range(2, 8)), *(word[-n:] for n in range(2, 6))]
            # In order, not as a set: ties are broken by what came first, the same in every run.
            parts.update(dict.fromkeys((end for end in ends if 1 < len(end) < len(word)), count))
    return words, letters, parts


def _tokenizer(pieces: Counter[str]) -> Tokenizer:
    total = sum(pieces.values())
    scored = [(piece, math.log(count / total)) for piece, count in pieces.most_common()]
    special = [("[PAD]", 0.0), ("[UNK]", -20.0)]
    tokenizer = Tokenizer(models.Unigram(special + scored, unk_id=1, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    # Punctuation and spaces are removed, so that they weigh nothing in the mean.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(rf"[^{_HAN}\p{{L}}\p{{N}}']+"), "removed"),
            pre_tokenizers.Split(Regex(rf"[{_HAN}]+|[0-9]+|[^{_HAN}0-9]+"), "isolated"),
        ]
    )
    return tokenizer
