"""Window attention, against attention computed pixel by pixel over whole images."""

import warnings

import pytest
import torch

from fusecli.models.swin import SwinBlock, SwinPair, in_windows, regions_apart, relative_positions


def block(shift, window=4, channels=6, seed=0):
    torch.manual_seed(seed)
    made = SwinBlock(channels, window=window, shift=shift, head_width=3, mlp_ratio=2).eval()
    torch.nn.init.normal_(made.attention.position_bias)
    return made


def slow_attention(attention, x, window, shift):
    """What one head after the other sees from each pixel: all pixels whose window, shifted, is the same."""
    height, width, channels = x.shape
    query, key, value = (
        attention.query_key_value(x).view(height * width, 3, attention.heads, -1)[:, i] for i in range(3)
    )
    out = torch.zeros(height * width, attention.heads, channels // attention.heads)
    places = [(row, column) for row in range(height) for column in range(width)]
    cells = [((row - shift) // window, (column - shift) // window) for row, column in places]
    for i, place in enumerate(places):
        mates = [j for j, cell in enumerate(cells) if cell == cells[i]]
        for head in range(attention.heads):
            bias = torch.stack([offset_bias(attention, place, places[j], window)[head] for j in mates])
            scores = key[mates, head] @ query[i, head] / (channels // attention.heads) ** 0.5 + bias
            out[i, head] = torch.softmax(scores, dim=0) @ value[mates, head]
    return attention.out(out.flatten(1)).view(height, width, channels)


def offset_bias(attention, place, other, window):
    down, right = (a - b + window - 1 for a, b in zip(place, other, strict=True))
    return attention.position_bias[down * (2 * window - 1) + right]


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize(("rows", "columns"), [(8, 12), (7, 9), (3, 5)])
def test_each_pixel_sees_its_window_and_neither_the_padding_nor_the_far_side(rows, columns, shift):
    part, x = block(shift), torch.randn(1, rows, columns, 6, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        fast = in_windows(part.attention, x, window=4, shift=shift)
        slow = slow_attention(part.attention, x[0], 4, shift)
    assert (fast[0] - slow).abs().max() < 1e-5
    assert slow.std() > 1e-2


def test_a_shifted_window_sees_what_a_plain_one_does_not():
    x = torch.randn(1, 8, 8, 6, generator=torch.Generator().manual_seed(2))
    other = x.clone()
    other[0, 4, 4] += 1  # across the border of the first window
    for shift, reached in ((0, False), (2, True)):
        part = block(shift)
        with torch.inference_mode():
            answers = [in_windows(part.attention, image, window=4, shift=shift) for image in (x, other)]
        assert torch.equal(answers[0][0, 3, 3], answers[1][0, 3, 3]) != reached


def test_relative_positions_count_offsets_and_not_places():
    places = relative_positions(3)
    assert places.shape == (9, 9)
    assert set(places.flatten().tolist()) == set(range(25))
    assert places.diagonal().tolist() == [12] * 9  # no offset: the middle of 5 x 5
    assert places[0, 1] == places[4, 5] == 11  # one to the right
    assert places[1, 0] == 13


def test_whole_windows_are_not_divided_and_rolled_ones_are():
    none = regions_apart(8, 8, 4, 0, torch.device("cpu"))
    assert none.shape == (4, 16, 16)
    assert not none.any()
    rolled = regions_apart(8, 8, 4, 2, torch.device("cpu"))
    assert [bool(window.any()) for window in rolled] == [False, True, True, True]
    padded = regions_apart(8, 7, 4, 0, torch.device("cpu"))
    assert [bool(window.any()) for window in padded] == [False, True, False, True]


def test_the_pair_reaches_farther_than_one_window():
    torch.manual_seed(3)
    pair = SwinPair(6, window=4, head_width=3, mlp_ratio=2).eval()
    x = torch.randn(1, 6, 8, 8)
    other = x.clone()
    other[0, 0, 0, 0] += 1
    with torch.inference_mode():
        changed = (pair(other) - pair(x)).abs().amax(dim=(0, 1)) > 1e-7
    assert changed[5, 5]
    assert not changed[6:, :].any()


def test_a_trace_made_at_whole_windows_holds_where_there_is_padding():
    part, exact, padded = block(shift=0), torch.randn(1, 8, 8, 6), torch.randn(1, 7, 9, 6)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls its own tracer deprecated, and speaks of what it checks
        traced = torch.jit.trace(part, exact)
        assert (traced(padded) - part(padded)).abs().max() < 1e-6
        assert (traced(exact) - part(exact)).abs().max() < 1e-6
