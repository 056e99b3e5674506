"""The tables of docs/models/overview.md: what every model costs and reaches, beside what others published.

    OMP_NUM_THREADS=1 python benchmarks/quality/overview.py ../shared --write docs/models/overview.md
    python benchmarks/quality/overview.py ../shared --only scores --cache scores.json

SHARED is a folder with data/harvard/test and peers. The models are those of the catalog, so that one that joins it has
its rows when this is run again. Without --write the tables go to stdout; with it each takes the place of the lines
between `<!-- table NAME -->` and `<!-- end -->`.

Processor seconds, of one thread, with the models taking turns: a busy machine changes them less than the time on a
clock, and their ratios less than themselves.
"""

import argparse
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import overview_cost
import overview_scores

Table = list[list[str]]


def main() -> None:
    chosen = arguments()
    tables = dict(made(chosen))
    texts = {name: markdown(table) for name, table in tables.items()}
    if chosen.write:
        page = chosen.write.read_text(encoding="utf-8")
        chosen.write.write_text(replaced(page, texts), encoding="utf-8")
        return
    for name, text in texts.items():
        print(f"<!-- table {name} -->\n{text}<!-- end -->\n")


def arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("shared", type=Path)
    words.add_argument("--write", type=Path, help="the page whose tables are replaced")
    words.add_argument("--only", default="cost,scores", help="cost, scores, or both")
    words.add_argument("--cache", type=Path, help="a .json file of scores by model and weights, to go on with")
    words.add_argument("--rounds", type=int, default=5, help="how often each model is timed")
    return words.parse_args()


def made(chosen: argparse.Namespace) -> Iterator[tuple[str, Table]]:
    """Every table by its name in the page."""
    data, others = chosen.shared / "data" / "harvard" / "test", chosen.shared / "peers"
    parts: Mapping[str, Callable[[], Iterator[tuple[str, Table]]]] = {
        "cost": lambda: overview_cost.tables(others / "cost.csv", chosen.rounds),
        "scores": lambda: overview_scores.tables(data, others, chosen.cache),
    }
    for name in chosen.only.split(","):
        yield from parts[name]()


def markdown(table: Table) -> str:
    """The first row is the heading."""
    heading, *rows = table
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def replaced(page: str, texts: Mapping[str, str]) -> str:
    """The page with these tables. Raises ValueError for a table that has no place in it."""
    for name, text in texts.items():
        place = re.compile(rf"(<!-- table {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        page, count = place.subn(lambda found, text=text: f"{found[1]}{text}{found[2]}", page)
        if count != 1:
            raise ValueError(f"the page has {count} places for the table {name}")
    return page


if __name__ == "__main__":
    main()
