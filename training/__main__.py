"""`python -m training --data FOLDER --teacher FOLDER`: text pairs -> rag/model; see README.md."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from training import learn, pairs, publish, vocabulary
from training.start import start
from training.teacher import Projection, Teacher, Vectors


def main(
    data: Annotated[Path, typer.Option(help="Folder of *.tsv.gz and *.jsonl.gz pair files.")],
    teacher: Annotated[Path, typer.Option(help="Folder of an English sentence-transformer.")],
    out: Annotated[Path, typer.Option(help="Where the model goes.")] = Path("rag/model"),
    cache: Annotated[Path, typer.Option(help="What the teacher said, kept between runs.")] = Path(
        ".training"
    ),
    steps: int = 5000,
    batch: int = 1024,
    dim: int = 256,
    pieces: int = 64_000,
    rate: float = 0.005,
    seed: int = 7,
) -> None:
    """Build the vocabulary, start from the teacher, learn the vectors, write the model folder."""
    files = pairs.read(data)
    texts = [text for file in files for text in (*file.queries, *file.passages)]
    random.Random(seed).shuffle(texts)
    typer.echo(f"{len(files)} files, {len(texts):,} texts; building the vocabulary")
    tokenizer = vocabulary.build(texts[:400_000], pieces)
    english = Teacher(teacher, cache)
    vectors, projection = start(tokenizer, files, english, dim, seed)
    targets = [_target(file, english, projection) for file in files]
    recipe = learn.Recipe(steps, batch, rate, seed)
    publish.write(out, tokenizer, learn.learn(files, targets, tokenizer, vectors, recipe))
    typer.echo(f"wrote {out}")


def _target(file: pairs.PairFile, teacher: Teacher, projection: Projection) -> Vectors | None:
    """Return the teacher's vectors of the English side of a file, None where it has none."""
    sides: dict[str, Sequence[str]] = {"queries": file.queries, "passages": file.passages}
    return projection(teacher(sides[file.english], file.name)) if file.english else None


if __name__ == "__main__":
    typer.run(main)
