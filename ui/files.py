"""The files that pages load."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles
from typing_extensions import override

STATIC = Path(__file__).resolve().parent / "static"


def add_files(app: FastAPI) -> None:
    """Serve /static and the two files that browsers ask for at the root."""

    @app.get("/favicon.ico", include_in_schema=False)
    def favicon() -> Response:
        icon = (STATIC / "favicon.ico").read_bytes()
        return Response(icon, media_type="image/x-icon", headers={"cache-control": "max-age=3600"})

    @app.get("/manifest.json", include_in_schema=False)
    def manifest() -> dict[str, Any]:
        icon = {"src": "/static/favicon.svg", "sizes": "any", "type": "image/svg+xml"}
        return {"name": "Mentor", "start_url": "/chat", "display": "browser", "icons": [icon]}

    app.mount("/static", _Static(directory=STATIC), name="static")


class _Static(StaticFiles):
    """Files that a browser asks about each time, so that an update shows at once."""

    @override
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response
