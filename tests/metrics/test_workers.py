import threading

import pytest

from fusecli.metrics.workers import worked_through


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_items_and_are_counted(threads):
    heard = []
    found = worked_through(lambda k: k * k, range(7), threads=threads, progress=lambda *told: heard.append(told))
    assert list(found) == [0, 1, 4, 9, 16, 25, 36]
    assert heard == [(k, 7) for k in range(1, 8)]


def test_one_thread_is_the_callers_own_and_more_are_not():
    names = {n: set(worked_through(lambda k: threading.get_ident(), range(4), threads=n)) for n in (1, 2)}
    assert names[1] == {threading.get_ident()}
    assert threading.get_ident() not in names[2]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_first_error_ends_it_and_what_has_not_begun_is_left(threads):
    begun = []

    def work(k):
        begun.append(k)
        raise ValueError(k)

    with pytest.raises(ValueError, match="0"):
        list(worked_through(work, range(1000), threads=threads))
    assert len(begun) < 1000
