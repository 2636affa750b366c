"""The bench's own arithmetic."""

import pytest

from tests.bench import table
from tests.bench.figures import Books, Figure, at_least, at_most, jain, percentile
from tests.bench.machine import Watch
from tests.bench.stage import complaints


def test_a_percentile_is_a_value_that_was_measured():
    values = [float(n) for n in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 0.07) == 7
    assert percentile(values, 1.0) == 100
    assert percentile([3.0], 0.5) == 3.0
    assert percentile([1.0, 2.0], 0.99) == 2.0


def test_the_order_of_the_measurements_does_not_matter_to_a_percentile():
    assert percentile([5.0, 1.0, 3.0], 0.5) == 3.0


def test_fairness_is_one_when_all_get_the_same_and_a_share_when_one_gets_all():
    assert jain([4, 4, 4, 4]) == 1.0
    assert jain([8, 0, 0, 0]) == 0.25
    assert jain([0, 0]) == 1.0


@pytest.mark.parametrize(
    ("figure", "passes", "score"),
    [
        (Figure("B", "", 1.0, goal=at_most(1.0)), True, 1.0),
        (Figure("B", "", 2.0, goal=at_most(1.0)), False, 0.5),
        (Figure("B", "", 0.5, goal=at_least(1.0)), False, 0.5),
        (Figure("B", "", 3.0, peer_value=2.0, goal=at_most(1.5, of_ratio=True)), True, 1.0),
        (Figure("B", "", 3.0, peer_value=1.0, goal=at_most(1.5, of_ratio=True)), False, 0.5),
        (Figure("B", "", 1.0, peer_value=0.0, goal=at_most(1.5, of_ratio=True)), False, 0.0),
        (Figure("B", "", 1.0), True, 1.0),
        (Figure("B", "", float("nan"), goal=at_most(1.0)), False, 0.0),
    ],
)
def test_a_goal_judges_the_figure_or_its_ratio(figure, passes, score):
    assert figure.passes is passes
    assert figure.score == score


@pytest.mark.parametrize(
    "books", [Books(lost=1), Books(doubled=1), Books(too_many_calls=1), Books(cents_off=1), Books(refused=1)]
)
def test_a_run_that_lost_or_doubled_or_was_told_to_slow_down_scores_nothing(books):
    figure = Figure("B1", "as fast as can be", 1.0, goal=at_least(0.95), spoiled_by=books.spoils())
    assert not figure.passes
    assert figure.score == 0.0
    assert "SPOILED: 1" in table.text([figure])


def test_being_told_to_slow_down_is_part_of_a_storm_but_losing_is_not():
    assert Books(too_many_calls=3).spoils(storm=True) == ""
    assert Books(too_many_calls=3, lost=2).spoils(storm=True) == "2 lost"


def test_a_clean_run_is_not_spoiled():
    assert Books(entries=1000).spoils() == ""


def test_the_table_says_which_goals_were_missed():
    figures = [Figure("B1", "drain", 0.5, goal=at_least(0.95)), Figure("B2", "calls", 0.034, goal=at_most(0.037))]
    told = table.text(figures)
    assert "MISSED" in told
    assert "1 of 2 goals met." in told
    assert "| B2 | calls | 0.034 |" in table.markdown(figures)


def test_a_page_keeps_what_stands_around_its_table(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.put_into(page, [Figure("B1", "drain", 492, "entries/min", goal=at_least(475))], "Today.")
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{table.END}\nafter\n")
    assert "old" not in text
    assert "| B1 | drain | 492 entries/min |" in text


def test_the_machine_tells_how_much_of_its_time_others_had():
    readings = iter([(5.0, 100.0), (5.0, 102.0), (6.0, 104.0), (6.0, 110.0)])
    machine = Watch(lambda: next(readings))
    for _ in range(3):
        machine.look()
    assert machine.share == pytest.approx(0.1)
    assert machine.worst == pytest.approx(0.5)
    assert "the host took 10.0%, at most 50% in a second" in str(machine)


def test_what_a_worker_complains_of_is_told_once_and_a_servers_words_are_not(tmp_path):
    (tmp_path / "worker0.log").write_text("INFO ready\nERROR A pass failed.\nERROR A pass failed.\n")
    (tmp_path / "postgres.log").write_text("ERROR: canceling\n")
    assert complaints(tmp_path) == ["  worker0 | ERROR A pass failed.\n"]
