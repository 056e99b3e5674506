"""How long the eight scores of one 256 x 256 slice take, beside a plain version written straight from the formulas.

Run: python benchmarks/speed/metrics.py [ROUNDS]

Both run in turn on one core, so that whatever else the machine does meets both. Before timing, their scores have to
agree to a relative 1e-9.
"""

import os
import platform
import sys
from statistics import median
from time import perf_counter

import numpy as np
import scipy
from scipy.signal import convolve2d

import fusecli
from fusecli.metrics import score

ACROSS = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def main(rounds: int = 25) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    images = pictures()
    apart = disagreement(images)
    ours, plain = interleaved((measured, plainly), images, rounds)
    sys.stdout.write(
        f"fusecli {fusecli.__version__}, Python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, {platform.machine()}, one core\n"
        f"256 x 256, {rounds} rounds, largest relative difference {apart:.1e}\n\n"
        f"{'':10}{'median':>10}{'fastest':>10}\n"
        f"{'fusecli':10}{median(ours):>8.1f} ms{min(ours):>7.1f} ms\n"
        f"{'plain':10}{median(plain):>8.1f} ms{min(plain):>7.1f} ms\n"
        f"{'ratio':10}{median(plain) / median(ours):>10.1f}{min(plain) / min(ours):>10.1f}\n"
    )


def pictures() -> tuple[np.ndarray, ...]:
    """Two 8-bit sources with an outline, texture and a black surround, and their maximum, as float32 in 0..1."""
    row, column = np.indices((256, 256)) - 127.5
    head = (row / 110) ** 2 + (column / 90) ** 2 < 1
    texture = np.random.default_rng(7).integers(-20, 21, (256, 256))
    anatomy = head * np.clip(120 + 60 * np.sin(row / 9) * np.cos(column / 7) + texture, 0, 255)
    uptake = head * 230 * np.exp(-((row - 30) ** 2 + (column + 20) ** 2) / 1500)
    fixed, moving = ((np.rint(image) / 255).astype(np.float32) for image in (anatomy, uptake))
    return fixed, moving, np.maximum(fixed, moving)


def disagreement(images):
    ours, plain = measured(images), plainly(images)
    apart = max(abs(ours[key] - plain[key]) / abs(plain[key]) for key in ours)
    if not (list(ours) == list(plain) and apart <= 1e-9):
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


def measured(images):
    return {key: value.value for key, value in score(*images).items()}


def plainly(images):
    a, b, f = (np.rint(image.astype(float) * 255) for image in images)
    return {
        "IE": plain_entropy(f),
        "AG": np.mean(np.sqrt(sum(derivative**2 for derivative in np.gradient(f)) / 2)),
        "SD": np.sqrt(np.mean((f - f.mean()) ** 2)),
        "SF": np.sqrt(np.mean(np.diff(f, axis=0) ** 2) + np.mean(np.diff(f, axis=1) ** 2)),
        "SCD": pearson(f - b, a) + pearson(f - a, b),
        "VIF": plain_vif(a, f) + plain_vif(b, f),
        "QABF": plain_qabf(a, b, f),
        "EI": plain_edge_intensity(f),
    }


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


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))
