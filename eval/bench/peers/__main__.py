"""`python -m eval.bench.peers` runs the bench and prints its table; `--help` lists the rest."""

import argparse
import sys
from pathlib import Path

from eval.bench.peers import names, run, table


def main() -> int:
    """Run as the command line asks; 0, or another number after one line of what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench.peers")
    parser.add_argument("--envs", type=Path, default=Path(".eval/envs"))
    parser.add_argument("--out", type=Path, default=Path(".eval/peers"))
    parser.add_argument("--peer", action="append", default=[], help=f"of {', '.join(names())}")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--minilm", type=Path, help="a sentence-transformers folder for the peers")
    given = parser.parse_args()
    try:
        rows = run(
            *(given.envs, given.out, given.peer, given.rounds),
            minilm=given.minilm,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what was installed whole is kept.", file=sys.stderr)
        return 130
    text = table(rows)
    (given.out / "peers.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
