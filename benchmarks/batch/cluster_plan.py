"""How long a batch takes on N nodes: a simulated plan from figures measured on one machine.

python benchmarks/batch/cluster_plan.py --seconds-per-case 0.4 --cases 1000000 --cores 32 --nodes 1 10 100

Every core is a worker of one thread, which takes the next case when it has done one. Times of cases spread
log-normally, with --spread as the standard deviation of their logarithm. A worker needs --start seconds before its
first case. The share --lost of the cases is done twice, for workers that die. What all of them share is compared, not
simulated: a scheduler that hands out --handed-out cases per second, a file system that moves --gigabytes per second.
"""

import argparse
import heapq

import numpy as np


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seconds-per-case", type=float, required=True, help="of one worker with one thread")
    words.add_argument("--cases", type=int, default=1_000_000)
    words.add_argument("--cores", type=int, default=32, help="of a node")
    words.add_argument("--nodes", type=int, nargs="+", default=[1, 10, 100])
    words.add_argument("--spread", type=float, default=0.3)
    words.add_argument("--start", type=float, default=10.0)
    words.add_argument("--lost", type=float, default=0.001)
    words.add_argument("--handed-out", type=float, default=200.0)
    words.add_argument("--megabytes-per-case", type=float, default=0.2)
    words.add_argument("--gigabytes", type=float, default=2.0)
    chosen = words.parse_args()
    times = seconds_of_cases(chosen)
    print(
        f"{len(times):,} cases at {chosen.seconds_per_case:g} s, nodes of {chosen.cores} cores, one worker for each\n"
    )
    print(f"{'nodes':>5} {'workers':>8} {'hours':>8} {'cases/s':>9} {'idle':>6}  held up by")
    for nodes in chosen.nodes:
        print(row(chosen, times, nodes))


def seconds_of_cases(chosen: argparse.Namespace) -> np.ndarray:
    """What each case takes, those that are done twice at the end."""
    count = round(chosen.cases * (1 + chosen.lost))
    spread = np.random.default_rng(0).lognormal(-(chosen.spread**2) / 2, chosen.spread, count)
    return chosen.seconds_per_case * spread


def row(chosen: argparse.Namespace, times: np.ndarray, nodes: int) -> str:
    workers = nodes * chosen.cores
    seconds = end_of_the_last(times, workers, chosen.start)
    rate = chosen.cases / seconds
    limits = {
        "the scheduler": chosen.handed_out,
        "the file system": chosen.gigabytes * 1000 / chosen.megabytes_per_case,
    }
    name, limit = min(limits.items(), key=lambda item: item[1])
    held_up = f"{name}: at most {limit:.0f} cases/s, {chosen.cases / limit / 3600:.1f} h" if rate > limit else "nothing"
    idle = 1 - times.sum() / (seconds * workers)
    return f"{nodes:>5} {workers:>8} {seconds / 3600:>8.2f} {rate:>9.1f} {idle:>6.1%}  {held_up}"


def end_of_the_last(times: np.ndarray, workers: int, start: float) -> float:
    """When the last worker is done, each taking the next case as soon as it can."""
    free = [start] * workers
    for seconds in times:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


if __name__ == "__main__":
    main()
