"""How long the scores of one slice take on one core, beside a plain version written straight from the formulas.

Run: python benchmarks/speed/metrics.py [ROUNDS] [--sizes]

The eight of the paper and the eleven of every report are timed against the plain version, in turn, so that whatever
else the machine does meets both; before that their scores have to agree to a relative 1e-9. The complete set is timed
alone. With --sizes, processor time per pixel of the eight and of the complete set from 128 x 128 to 2048 x 2048, also
as a multiple of that at 256 x 256: all sizes in turn, several times, and the fastest of each.
"""

import os
import platform
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from functools import partial
from statistics import median
from time import perf_counter, process_time

import numpy as np
import scipy
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import convolve2d
from skimage.metrics import structural_similarity

import fusecli
from fusecli.catalog import METRICS, PAPER_METRICS, QUICK_METRICS
from fusecli.metrics import score

SIDES = (128, 256, 512, 1024, 2048)
ACROSS = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def main(rounds: int = 15, sizes: bool = False) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    images = pictures()
    apart = disagreement(images)
    sys.stdout.write(
        f"fusecli {fusecli.__version__}, Python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, {platform.machine()}, one core\n"
        f"256 x 256, {rounds} rounds, largest relative difference {apart:.1e}\n\n"
        f"{'':24}{'median':>10}{'fastest':>10}\n"
    )
    for title, keys in (("eight of the paper", PAPER_METRICS), ("eleven of a report", QUICK_METRICS)):
        functions = (partial(measured, keys=keys), partial(plainly, formulas={key: PLAIN[key] for key in keys}))
        ours, theirs = interleaved(functions, images, rounds)
        row(f"{title}, fusecli", ours)
        row(f"{title}, plain", theirs)
        sys.stdout.write(f"{'  ratio':24}{median(theirs) / median(ours):>10.1f}{min(theirs) / min(ours):>10.1f}\n")
    (everything,) = interleaved((measured,), images, max(3, rounds // 3))
    row(f"complete set ({len(METRICS)})", everything)
    if sizes:
        per_pixel()


def row(title: str, times: list[float]) -> None:
    sys.stdout.write(f"{title:24}{median(times):>7.1f} ms{min(times):>7.1f} ms\n")


def per_pixel() -> None:
    eight, everything = (fastest(keys, rounds) for keys, rounds in ((PAPER_METRICS, 5), (None, 2)))
    sys.stdout.write(f"\n{'side':>6}{'eight':>12}{'':>7}{'all':>12}   microseconds per pixel\n")
    for side in SIDES:
        cells = (f"{times[side]:>12.3f}{times[side] / times[256]:>6.2f}x" for times in (eight, everything))
        sys.stdout.write(f"{side:>6}{''.join(cells)}\n")


def fastest(keys, rounds: int) -> dict[int, float]:
    """Microseconds of processor time per pixel, by the side of the image."""
    best = dict.fromkeys(SIDES, float("inf"))
    for _ in range(rounds):
        for side in SIDES:
            images = pictures(side)
            start = process_time()
            measured(images, keys)
            best[side] = min(best[side], 1e6 * (process_time() - start) / side**2)
    return best


def pictures(side: int = 256) -> tuple[np.ndarray, ...]:
    """Two 8-bit sources with an outline, texture and a black surround, and their maximum, as float32 in 0..1."""
    row, column = np.indices((side, side)) - (side - 1) / 2
    scale = side / 256
    head = (row / 110) ** 2 + (column / 90) ** 2 < scale**2
    texture = np.random.default_rng(7).integers(-20, 21, (side, side))
    anatomy = head * np.clip(120 + 60 * np.sin(row / 9) * np.cos(column / 7) + texture, 0, 255)
    uptake = head * 230 * np.exp(-((row - 30) ** 2 + (column + 20) ** 2) / (1500 * scale**2))
    fixed, moving = ((np.rint(image) / 255).astype(np.float32) for image in (anatomy, uptake))
    return fixed, moving, np.maximum(fixed, moving)


def disagreement(images):
    ours, plain = measured(images, QUICK_METRICS), plainly(images, PLAIN)
    apart = max(abs(ours[key] - plain[key]) / abs(plain[key]) for key in ours)
    if not (set(ours) == set(plain) and apart <= 1e-9):
        raise SystemExit(f"the two versions differ: {ours} and {plain}")
    return apart


def interleaved(functions, images, rounds):
    """Milliseconds of each function, round by round."""
    times = [[] for _ in functions]
    for _ in range(rounds):
        for function, spent in zip(functions, times, strict=True):
            start = perf_counter()
            function(images)
            spent.append(1000 * (perf_counter() - start))
    return times


def measured(images, keys=None):
    return {key: value.value for key, value in score(*images, keys=keys).items()}


def plainly(images, formulas):
    levels = [np.rint(image.astype(float) * 255) for image in images]
    return {key: formula(*levels) for key, formula in formulas.items()}


def plain_entropy(f):
    share = np.histogram(f, bins=256, range=(-0.5, 255.5))[0] / f.size
    return -sum(p * np.log2(p) for p in share if p > 0)


def pearson(x, y):
    return np.corrcoef(x.ravel(), y.ravel())[0, 1]


def plain_edge_intensity(f):
    extended = np.pad(f, 1, mode="edge")
    return np.mean(np.hypot(convolve2d(extended, ACROSS, "valid"), convolve2d(extended, ACROSS.T, "valid")))


def plain_vif(source, f):
    kept = there = 0.0
    for size in (17, 9, 5, 3):
        step = np.arange(size) - size // 2
        window = np.exp(-(step[:, None] ** 2 + step**2) / (2 * (size / 5) ** 2))
        window /= window.sum()
        if size < 17:
            source, f = (convolve2d(image, window, "valid")[::2, ::2] for image in (source, f))
        mean_s, mean_f = convolve2d(source, window, "valid"), convolve2d(f, window, "valid")
        var_s = np.maximum(convolve2d(source * source, window, "valid") - mean_s**2, 0)
        var_f = np.maximum(convolve2d(f * f, window, "valid") - mean_f**2, 0)
        covariance = convolve2d(source * f, window, "valid") - mean_s * mean_f
        gain = covariance / (var_s + 1e-10)
        noise = var_f - gain * covariance
        gain[var_s < 1e-10], noise[var_s < 1e-10] = 0, var_f[var_s < 1e-10]
        var_s[var_s < 1e-10] = 0
        gain[var_f < 1e-10], noise[var_f < 1e-10] = 0, 0
        noise[gain < 0], gain[gain < 0] = var_f[gain < 0], 0
        noise = np.maximum(noise, 1e-10)
        kept += np.log10(1 + gain**2 * var_s / (noise + 2)).sum()
        there += np.log10(1 + var_s / 2).sum()
    return kept / there


def plain_qabf(a, b, f):
    strength_f, angle_f = plain_edges(f)
    kept = total = 0.0
    for source in (a, b):
        strength, angle = plain_edges(source)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(strength > strength_f, strength_f / strength, strength / strength_f)
        ratio = np.where(strength == strength_f, strength, ratio)
        alignment = 1 - abs(angle - angle_f) / (np.pi / 2)
        quality = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5))) * 0.9879 / (1 + np.exp(-22 * (alignment - 0.8)))
        kept, total = kept + (quality * strength).sum(), total + strength.sum()
    return kept / total


