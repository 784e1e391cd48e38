"""Commands whose file is loaded when one of them is called: an answer waits for none of them."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typing_extensions import override


def group(places: Mapping[str, str]) -> type[TyperGroup]:
    """Return a group for `typer.Typer(cls=…)` that has a command for each name of `places` as well.

    A place is "module:name": of a function with Typer's annotations, or of a Typer application.
    """

    class Later(TyperGroup):
        @override
        def list_commands(self, ctx: Any) -> list[str]:
            return [*super().list_commands(ctx), *places]

        @override
        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name not in places:
                return super().get_command(ctx, cmd_name)
            return _loaded(cmd_name, places[cmd_name])

    return Later


def _loaded(name: str, place: str) -> Any:  # noqa: ANN401 - likewise
    module, _, attribute = place.partition(":")
    found: typer.Typer | Callable[..., None] = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(found)
    command = typer.main.get_command(alone)
    command.name = name
    return command
