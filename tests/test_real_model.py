"""A real model of this machine is asked: its noise is withheld, what it says truly is shown.

`transformers serve` runs in a process of its own, which makes the models that it serves: some 0.3
million weights, of chance or such that one line comes out. Nothing about the quality of a language
model can be read from them; tokens, streams, HTTP and clients are real.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag import Answer, Hit, Lang, Mentor, Settings, sentences, wording

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
QUESTIONS: Mapping[Lang, str] = {"zh": "实验总是失败怎么办?", "en": "What if my experiments fail?"}
FOLLOWED: Mapping[Lang, str] = {"zh": "为什么?", "en": "Why is that?"}
_START, _END = "<|im_start|>", "<|im_end|>"  # as the server expects of a Qwen2
_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}{{ '<|im_start|>assistant\\n' }}"
)
_WIDTH = 64  # of a model
_PIECE = 8  # characters that a model which says a line says at once
_PATIENCE_S = 120.0  # a busy machine takes a quarter of a minute to load PyTorch
_MISSING = [name for name in ("torch", "transformers", "openai") if find_spec(name) is None]

pytestmark = pytest.mark.skipif(
    bool(_MISSING), reason=f"without {', '.join(_MISSING)} there is no model to serve"
)


# --- the server, a program of its own -----------------------------------------------------------


def _serve(lines: Mapping[str, str]) -> None:
    """Serve a model for each name, which says its line, or noise where the line is empty.

    It ends when who started it ends. The models are handed over rather than loaded from a folder,
    since the server's own loading wants a further library (accelerate).
    """
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
    from transformers.cli.serve import Serve
    from transformers.cli.serving.model_manager import TimedModel

    models = [_saying(line) if line else _noise(name[-2:]) for name, line in lines.items()]
    kept = [TimedModel(model, -1, tokenizer) for model, tokenizer in models]
    server = Serve(host="127.0.0.1", port=0, device="cpu", default_seed=7, non_blocking=True)
    server._model_manager.loaded_models.update(
        {f"{name}@main": model for name, model in zip(lines, kept, strict=True)}
    )
    print("ready", flush=True)


def _noise(lang: str) -> tuple[Any, Any]:
    """Return a model that says words of the essays in any order, without end, and cites for them.

    Each sentence ends with the number of a passage.
    """
    words = re.compile({"zh": "[\u4e00-\u9fff]{2,}", "en": " [a-z]{3,}"}[lang])
    cited = {"zh": ["。[1]", "。[2]"], "en": [". [1]", ". [2]"]}[lang]
    tokenizer = _tokenizer(cited, "essays/*.md" if lang == "zh" else "*/*.en.md")
    ends = tokenizer.convert_tokens_to_ids(cited)
    ids = [n for n in range(len(tokenizer)) if n not in ends]
    model = _model(
        tokenizer,
        suppress_tokens=[n for n in ids if not words.fullmatch(tokenizer.decode([n]))],
        sequence_bias=[[[end], 0.4] for end in ends],
    )
    return model, tokenizer


def _saying(line: str) -> tuple[Any, Any]:
    """Return a model that says one line to everything, some characters at a time."""
    import torch

    pieces = [line[at : at + _PIECE] for at in range(0, len(line), _PIECE)]
    if len(set(pieces)) < len(pieces):
        raise ValueError(f"a piece of the line comes twice: {line}")
    tokenizer = _tokenizer(pieces, "essays/*.md")
    model = _model(tokenizer)
    [last] = tokenizer.encode("\n")  # of what it is asked
    chain = [last, *tokenizer.convert_tokens_to_ids([*pieces, _END])]
    with torch.no_grad():
        for at, (before, after) in enumerate(pairwise(chain)):  # far surer than any other
            sign = torch.nn.functional.one_hot(torch.tensor(at), _WIDTH) * 10.0
            model.model.embed_tokens.weight[before] = sign
            model.lm_head.weight[after] = sign
    return model, tokenizer


def _model(tokenizer: Any, **generation: Any) -> Any:
    """Return a Qwen2 of two layers with weights of chance."""
    import torch
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    end = tokenizer.eos_token_id
    torch.manual_seed(7)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=_WIDTH,
            intermediate_size=2 * _WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=16_384,
            eos_token_id=end,
            pad_token_id=end,
            bos_token_id=None,
            tie_word_embeddings=False,
        )
    )
    model.generation_config = GenerationConfig(
        do_sample=True, eos_token_id=end, pad_token_id=end, **generation
    )
    return model.eval()


def _tokenizer(pieces: list[str], texts: str) -> Any:
    """Return one that was trained on texts of the corpus, and has each of `pieces` as one token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1500,
        special_tokens=[_START, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train(sorted(map(str, CORPUS.glob(texts))), trainer)
    made.add_tokens(pieces)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=_END, pad_token=_END, chat_template=_TEMPLATE
    )


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs: its address, and what it tells."""

    url: str
    log: Path

    @property
    def answers(self) -> list[int]:
        """The HTTP status of every answer that it has begun."""
        told = self.log.read_text()
        return list(map(int, re.findall(r'"POST /v1/chat/completions HTTP/1\.1" (\d+)', told)))


@contextmanager
def _serving(lines: Mapping[str, str], folder: Path) -> Iterator[Served]:
    """Yield a server that answers; it is killed at the end, whatever happens."""
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "OMP_NUM_THREADS"), "1")
    log = folder / "log"
    with (
        log.open("w") as told,
        subprocess.Popen(
            [sys.executable, __file__, json.dumps(lines)],
            env={**os.environ, **offline, "HF_HOME": str(folder), "CUDA_VISIBLE_DEVICES": ""},
            stdin=subprocess.PIPE,
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield Served(f"{_ready(process, log)}/v1", log)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return the address of a server once it is in good health."""
    deadline = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        told = log.read_text()
        address = re.search(r"running on (http://127\.0\.0\.1:\d+)", told)
        if address and "ready\n" in told:
            health = httpx.get(f"{address[1]}/health", trust_env=False, timeout=_PATIENCE_S)
            assert health.json() == {"status": "ok"}
            return address[1]
        time.sleep(0.05)
    pytest.fail(f"the server did not start:\n{log.read_text()[-4000:]}")


