"""Models that play a part -> what of their sentences Mentor shows, and what it withholds.

The parts are played by a real server on this machine (`eval/scripted.py`) to the real client of
LangChain, over HTTP; only the words are scripted, from `drafts.jsonl`. So what is measured is all
of Mentor's path but the wit of a model.
"""

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

from eval.cases import Case
from eval.drafts import Draft
from eval.figures import LANGS, Figure
from eval.metrics import share
from eval.protocols import Prompt
from eval.scripted import Pause, Provider, Step, in_chunks
from eval.stats import bootstrap
from rag import Answer, Document, Mentor, Sentence, Settings

Part = Literal["honest", "lying", "half-lying", "refusing"]
PARTS: tuple[Part, ...] = ("honest", "lying", "half-lying", "refusing")

_REFUSES = "NO_ANSWER"
_LIES = 2  # of a half-lying answer
# The part whose waits are measured, and the pause between two chunks of it.
_PACED, _GAP_S = "honest", 0.01
_NUMBERED = re.compile(r"^\[(\d+)\] ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shown:
    """What became of the drafts that were written to one question, by their ids.

    `shown` are those in the answer at the end, `seen` those that stood on the page at any time,
    `withheld` those that no passage bears out; one that is shown as the words of the essay that
    does say it is `moved`, and none of these. `first_s` is how long after the whole of the first
    draft was sent a sentence stood on the page, in seconds; None where none did before the end.
    """

    case: Case
    written: tuple[Draft, ...]
    answer: Answer
    shown: frozenset[str]
    seen: frozenset[str]
    withheld: frozenset[str]
    moved: frozenset[str]
    first_s: float | None


class Player:
    """Plays a part: what is asked tells the question, the name of the model the part."""

    def __init__(self, drafts: Sequence[Draft], cases: Sequence[Case]) -> None:
        self._cases = list(cases)
        self._drafts = drafts
        self.documents: Mapping[str, Document] = {}
        self.written: list[Draft] = []
        self.first_sent = 0.0

    def __call__(self, prompt: Prompt) -> Iterator[Step]:
        """Say the sentences of the part, each with the number of the passage it leans on."""
        asked = prompt.user.rpartition("<question>")[2]
        case = next((case for case in self._cases if case.question in asked), None)
        if case and "<earlier>" in prompt.user:
            yield " ".join([*case.history[-1:], case.question])
            return
        self.written, self.first_sent = [], 0.0
        if case is None or prompt.model == "refusing":
            yield _REFUSES
            return
        blocks = _blocks(prompt.user)
        for draft in self._lines(case, prompt.model):
            number = self._number(draft, blocks)
            if number is None and draft.supported:
                continue  # its passage was not found, so an honest model would not write it
            self.written.append(draft)
            for chunk in in_chunks(f"{draft.text}[{number or 1}]"):
                if prompt.model == _PACED:
                    yield Pause(_GAP_S)
                yield chunk
            self.first_sent = self.first_sent or time.perf_counter()
        if not self.written:
            yield _REFUSES

    def _lines(self, case: Case, part: str) -> list[Draft]:
        mine = [d for d in self._drafts if (d.topic, d.lang) == (case.topic, case.lang)]
        true, false = [d for d in mine if d.supported], [d for d in mine if not d.supported]
        if part == "half-lying":
            rng = random.Random(case.id)
            mixed = [*true, *rng.sample(false, min(_LIES, len(false)))]
            rng.shuffle(mixed)
            return mixed
        return true if part == "honest" else false

    def _number(self, draft: Draft, blocks: Mapping[int, str]) -> int | None:
        """Return the number of the passage that a draft leans on, None where it is not shown."""
        document = self.documents[draft.doc_id]
        at = document.text.find(draft.quote)
        end = at + len(draft.quote)
        ours = (document.english.get(end), document.chinese.get(end), draft.quote)
        forms = [form for form in ours if form]
        found = (n for n, text in blocks.items() if any(form in text for form in forms))
        return next(found, None)


def _blocks(user: str) -> dict[int, str]:
    """Return the passages of a prompt by their numbers."""
    shown = user.partition("</passages>")[0]
    starts = list(_NUMBERED.finditer(shown))
    ends = [*(found.start() for found in starts[1:]), len(shown)]
    return {int(f[1]): shown[f.end() : end] for f, end in zip(starts, ends, strict=True)}


def play(
    part: Part,
    settings: Settings,
    drafts: Sequence[Draft],
    cases: Sequence[Case],
    tick: Callable[[], None] = lambda: None,
) -> list[Shown]:
    """Ask every case of a Mentor whose model plays a part, and say what became of its sentences.

    Raises:
        ValueError: there is no such part, or there are no drafts for any of the cases.
    """
    if part not in PARTS:
        msg = f"--part: '{part}' is none of {', '.join(PARTS)}."
        raise ValueError(msg)
    if not {draft.topic for draft in drafts} & {case.topic for case in cases}:
        msg = "there are no drafts for these questions: the splits that have some are dev and test."
        raise ValueError(msg)
    player = Player(drafts, cases)
    with Provider(player) as provider:
        chosen = {"model": f"openai:{part}", "model_url": provider.openai_url}
        with closing(Mentor.open(settings.model_copy(update=chosen))) as mentor:
            player.documents = mentor.documents
            found = [_shown(mentor, player, case, tick) for case in cases]
        if provider.failures:
            raise provider.failures[0]
    return found


def _shown(mentor: Mentor, player: Player, case: Case, tick: Callable[[], None]) -> Shown:
    player.written, player.first_sent = [], 0.0
    *seen, answer = _timed(mentor.stream(case.question, case.history))
    tick()
    sentences = [(at, said) for at, said in seen if isinstance(said, Sentence)]
    first = sentences[0][0] - player.first_sent if sentences and player.first_sent else None
    yielded = [sentence for _, sentence in sentences]
    return judged(case, player.written, yielded, cast("Answer", answer[1]), first)


def judged(
    case: Case,
    written: Sequence[Draft],
    yielded: Sequence[Sentence],
    answer: Answer,
    first_s: float | None,
) -> Shown:
    """Say what became of the drafts, by the sentences that were yielded and the answer."""
    shown, moved = _found(written, answer.sentences)
    seen, moved_before = _found(written, yielded)
    return Shown(
        case=case,
        written=tuple(written),
        answer=answer,
        shown=shown,
        seen=seen | shown,
        withheld=frozenset(d.id for d in written if any(c.text in d.text for c in answer.dropped)),
        moved=moved | moved_before,
        first_s=first_s,
    )


def _timed(stream: Iterator[Sentence | Answer]) -> Iterator[tuple[float, Sentence | Answer]]:
    for said in stream:
        yield time.perf_counter(), said


def _found(
    written: Sequence[Draft], sentences: Sequence[Sentence]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the drafts that sentences show, and those of them that are cited to the other essay
    that says them: these are no lies.
    """
    found = {
        draft.id: {c.doc_id for c in sentence.citations} == {draft.elsewhere}
        for draft in written
        for sentence in sentences
        if sentence.kind == "generated" and sentence.text in draft.text
    }
    moved = frozenset(id_ for id_, rightly in found.items() if rightly)
    return frozenset(found) - moved, moved


# --- figures -----------------------------------------------------------------------------------


def figures(part: Part, found: Sequence[Shown], seed: int, resamples: int) -> Iterator[Figure]:
    """Yield what a part comes to, for each language; intervals draw whole topics."""
    for lang in LANGS:
        mine = [one for one in found if one.case.lang == lang]
        rate = partial(_rate, f"{part}, {lang}", mine, seed, resamples)
        if part == "refusing":
            quoted = [(one.case.topic, float(bool(one.answer.sentences))) for one in mine]
            yield _figure(f"{part}, {lang}", "quotes all the same", quoted, seed, resamples)
            continue
        if part != "honest":
            yield rate("lies shown", lambda one, d: d.id in one.shown, supported=False)
            yield rate("lies seen for a moment", lambda one, d: d.id in one.seen, supported=False)
            yield rate(
                "lies that pass the check",
                lambda one, d: d.id not in one.withheld | one.moved,
                supported=False,
            )
        if part != "lying":
            yield rate("truths withheld", lambda one, d: d.id not in one.shown, supported=True)
            yield rate(
                "truths that fail the check", lambda one, d: d.id in one.withheld, supported=True
            )


def _rate(
    group: str,
    found: Sequence[Shown],
    seed: int,
    resamples: int,
    name: str,
    holds: Callable[[Shown, Draft], bool],
    *,
    supported: bool,
) -> Figure:
    flags = [
        (one.case.topic, float(holds(one, draft)))
        for one in found
        for draft in one.written
        if draft.supported == supported
    ]
    return _figure(group, name, flags, seed, resamples)


def _figure(
    group: str, name: str, flags: Sequence[tuple[str, float]], seed: int, resamples: int
) -> Figure:
    values, topics = [value for _, value in flags], [topic for topic, _ in flags]
    interval = bootstrap(values, topics, seed=seed, resamples=resamples) if values else None
    return Figure(group, name, share(values), interval, len(values), better="lower")


def waits(part: Part, found: Sequence[Shown]) -> Iterator[Figure]:
    """Yield how long after a model's first whole sentence a sentence stood on the page, in ms."""
    if part == "honest":
        late = sorted(one.first_s * 1000 for one in found if one.first_s is not None)
        for name, at in (("median", 0.5), ("95th percentile", 0.95)):
            value = late[int(at * (len(late) - 1))] if late else None
            yield Figure("waits, ms", f"first sentence, {name}", value, None, len(late), "lower")
