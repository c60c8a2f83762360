"""The seed decides the embedded digits, which are centred, all different, and the same in every version."""

import numpy as np
import pytest

from tinygrad_mlp.datasets import embedded_digits


def test_embedded_digits_are_distinct_centred_and_decided_by_the_seed() -> None:
    images, labels = embedded_digits(43, seed=5)
    assert images.shape == (43, 28, 28)
    assert np.bincount(labels).tolist() == [5, 5, 5, 4, 4, 4, 4, 4, 4, 4]
    for array, again in zip((images, labels), embedded_digits(43, seed=5), strict=True):
        np.testing.assert_array_equal(array, again, strict=True)
    assert not np.array_equal(embedded_digits(43, seed=6)[0], images)
    # White on black, all different, and centred: most of the ink is in the middle.
    assert (images.max(axis=(1, 2)) > 150).all()
    assert (images[:, [0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()
    assert len(np.unique(images, axis=0)) == 43
    assert images[:, 4:24, 4:24].sum() > 0.9 * images.sum()


def test_embedded_digits_do_not_change_between_versions() -> None:
    images, labels = embedded_digits(8)
    assert labels.tolist() == [2, 4, 3, 6, 5, 0, 1, 7]
    ink = [23913, 30328, 20713, 18682, 8058, 10581, 13118, 11037]  # the sum of the pixels of each image
    # Not to the last bit: another processor may round a pixel the other way.
    np.testing.assert_allclose(images.sum(axis=(1, 2)), ink, rtol=0, atol=3)


def test_every_glyph_fills_its_box_and_differs_from_all_others() -> None:
    from tinygrad_mlp.datasets import digits

    styles = range(len(digits.STYLES))
    glyphs = np.stack([digits._glyph(style, digit) for style in styles for digit in range(10)])
    rows = (glyphs > 0).any(axis=2).sum(axis=1) / digits.FINENESS
    columns = (glyphs > 0).any(axis=1).sum(axis=1) / digits.FINENESS
    np.testing.assert_allclose(np.maximum(rows, columns), digits.HEIGHT, atol=0.5)
    assert len(np.unique(glyphs > 0, axis=0)) == len(glyphs)


@pytest.mark.parametrize("n", [0, -1])
def test_fewer_than_one_digit_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"n={n}; expected at least 1"):
        embedded_digits(n)
