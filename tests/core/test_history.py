from fusecli.core.history import Step, last_step


def test_the_last_step_of_a_name_is_the_most_recent_one():
    history = (Step("read"), Step("to_unit", {"low": 0}), Step("slice"), Step("to_unit", {"low": 1}))
    found = last_step(history, "to_unit")
    assert found is not None
    assert found.facts["low"] == 1


def test_a_step_that_was_never_taken_is_none():
    assert last_step((Step("read"),), "to_unit") is None
    assert last_step((), "read") is None
