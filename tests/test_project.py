"""What the documents say is so: files, settings, commands, and what an import loads."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from rag import Settings

ROOT = Path(__file__).resolve().parent.parent
READMES = ["README.md", "README.zh-CN.md"]
GUIDES = [*READMES, "CONTRIBUTING.md", "docs/running.md", "docs/upgrading.md"]
HEAVY = [
    "chromadb", "fastapi", "gradio", "langchain", "langchain_core", "model2vec", "rjieba",
    "sentence_transformers", "torch", "transformers", "typer",
]  # fmt: skip
# Written in halves, so that this file does not name what it forbids.
REGISTRIES = [
    "pypi" + ".org", "pypi" + ".tuna", "python" + "hosted.", "npm" + "js.org", "deb." + "debian",
]  # fmt: skip


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _fenced(text: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


# ---- the file map ----


def _mapped(readme: str) -> dict[str, list[str]]:
    """Return the modules that a README's file map names, by folder.

    The map is the fenced block in which a line `rag/` is followed by indented lines `load.py  …`.
    """
    block = next(b for b in _fenced(readme) if re.search(r"^rag/", b, re.MULTILINE))
    folders: dict[str, list[str]] = {}
    names: list[str] = []
    for line in block.splitlines():
        if folder := re.match(r"(\w+)/", line):
            names = folders.setdefault(folder[1], [])
        elif module := re.match(r"\s+(\w+\.py)\b", line):
            names.append(module[1])
    return folders


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize("folder", ["rag", "ui", "eval"])
def test_the_file_map_lists_exactly_the_modules(readme: str, folder: str) -> None:
    there = {path.name for path in (ROOT / folder).glob("*.py")} - {"__init__.py"}
    mapped = _mapped(_read(readme)).get(folder, [])
    assert sorted(mapped) == sorted(there), f"{readme}: mend the file map under {folder}/"


# ---- the settings table ----


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, Path):
        return f"`{value.relative_to(ROOT)}`"
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, SecretStr):
        return ""
    return f"`{value}`" if value != "" else '`""`'


def _range(field: FieldInfo) -> str:
    bounds = {type(rule).__name__: rule for rule in field.metadata}
    if not {"Ge", "Le"} <= bounds.keys():
        return ""
    return f"{bounds['Ge'].ge}–{bounds['Le'].le}"


def _rows() -> Iterator[tuple[str, ...]]:
    for name, field in Settings.model_fields.items():
        variable = f"`MENTOR_{name.upper()}`"
        yield f"`{name}`", variable, _default(field), _range(field), field.description or ""


def _table(text: str) -> list[tuple[str, ...]]:
    """Return the cells of the rows that name a `MENTOR_` variable in their second column."""
    rows = [line for line in text.splitlines() if re.match(r"\| `\w+` \| `MENTOR_", line)]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows]


def test_every_variable_that_a_guide_names_is_a_setting() -> None:
    known = {f"MENTOR_{name.upper()}" for name in Settings.model_fields}
    for guide in GUIDES:
        named = set(re.findall(r"MENTOR_[A-Z_]*[A-Z](?![A-Z_])", _read(guide)))
        assert named <= known, guide


def test_the_chinese_settings_table_differs_only_in_its_words() -> None:
    wanted = [row[:-1] for row in _rows()]
    rows = _table(_read("README.zh-CN.md"))
    assert [row[:-1] for row in rows] == wanted
    assert all(re.search("[\u4e00-\u9fff]", row[-1]) for row in rows)


# ---- commands ----


def _code(text: str) -> str:
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
    return "\n".join([*_fenced(text), *spans])


def _makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*##", _read("Makefile"), re.MULTILINE))


def _subcommands(app: typer.Typer) -> set[str]:
    command = typer.main.get_command(app)
    return set(command.list_commands(typer.Context(command)))  # type: ignore[attr-defined]


@pytest.mark.parametrize("guide", GUIDES)
def test_every_make_target_named_exists(guide: str) -> None:
    named = set(re.findall(r"\bmake ([a-z]+)\b", _code(_read(guide))))
    assert named <= _makefile_targets()


@pytest.mark.parametrize("guide", [*READMES, "CONTRIBUTING.md"])
def test_every_command_named_exists(guide: str) -> None:
    from eval.__main__ import app as judges
    from ui.cli import app as faces

    code = _code(_read(guide))
    assert set(re.findall(r"\bmentor ([a-z]+)\b", code)) <= _subcommands(faces)
    assert set(re.findall(r"\bpython -m eval ([a-z]+)\b", code)) <= _subcommands(judges)


@pytest.mark.parametrize("readme", READMES)
def test_a_readme_names_the_two_commands_of_a_fresh_machine(readme: str) -> None:
    assert {"run", "test"} <= set(re.findall(r"^make ([a-z]+)", _code(_read(readme)), re.MULTILINE))


@pytest.mark.parametrize("guide", [*GUIDES, "CHANGELOG.md", "corpus/README.md"])
def test_every_link_within_the_project_leads_to_a_file(guide: str) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", _read(guide))
    here = (ROOT / guide).parent
    assert not [link for link in links if not (here / link).exists()]


# ---- what an import loads, what files say ----


def test_importing_the_front_door_loads_no_heavy_library() -> None:
    code = f"import sys, rag; print(*sorted(set({HEAVY!r}) & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


_READ_ALL = """
import io, sys
from pathlib import Path
from rag.intake.reading import read
from rag.intake.source import Source
before = {*sys.modules}
for path in map(Path, sys.argv[1:]):
    form = {"html": "html", "md": "markdown", "txt": "text"}.get(path.suffix[1:], path.suffix[1:])
    try:
        read(Source(path.name, form, path.read_bytes(), path))
    except Exception as error:
        print(type(error).__name__, error)
