"""A process that builds the tiny index; tests stop it, kill it, or take its disk away.

python builder.py CORPUS INDEX MODEL [--die MOMENT | --hold] [--wait S] [--largest BYTES]
"""

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fakes import HashEmbedder, WordPieces, tiny

from rag import MentorError
from rag.build import build


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("corpus", type=Path)
    asked.add_argument("index", type=Path)
    asked.add_argument("model")
    asked.add_argument("--die", default="")
    asked.add_argument("--hold", action="store_true")
    asked.add_argument("--wait", type=float, default=0.0)
    asked.add_argument("--largest", type=int)
    given = asked.parse_args()

    def progress(what: str, share: float) -> None:
        if given.die == what:
            os.kill(os.getpid(), signal.SIGKILL)
        if given.hold:
            print(what, flush=True)
            sys.stdin.readline()
            given.hold = False

    def watch(event: str, args: tuple[object, ...]) -> None:
        """Die just before a file is renamed or an old generation removed."""
        if event in ("os.rename", "shutil.rmtree"):
            name = Path(os.fsdecode(str(args[0]))).name
            if given.die and f"{event} {name}".startswith(given.die):
                os.kill(os.getpid(), signal.SIGKILL)

    shelf, embedder = tiny(given.corpus, given.model), HashEmbedder(given.model)
    sys.addaudithook(watch)
    if given.largest is not None:
        import resource

        importlib.import_module("chromadb")  # its own files are not what is limited
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.largest, given.largest))
    try:
        build(given.index, shelf, embedder, WordPieces(), progress=progress, wait_s=given.wait)
    except MentorError as error:
        print(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
