"""One page, three workers: its connections go to all of them, and its conversation is one."""

from collections.abc import Callable
from pathlib import Path

from conftest import CITATION, Visitor
from server_process import running

from rag import Mentor


def test_a_conversation_goes_on_whichever_worker_is_asked(
    shelf: Mentor, browse: Callable[..., Visitor], tmp_path: Path
) -> None:
    with running(tmp_path, shelf._settings.index_dir, workers=3) as server:
        visitor = browse()
        visitor.visit(f"{server.url}/chat/zh/")
        visitor.ask("怎么选课题?")
        assert visitor.all(CITATION)
        visitor.ask("那读博要读几年?")
        assert len(visitor.all("#chat .bot-row")) == 2
        assert visitor.complaints() == []
        visitor.driver.get("about:blank")
