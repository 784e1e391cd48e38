"""Mentor as a LangChain retriever: the same hits, as LangChain Documents, for chains of others."""

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict
from typing_extensions import override

from rag import Hit, Mentor


class MentorRetriever(BaseRetriever):
    """Finds passages of the shelf: `MentorRetriever(mentor=Mentor.open(Settings()), k=5)`.

    `page_content` is a verbatim slice of an essay; `metadata` says which, where ("start", "end",
    in code points), who speaks, under which headings, and how it was found.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    mentor: Mentor
    k: int = 5

    @override
    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        """Return up to `k` documents, best first: `invoke(query, k=3)` counts for one call.

        Raises QuestionError like `Mentor.retrieve`.
        """
        hits = self.mentor.retrieve(query, self.k if k is None else k)
        return [self._document(hit) for hit in hits]

    def _document(self, hit: Hit) -> Document:
        passage, essay = hit.passage, self.mentor.documents[hit.passage.doc_id]
        return Document(
            page_content=passage.text,
            id=passage.id,
            metadata={
                "doc_id": essay.id,
                "title": essay.title,
                "author": essay.author,
                "url": essay.url,
                "speaker": passage.speaker,
                "heading": list(passage.heading),
                "start": passage.span.start,
                "end": passage.span.end,
                "score": hit.score,
                "ranks": dict(hit.ranks),
            },
        )
