"""The command `mentor`, started: `python -m ui` does the same."""

import os

# Read when numpy is loaded. What is multiplied here is small: sharing it between threads costs more
# processor time than the answer. PyTorch keeps its own.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> None:
    """Run the command line."""
    from ui.cli import main as run

    run()


if __name__ == "__main__":
    main()
