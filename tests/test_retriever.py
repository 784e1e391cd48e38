"""Mentor inside LangChain: the real shelf behind the real interface."""

from langchain_core.runnables import RunnableLambda

from rag import Mentor, Span
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
