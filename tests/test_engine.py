"""Work over threads and processes: order, errors kept apart, a process that dies."""

import os

import pytest

from qzrisk import engine
from qzrisk.errors import ConfigError


def half(number):
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def fatal(number):
    if number == 2:
        os._exit(9)
    return number, os.getpid()


def always_fatal(_):
    os._exit(9)


def test_blocks_keep_their_order():
    assert engine.map_blocks(abs, range(-4, 0), workers=3) == [4, 3, 2, 1]
    assert engine.map_blocks(abs, [], workers=3) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_that_fails_stops_no_other(workers):
    ticks = []
    done = engine.map_tasks(half, [0, 1, 2, 3, 4], workers=workers, tick=lambda: ticks.append(1))
    assert [end.result for end in done] == [0, None, 1, None, 2]
    assert [str(end.error) for end in done if end.error] == ["1 is odd", "3 is odd"]
    assert len(ticks) == 5


def test_no_task_is_no_work():
    assert engine.map_tasks(half, []) == []


def test_only_the_task_that_kills_its_process_is_lost():
    done = engine.map_tasks(fatal, range(5), workers=2)
    assert [rank for rank, end in enumerate(done) if end.error] == [2]
    assert "stopped" in str(done[2].error)
    assert [end.result[0] for end in done if end.result] == [0, 1, 3, 4]
    # Other processes than this one: spawned, since a fork would hold the locks of this one.
    assert os.getpid() not in {end.result[1] for end in done if end.result}


def test_processes_that_never_work_say_how_to_mend():
    with pytest.raises(ConfigError, match="__main__"):
        engine.map_tasks(always_fatal, range(3), workers=2)