def plain_edges(image):
    # Convolution turns a kernel round, so this derivative along the columns is negative and the one down positive.
    across, down = convolve2d(image, ACROSS, "same"), convolve2d(image, -ACROSS.T, "same")
    with np.errstate(divide="ignore", invalid="ignore"):
        angle = np.where(across == 0, np.pi / 2, np.arctan(down / across))
    return np.hypot(across, down), angle


def plain_ssim(source, f):
    return structural_similarity(source, f, data_range=255)


def plain_nabf(a, b, f):
    lost = total = 0.0
    strengths, angles = zip(*(plain_mirrored_edges(image) for image in (a, b, f)), strict=True)
    made_up = strengths[2] > np.maximum(strengths[0], strengths[1]) + 1e-9
    for strength, angle in zip(strengths[:2], angles[:2], strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.nan_to_num(np.minimum(strength, strengths[2]) / np.maximum(strength, strengths[2]))
        alignment = abs(abs(angle - angles[2]) - np.pi / 2) * 2 / np.pi
        quality = 0.9999 / (1 + np.exp(-19 * (ratio - 0.5))) * 0.9995 / (1 + np.exp(-22 * (alignment - 0.5)))
        weight = np.where(strength >= 2, strength**1.5, 0.001)
        lost, total = lost + ((1 - np.sqrt(quality)) * weight)[made_up].sum(), total + weight.sum()
    return lost / total


def plain_mirrored_edges(image):
    extended = np.pad(image, 1, mode="reflect")
    across, down = convolve2d(extended, ACROSS / 8, "valid"), convolve2d(extended, ACROSS.T / 8, "valid")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.hypot(across, down), np.nan_to_num(np.arctan(across / down))


def plain_fmi(source, f):
    maps = (sliding_window_view(plain_edge_map(image), (3, 3)) for image in (source, f))
    windows = zip(*(windows.swapaxes(2, 3).reshape(-1, 9) for windows in maps), strict=True)
    return np.mean([plain_information(p, q) for p, q in windows])


def plain_edge_map(image):
    extended = np.pad(image, 1, mode="edge")
    across, down = abs(convolve2d(extended, ACROSS, "valid")), abs(convolve2d(extended, ACROSS.T, "valid"))
    power = across**2 + down**2
    edges = np.zeros(image.shape, bool)
    for row, column in np.argwhere(power > 4 * power.mean()):
        if 0 < row < image.shape[0] - 1 and 0 < column < image.shape[1] - 1:
            here = power[row, column]
            left, right, up, below = (power[row + i, column + j] for i, j in ((0, -1), (0, 1), (-1, 0), (1, 0)))
            steeper, flatter = down[row, column] >= across[row, column], across[row, column] >= down[row, column]
            edges[row, column] = (flatter and left <= here > right) or (steeper and up <= here > below)
    return edges


def plain_information(p, q):
    if (p == q).all():
        return 1.0
    p, q = (np.ones(9) / 9 if not bits.any() else bits / bits.sum() for bits in (p, q))
    alone = plain_bits(p) + plain_bits(q)
    if np.ptp(p) == 0 or np.ptp(q) == 0 or alone == 0:
        return 0.0
    likeness, independent = pearson(p, q), np.outer(p.cumsum(), q.cumsum())
    bond = np.minimum.outer(p.cumsum(), q.cumsum())
    if likeness < 0:
        bond = np.maximum(np.add.outer(p.cumsum(), q.cumsum()) - 1, 0)
    spreads = [np.sqrt(bits @ np.arange(9) ** 2 - (bits @ np.arange(9)) ** 2) for bits in (p, q)]
    covariance = (bond - independent).sum()
    weight = likeness * spreads[0] * spreads[1] / covariance if abs(covariance) > 1e-12 else 0.0
    joint = np.diff(np.diff(np.pad(independent + weight * (bond - independent), ((1, 0), (1, 0))), axis=0), axis=1)
    return 2 * (alone - plain_bits(joint)) / alone


def plain_bits(shares):
    shares = shares[abs(shares) > 1e-15]
    return -(shares * np.log2(abs(shares))).sum()


PLAIN = {
    "IE": lambda a, b, f: plain_entropy(f),
    "AG": lambda a, b, f: np.mean(np.sqrt(sum(derivative**2 for derivative in np.gradient(f)) / 2)),
    "SD": lambda a, b, f: np.sqrt(np.mean((f - f.mean()) ** 2)),
    "SF": lambda a, b, f: np.sqrt(np.mean(np.diff(f, axis=0) ** 2) + np.mean(np.diff(f, axis=1) ** 2)),
    "SCD": lambda a, b, f: pearson(f - b, a) + pearson(f - a, b),
    "VIF": lambda a, b, f: plain_vif(a, f) + plain_vif(b, f),
    "QABF": lambda a, b, f: plain_qabf(a, b, f),
    "EI": lambda a, b, f: plain_edge_intensity(f),
    "SSIM": lambda a, b, f: (plain_ssim(a, f) + plain_ssim(b, f)) / 2,
    "FMI_EDGE": lambda a, b, f: (plain_fmi(a, f) + plain_fmi(b, f)) / 2,
    "NABF": lambda a, b, f: plain_nabf(a, b, f),
}


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    arguments.add_argument("rounds", nargs="?", type=int, default=15)
    arguments.add_argument("--sizes", action="store_true")
    main(**vars(arguments.parse_args()))