# --- who asks -----------------------------------------------------------------------------------


def _true(shelf: Mentor, lang: Lang) -> tuple[str, Hit]:
    """Return a sentence that answers the question, and the hit that says it."""
    answer = shelf.ask(QUESTIONS[lang])
    text, cited = answer.sentences[0].text, answer.sentences[0].citations[0]
    same = (hit for hit in answer.hits if hit.passage.doc_id == cited.doc_id)
    return sentences(text)[0].of(text), next(h for h in same if h.passage.span.overlap(cited.span))


def _line(shelf: Mentor, lang: Lang) -> str:
    """Return the sentence with the number under which a model is shown the hit."""
    text, hit = _true(shelf, lang)
    return f"{text} [{shelf.ask(QUESTIONS[lang]).hits.index(hit) + 1}]"


@pytest.fixture(scope="module")
def server(shelf: Mentor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    lines = {lang: _line(shelf, lang) for lang in QUESTIONS}
    lines |= {f"noise-{lang}": "" for lang in QUESTIONS}
    with _serving(lines, tmp_path_factory.mktemp("served")) as server:
        yield server


@contextmanager
def _asking(shelf: Mentor, server: Served, model: str) -> Iterator[Mentor]:
    """Yield a Mentor over the same shelf whose answers a model of the server words."""
    settings = Settings(
        index_dir=shelf._settings.index_dir,
        model=f"openai:{model}",
        model_url=server.url,
        model_deadline_s=30,
        model_retries=0,
    )
    mentor = Mentor.open(settings, rebuild=False)
    try:
        yield mentor
    finally:
        mentor.close()


def _frame(answer: Answer) -> tuple[object, ...]:
    """Return what a reader sees of an answer besides its note."""
    return answer.status, answer.lead, answer.sentences, answer.followups, answer.nearest


@pytest.mark.parametrize("lang", QUESTIONS)
def test_the_noise_of_a_real_model_is_withheld_and_the_quoted_answer_given(
    shelf: Mentor, server: Served, lang: Lang
) -> None:
    before = len(server.answers)
    with _asking(shelf, server, f"noise-{lang}") as mentor:
        *shown, answer = mentor.stream(QUESTIONS[lang])
    quoted = shelf.ask(QUESTIONS[lang])
    assert server.answers[before:] == [200]
    assert isinstance(answer, Answer)
    assert quoted.sentences
    assert _frame(answer) == _frame(quoted)
    assert tuple(shown) == quoted.sentences, "nothing else was shown in the meantime"
    assert (answer.note, answer.answerer) == (wording.unproved(lang), quoted.answerer)
    assert len(answer.dropped) > 5, "of the 8 sentences that it was listened to for"
    assert all(claim.kind == "generated" and claim.passage_ids for claim in answer.dropped)
    assert 0 < answer.timings_ms["first_sentence"] <= answer.timings_ms["total"]


@pytest.mark.parametrize("lang", QUESTIONS)
def test_what_a_real_model_says_truly_is_shown_in_its_words_with_the_proof(
    shelf: Mentor, server: Served, lang: Lang
) -> None:
    text, hit = _true(shelf, lang)
    before = len(server.answers)
    with _asking(shelf, server, lang) as mentor:
        *shown, answer = mentor.stream(QUESTIONS[lang])
    assert server.answers[before:] == [200]
    assert isinstance(answer, Answer)
    assert (answer.answerer, answer.note, answer.dropped) == (f"openai:{lang}", "", ())
    [said] = answer.sentences
    assert shown == [said]
    assert (said.text, said.lang, said.kind) == (text, lang, "generated")
    assert hit.passage.span.overlap(said.citations[0].span) == len(said.citations[0].span)
    pieces = len(range(0, len(_line(shelf, lang)), _PIECE))
    assert answer.tokens["output_tokens"] == pieces + 1, "its pieces, and the end"
    assert answer.tokens["input_tokens"] > 500, "the rules and the passages were read"


@pytest.mark.parametrize("lang", FOLLOWED)
def test_a_follow_up_that_a_real_model_turns_into_noise_is_read_as_it_stands(
    shelf: Mentor, server: Served, lang: Lang
) -> None:
    before = len(server.answers)
    with _asking(shelf, server, f"noise-{lang}") as mentor:
        answer = mentor.ask(FOLLOWED[lang], [QUESTIONS[lang]])
    assert server.answers[before:] == [200, 200], "it was asked to condense, then to write"
    assert answer.understood == ""
    assert _frame(answer) == _frame(shelf.ask(FOLLOWED[lang], [QUESTIONS[lang]]))


def test_a_model_that_a_real_server_does_not_have_costs_the_reader_nothing(
    shelf: Mentor, server: Served
) -> None:
    before = len(server.answers)
    with _asking(shelf, server, "absent") as mentor:
        answer = mentor.ask(QUESTIONS["en"])
    [status] = server.answers[before:]
    assert status >= 400
    assert _frame(answer) == _frame(shelf.ask(QUESTIONS["en"]))
    assert answer.note in {wording.failed("en", "unavailable"), wording.failed("en", "malformed")}


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
