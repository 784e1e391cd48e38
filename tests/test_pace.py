"""The measure of growth tells linear work from quadratic work."""

import gc
import re
import time

from pace import LINEAR, TIMES, growth


def _looked_through(text: str) -> int:
    """Look through a text once."""
    return sum(char == "b" for char in text)


def _looked_through_again_and_again(text: str) -> int:
    """Look through the rest of a text at each of its letters."""
    return sum(_looked_through(text[at:]) for at in range(len(text)))


def test_work_that_grows_with_its_input_is_linear() -> None:
    assert TIMES / 2 < growth(lambda size: _looked_through("a" * size), 100_000) < LINEAR


def test_work_that_grows_with_the_square_of_its_input_is_not() -> None:
    assert growth(lambda size: _looked_through_again_and_again("a" * size), 1_600) > LINEAR


def test_nor_is_linear_work_with_a_little_that_is_quadratic() -> None:
    """Most of the work at the smaller size is linear."""

    def work(size: int) -> int:
        text = "a" * size
        return _looked_through(text * 100) + _looked_through_again_and_again(text)

    assert growth(work, 1_600) > LINEAR


def test_nor_is_a_pattern_that_is_tried_at_every_letter_and_reads_to_the_end() -> None:
    found = re.compile("a*b")
    assert growth(lambda size: found.search("a" * size), 6_400) > LINEAR


def test_waiting_is_no_work() -> None:
    def work(size: int) -> int:
        time.sleep(size / 100_000)
        return _looked_through("a" * 20_000)

    assert growth(work, 1_600) < 2


def test_the_garbage_collector_works_again_afterwards() -> None:
    growth(lambda size: "a" * size, 160)
    assert gc.isenabled()
