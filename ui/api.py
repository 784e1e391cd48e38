"""HTTP for programs and for plain pages, composed; what is said comes from Mentor."""

from anyio import CapacityLimiter
from fastapi import FastAPI

from rag import Mentor, Settings
from ui.completions import add_completions
from ui.describe import ABOUT, add_description
from ui.errors import add_errors
from ui.essays import add_essays
from ui.feedback import Box, add_feedback
from ui.files import add_files
from ui.health import add_health
from ui.live import live
from ui.metrics import Metrics, add_metrics, counting
from ui.questions import add_questions
from ui.recording import notice, open_log, recording
from ui.stream import threads
from ui.tools import add_tools
from ui.words import WORDS


def create_api(mentor: Mentor, settings: Settings | None = None) -> FastAPI:
    """Return the application without the chat and without the guard.

    `app.state.mentor` is the same Mentor, counting and renewable: every further face is to be given
    that one.
    """
    settings = settings or Settings()
    metrics, limiter = Metrics(), CapacityLimiter(threads(mentor, settings.asks_at_once))
    app, log = FastAPI(**ABOUT), open_log(settings)

    def wrapped(bare: Mentor) -> Mentor:
        return counting(recording(bare, log), metrics)

    app.state.mentor = mentor = live(mentor, wrapped)
    app.description = f"{app.description} {notice(mentor, WORDS['en'])}".rstrip()
    add_errors(app)
    add_questions(app, mentor, settings, limiter)
    add_essays(app, mentor)
    add_feedback(app, Box(settings.index_dir), log)
    add_completions(app, mentor, limiter)
    add_tools(app, mentor, settings, limiter)
    add_health(app, mentor)
    add_metrics(app, metrics)
    add_description(app)
    add_files(app)
    return app
