"""Mentor inside LangChain: the real shelf behind the real interface."""

import asyncio
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_tests.integration_tests import RetrieversIntegrationTests
from typing_extensions import override

from rag import Mentor, QuestionError, Span
from ui.retriever import MentorRetriever


def test_it_returns_the_hits_of_mentor_in_their_order(shelf: Mentor) -> None:
    found = MentorRetriever(mentor=shelf, k=4).invoke("怎么选题?")
    assert [d.id for d in found] == [h.passage.id for h in shelf.retrieve("怎么选题?", 4)]


def test_every_document_is_a_verbatim_slice_of_its_essay(shelf: Mentor) -> None:
    for found in MentorRetriever(mentor=shelf).invoke("Do I need a PhD?"):
        meta = found.metadata
        essay = shelf.documents[meta["doc_id"]]
        assert Span(meta["start"], meta["end"]).of(essay.text) == found.page_content


def test_it_is_a_step_of_a_chain(shelf: Mentor) -> None:
    chain = MentorRetriever(mentor=shelf, k=1) | RunnableLambda(len)
    assert chain.invoke("科研好孤独") == 1


def test_how_many_can_be_said_at_each_call(shelf: Mentor) -> None:
    retriever = MentorRetriever(mentor=shelf, k=4)
    for k in (1, 6):
        found = retriever.invoke("怎么选题?", k=k)
        assert [d.id for d in found] == [h.passage.id for h in shelf.retrieve("怎么选题?", k)]
    assert len(retriever.invoke("怎么选题?")) == 4


def test_questions_may_be_asked_side_by_side(shelf: Mentor) -> None:
    retriever = MentorRetriever(mentor=shelf, k=3)
    asked = ["怎么选题?", "Do I need a PhD?", "科研好孤独"]

    async def together() -> Any:
        return await asyncio.gather(*(retriever.ainvoke(question) for question in asked))

    ids = [[d.id for d in found] for found in asyncio.run(together())]
    assert ids == [[h.passage.id for h in shelf.retrieve(question, 3)] for question in asked]


def test_a_question_without_a_word_is_an_error_as_in_mentor(shelf: Mentor) -> None:
    with pytest.raises(QuestionError):
        MentorRetriever(mentor=shelf).invoke("???")


@pytest.mark.anyio
class TestStandard(RetrieversIntegrationTests):
    """What LangChain asks of every retriever."""

    mentor: Mentor

    @pytest.fixture(autouse=True)
    def _open(self, shelf: Mentor) -> None:
        self.mentor = shelf

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @property
    @override
    def retriever_constructor(self) -> type[MentorRetriever]:
        return MentorRetriever

    @property
    @override
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"mentor": self.mentor}

    @property
    @override
    def retriever_query_example(self) -> str:
        return "How do I choose a topic?"