files = [m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)]
print(*{Path(f).relative_to(p).parts[0] for f in files for p in sys.path
        if p.endswith("site-packages") and f.startswith(p + "/")}, sep="\\n")
"""


def test_what_reading_documents_loads_is_installed_with_mentor_alone(tmp_path: Path) -> None:
    page = (ROOT / "tests/pages/dev/wiki_en/page.html").read_bytes()
    files = [tmp_path / f"a.{kind}" for kind in ("html", "md", "txt")]
    for file in files:
        file.write_bytes(page)
    done = subprocess.run(
        [sys.executable, "-c", _READ_ALL, *map(str, files)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = {
        line.removesuffix(".py").partition(".")[0] for line in done.stdout.split("\n") if line
    }
    homes = packages_distributions()
    needed = {name for module in loaded for name in homes.get(module, [])}
    assert "trafilatura" in needed
    base = tomllib.loads(_read("pyproject.toml"))["project"]["dependencies"]
    tried = {"pysocks"}  # urllib3 does without it
    assert {canonicalize_name(name) for name in needed} - tried <= _closure(base)


def _closure(lines: list[str]) -> set[str]:
    """Return what pip installs for requirements, without any extra that one of them names: a pip
    before 24 finds none whose spelling differs.
    """
    found: set[str] = set()
    left = [Requirement(line) for line in lines]
    while left:
        one = left.pop()
        name = canonicalize_name(one.name)
        if name in found or (one.marker and not one.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        with suppress(PackageNotFoundError):
            left += [Requirement(line) for line in requires(name) or ()]
    return found


def test_the_way_of_a_quoted_answer_loads_nothing_of_the_checker() -> None:
    code = "import sys, rag, ui.cli; print(*sorted(m for m in sys.modules if m.startswith('rag.')))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "rag.ground" in loaded
    assert not loaded & {f"rag.{name}" for name in ("check", "signs", "facts", "sounds", "quote")}


def test_the_front_door_offers_all_that_it_names_and_nothing_else() -> None:
    import rag

    assert all(getattr(rag, name) is not None for name in rag.__all__)
    with pytest.raises(AttributeError, match="'rag' has no attribute 'nonsense'"):
        rag.nonsense  # noqa: B018 - to ask is the test


def _own_files() -> Iterator[Path]:
    """Yield the project's own text files: not the essays, not what tools have left behind."""
    left_behind = re.compile(
        r"(\.(?!ci\b|pre-commit)|build$|dist$|work$|corpus$|__pycache__$|.*\.egg-info$)"
    )
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not any(map(left_behind.match, parts)):
            yield path


def test_no_file_names_a_package_registry() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in _own_files()
        if any(host.encode() in path.read_bytes() for host in REGISTRIES)
    ]
    assert found == []


def test_the_changelog_keeps_a_changelog() -> None:
    text = _read("CHANGELOG.md")
    version = tomllib.loads(_read("pyproject.toml"))["project"]["version"]
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    kinds = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", head) for head in heads[1:])
    assert len(heads) == 1 or heads[1].startswith(f"[{version}]")
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
