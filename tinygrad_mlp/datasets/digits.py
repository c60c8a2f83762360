"""Digits for machines that are offline: drawn from matplotlib's fonts, and bent differently each time.

The images have the shape of MNIST's. They are bent so much that a small network finds them about as hard as the same
number of images of MNIST. But they are print, not handwriting: good to try things out, not to compare results.
"""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._optional import require

__all__ = ["embedded_digits"]

SIZE = 28  # pixels of an image
HEIGHT = 20  # pixels of a digit in it, as in MNIST
FINENESS = 4  # glyph pixels for each image pixel

# Font files, each with the character of its zero. They are named one by one, because a search would find other fonts in
# other versions of matplotlib, and a seed would then give other digits.
STYLES = (
    ("DejaVuSans", "0"),
    ("DejaVuSans-Bold", "0"),
    ("DejaVuSans-Oblique", "0"),
    ("DejaVuSans-BoldOblique", "0"),
    ("DejaVuSansMono", "0"),
    ("DejaVuSansMono-Bold", "0"),
    ("DejaVuSansMono-Oblique", "0"),
    ("DejaVuSansMono-BoldOblique", "0"),
    ("DejaVuSerif", "0"),
    ("DejaVuSerif-Bold", "0"),
    ("DejaVuSerif-Italic", "0"),
    ("DejaVuSerif-BoldItalic", "0"),
    ("STIXGeneral", "0"),
    ("STIXGeneralBol", "0"),
    ("STIXGeneralItalic", "0"),
    ("STIXGeneralBolIta", "0"),
    ("cmb10", "0"),
    ("cmmi10", "0"),
    ("cmr10", "0"),
    ("cmss10", "0"),
    ("cmtt10", "0"),
    ("STIXGeneral", "\N{MATHEMATICAL SANS-SERIF DIGIT ZERO}"),
    ("STIXGeneral", "\N{MATHEMATICAL SANS-SERIF BOLD DIGIT ZERO}"),
    ("STIXGeneral", "\N{MATHEMATICAL MONOSPACE DIGIT ZERO}"),
)


def embedded_digits(n: int = 6000, *, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Digits drawn from the fonts that come with matplotlib, each of them shifted, turned, scaled and bent.

    As in MNIST, they are white on black, about 20 pixels high, and centred by their mass. The bending is the elastic
    distortion of Simard, Steinkraus and Platt (2003). The ten digits are equally frequent, up to rounding. The same `n`
    and `seed` give the same images.

    Args:
        n: the number of digits, at least 1.
        seed: the seed of the generator that decides on digits, fonts and distortions.

    Returns:
        images, uint8 of shape (n, 28, 28); labels, int64 of shape (n,).

    Raises:
        ValueError: `n` is below 1.
        ImportError: matplotlib is not installed; the error says how to install it.
    """
    n = operator.index(n)
    if n < 1:
        raise ValueError(f"n={n}; expected at least 1 digit")
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n, dtype=np.int64) % 10)
    styles = generator.integers(len(STYLES), size=n)
    glyphs: dict[tuple[int, int], NDArray[np.float32]] = {}
    images = np.empty((n, SIZE, SIZE), np.uint8)
    for i, key in enumerate(zip(styles.tolist(), labels.tolist(), strict=True)):
        if key not in glyphs:
            glyphs[key] = _glyph(*key)
        images[i] = _draw(glyphs[key], generator)
    return images, labels


def _glyph(style: int, digit: int) -> NDArray[np.float32]:
    """The signed distance of each point to the outline of a glyph, in image pixels, positive inside the outline.

    The grid is `FINENESS` times finer than an image. Unlike a picture, distances can be bent and sampled more coarsely
    without jagged edges, and drawn with a thicker or a thinner pen.
    """
    require("matplotlib", "drawing digits from its fonts")
    import matplotlib
    from matplotlib.font_manager import FontProperties, get_font
    from matplotlib.path import Path as Outline
    from matplotlib.textpath import TextToPath
    from matplotlib.transforms import Affine2D
    from scipy.ndimage import center_of_mass, distance_transform_edt

    font, zero = STYLES[style]
    file = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    text_to_path = TextToPath()
    # In the units that the font was designed in, FreeType rounds nothing; it rounds differently in each version.
    text_to_path.FONT_SCALE = get_font(file).units_per_EM
    vertices, codes = text_to_path.get_text_path(FontProperties(fname=file), chr(ord(zero) + digit))
    outline = Outline(vertices, codes)
    (left, bottom), (right, top) = outline.get_extents().get_points()
    side = SIZE * FINENESS
    to_box = Affine2D().translate(-(left + right) / 2, -(bottom + top) / 2)
    to_box.scale(HEIGHT * FINENESS / max(right - left, top - bottom)).translate(side / 2, side / 2)

    rows, columns = np.indices((side, side)) + 0.5
    points = np.column_stack((columns.ravel(), side - rows.ravel()))
    inside = np.zeros((side, side), bool)
    for contour in outline.to_polygons(to_box):
        # A hole is a contour inside another one, so that its points are inverted twice.
        inside ^= Outline(contour).contains_points(points).reshape(side, side)
    off_centre = (side - 1) / 2 - np.array(center_of_mass(inside))
    inside = np.roll(inside, np.rint(off_centre).astype(int), axis=(0, 1))
    distance = distance_transform_edt(inside) - distance_transform_edt(~inside)
    return np.asarray(distance / FINENESS, np.float32)


def _draw(glyph: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.uint8]:
    """An image of a glyph, turned, slanted, scaled, shifted and bent.

    One map says which point of the glyph each pixel shows. The distance at that point says how bright the pixel is.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    angle = generator.uniform(-0.2, 0.2)
    slant = generator.uniform(-0.3, 0.3)
    height, width = generator.uniform(0.75, 1.05), generator.uniform(0.7, 1.1)
    offset = generator.uniform(-1.0, 1.0, size=2)
    pen, blur = generator.uniform(-0.4, 0.6), generator.uniform(0.9, 1.6)  # extra thickness; the width of an edge
    bend = gaussian_filter(generator.uniform(-1, 1, size=(2, SIZE, SIZE)), sigma=(0, 4, 4)) * 20  # for each pixel

    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = np.array([[1 / height, 0], [slant, 1 / width]]) @ turn
    centre = (SIZE - 1) / 2
    pixels = np.indices((SIZE, SIZE)) - centre
    source = np.tensordot(linear, pixels - offset[:, None, None], axes=1) + bend
    middle = (SIZE * FINENESS - 1) / 2
    distance: NDArray[Any] = map_coordinates(glyph, source * FINENESS + middle, order=1, mode="nearest")
    return np.rint(255 * np.clip(0.5 + (distance + pen) / blur, 0, 1)).astype(np.uint8)
