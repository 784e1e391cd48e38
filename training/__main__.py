"""`python -m training --data FOLDER`: public pairs -> rag/model. Seeded; see README.md here."""

import random
from pathlib import Path
from typing import Annotated

import typer

from training import learn, pairs, publish, vocabulary


def main(
    data: Annotated[Path, typer.Option(help="Folder of *.tsv.gz and *.jsonl.gz pair files.")],
    out: Annotated[Path, typer.Option(help="Where the model goes.")] = Path("rag/model"),
    steps: int = 3000,
    batch: int = 1024,
    dim: int = 256,
    pieces: int = 50_000,
    rate: float = 0.01,
    seed: int = 7,
) -> None:
    """Build the vocabulary, learn the vectors, write the model folder."""
    files = pairs.read(data)
    texts = [text for file in files for text in (*file.queries, *file.passages)]
    random.Random(seed).shuffle(texts)
    typer.echo(f"{len(files)} files, {len(texts):,} texts; building the vocabulary")
    tokenizer = vocabulary.build(texts[:400_000], pieces)
    recipe = learn.Recipe(steps, batch, dim, rate, seed)
    vectors = learn.learn(files, tokenizer, recipe)
    publish.write(out, tokenizer, vectors)
    typer.echo(f"wrote {out}")


if __name__ == "__main__":
    typer.run(main)
