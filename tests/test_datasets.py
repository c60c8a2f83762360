"""The data: every format read back, every damaged file named, downloads from a server on this machine."""

import gzip
import hashlib
import io
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.io import savemat

from tinygrad_mlp.datasets import (
    Standardizer,
    download,
    embedded_digits,
    load_digits,
    load_mnist,
    one_hot,
    preprocess,
)

REAL = Path(__file__).parents[2] / "shared" / "mnist"

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8)
LABELS = np.arange(12) % 10


def idx(array: NDArray[Any]) -> bytes:
    header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def npz(**contents: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **contents)
    return file.getvalue()


def mat(**contents: Any) -> bytes:
    file = io.BytesIO()
    savemat(file, contents)
    return file.getvalue()


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def same(loaded: tuple[Any, ...], images: NDArray[Any] = IMAGES, labels: NDArray[Any] = LABELS) -> None:
    assert loaded[0].dtype == np.uint8
    assert loaded[1].dtype == np.int64
    np.testing.assert_array_equal(loaded[0], images)
    np.testing.assert_array_equal(loaded[1], labels)
    assert all(array.flags.writeable and array.flags.c_contiguous for array in loaded[:2])


def damaged(content: bytes, at: int) -> bytes:
    """The same with one byte changed."""
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


# Formats ---------------------------------------------------------------------------------------

MATLAB_IMAGES = IMAGES.transpose(1, 2, 0)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("spelling", ["{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx(tmp_path: Path, train: bool, spelling: str, pack: Callable[[bytes], bytes]) -> None:
    part = "train" if train else "t10k"
    end = ".gz" if pack is gzip.compress else ""
    files = {
        spelling.format(part, "images", 3) + end: pack(idx(IMAGES)),
        spelling.format(part, "labels", 1) + end: pack(idx(LABELS)),
    }
    same(load_mnist(write(tmp_path, files), train=train))
    with pytest.raises(FileNotFoundError):
        load_mnist(tmp_path, train=not train)


MATLAB_BOTH = mat(train_images=MATLAB_IMAGES[:, :, :3], test_images=MATLAB_IMAGES, test_labels=LABELS)
CONTAINERS: list[tuple[str, bytes, bool]] = [
    ("train.mat", mat(train_images=MATLAB_IMAGES, train_labels=LABELS), True),
    ("train.mat", mat(train_images=MATLAB_IMAGES, train_labels=LABELS[:, None].astype(float)), True),
    ("train.mat", mat(train_images=MATLAB_IMAGES.astype(float), labels=LABELS), True),
    ("both.mat", MATLAB_BOTH, False),
    ("mnist.npz", npz(x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:1], y_test=LABELS[:1]), True),
    ("mnist.npz", npz(x_train=IMAGES[:1], y_train=LABELS[:1], x_test=IMAGES, y_test=LABELS), False),
    ("mnist.npz", npz(train_images=IMAGES, train_labels=LABELS), True),
]


@pytest.mark.parametrize(("name", "content", "train"), CONTAINERS)
def test_mat_and_npz(tmp_path: Path, name: str, content: bytes, train: bool) -> None:
    write(tmp_path, {name: content, "notes.txt": b""})
    same(load_mnist(tmp_path / name, train=train))
    same(load_mnist(str(tmp_path), train=train))


IMAGE_FILE, LABEL_FILE = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
IMAGE_GZ, LABEL_GZ = f"{IMAGE_FILE}.gz", f"{LABEL_FILE}.gz"
GOOD = {IMAGE_FILE: idx(IMAGES), LABEL_FILE: idx(LABELS)}
GOOD_GZ = {f"{name}.gz": gzip.compress(content) for name, content in GOOD.items()}
GOOD_NPZ = npz(x_train=IMAGES, y_train=LABELS)

# A file, what is in it, and what the message must say is wrong with it. The other of a pair is good.
DAMAGED = r"truncated or damaged gzip file \(\d+ bytes\)"
MALFORMED: list[tuple[str, bytes, str]] = [
    (IMAGE_FILE, idx(LABELS), r"magic number 0x00000801, expected 0x00000803 .*in 3 dimensions\)"),
    (LABEL_FILE, b"<!doctype html>", r"magic number 0x3c21646f, expected 0x00000801 .*in 1 dimension\)"),
    (IMAGE_FILE, b"", "0 bytes, truncated: the header alone takes 16"),
    (LABEL_FILE, idx(LABELS)[:7], "7 bytes, truncated: the header alone takes 8"),
    (IMAGE_FILE, idx(IMAGES)[:-1], "9,423 bytes, .* 12 × 28 × 28, which makes 9,424 bytes; .*truncated"),
    (LABEL_FILE, idx(LABELS) + b"\0", "21 bytes, .* says 12, which makes 20 bytes; .* too long"),
    (IMAGE_FILE, idx(IMAGES[:, :14]), r"shape \(12, 14, 28\), expected n×28×28"),
    (LABEL_FILE, idx(LABELS[1:]), "12 images, but 11 labels"),
    (LABEL_FILE, idx(LABELS + 1), "labels must be whole numbers from 0 to 9; 1 are not, the first 10"),
    (IMAGE_GZ, idx(IMAGES), "not a good gzip file"),
    (LABEL_GZ, gzip.compress(idx(LABELS))[:-9], DAMAGED),
    (LABEL_GZ, gzip.compress(idx(LABELS))[:10] + b"\xff" * 20, DAMAGED),
    (IMAGE_GZ, damaged(gzip.compress(idx(IMAGES)), at=-6), "not a good gzip file: CRC check failed"),
    ("a.mat", b"x" * 200, "not a good MATLAB file"),
    ("a.mat", mat(train_images=MATLAB_IMAGES)[:-99], "not a good MATLAB file"),
    ("a.mat", b"MATLAB 7.3".ljust(124) + b"\x00\x02IM", "a MATLAB 7.3 file; save it with"),
    ("a.mat", mat(train_images=MATLAB_IMAGES, y=[1]), "train_images, y; expected train_labels or labels"),
    ("a.mat", mat(train_images=IMAGES, labels=LABELS), r"shape \(12, 28, 28\), expected 28×28×n"),
    ("a.npz", b"PK, but no more", "not a good .npz file"),
    ("a.npz", GOOD_NPZ[:-30], "not a good .npz file"),
    ("a.npz", npz(x_train=IMAGES, y_train=np.array([{}] * 12)), "not a good .npz file: .*allow_pickle"),
    ("a.npz", npz(images=IMAGES), "holds images; expected train_images or x_train"),
    ("a.npz", npz(x_train=IMAGES.reshape(12, -1), y_train=LABELS), r"\(12, 784\), expected n×28×28"),
    ("a.npz", npz(x_train=IMAGES[:0], y_train=LABELS[:0]), "no images"),
    ("a.npz", npz(x_train=IMAGES / 255, y_train=LABELS), "images must be whole numbers from 0 to 255"),
    ("a.npz", npz(x_train=IMAGES, y_train=np.where(LABELS == 3, np.nan, 0)), "1 are not, the first nan"),
    ("a.npz", npz(x_train=IMAGES, y_train=LABELS - 1), "labels must be whole .*2 are not, the first -1"),
    ("a.npz", npz(x_train=IMAGES, y_train=LABELS.astype(str)), "labels of dtype <U.*, expected whole"),
    ("a.npz", npz(x_train=IMAGES, y_train=np.eye(12)), r"labels of shape \(12, 12\), expected one number"),
]


@pytest.mark.parametrize(("name", "content", "message"), MALFORMED, ids=[row[2] for row in MALFORMED])
def test_malformed_file(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    pair = next((pair for pair in (GOOD, GOOD_GZ) if name in pair), {})
    write(tmp_path, pair | {name: content})
    with pytest.raises(ValueError, match=f"{re.escape(str(tmp_path / name))}.*{message}"):
        load_mnist(tmp_path)


def test_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: no such file or folder"):
        load_mnist(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"neither train-images-idx3-ubyte and .* nor a \.mat or \.npz"):
        load_mnist(tmp_path)
    write(tmp_path, {IMAGE_FILE: GOOD[IMAGE_FILE]})
    with pytest.raises(FileNotFoundError, match="images-idx3-ubyte is there, but train-labels-idx1-ubyte"):
        load_mnist(tmp_path)
    with pytest.raises(ValueError, match=f"for IDX files, give the folder .*{re.escape(str(tmp_path))}"):
        load_mnist(tmp_path / IMAGE_FILE)


def test_two_candidates_are_not_chosen_between(tmp_path: Path) -> None:
    write(tmp_path, {"a.npz": GOOD_NPZ, "b.npz": GOOD_NPZ})
    with pytest.raises(ValueError, match=r"holds a\.npz, b\.npz; give the path of the one"):
        load_mnist(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real MNIST is not at ../shared/mnist")
@pytest.mark.parametrize(("train", "n"), [(True, 60_000), (False, 10_000)])
def test_real_mnist(train: bool, n: int) -> None:
    images, labels, description = load_digits(REAL, train=train)
    assert images.shape == (n, 28, 28)
    assert f"{n:,} {'training' if train else 'test'} images" in description
    assert np.bincount(labels).min() > n / 12
    image_name, label_name = download.standard_files(train)
    assert hashlib.sha256(idx(images)).hexdigest() == download.SHA256[image_name]
    assert hashlib.sha256(idx(labels)).hexdigest() == download.SHA256[label_name]


# Downloads -------------------------------------------------------------------------------------


class Mirror:
    """A web server on this machine that serves ``files`` and notes what it was asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.asked = files, list[str]()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = mirror.files.get(self.path.removeprefix("/mnist/"))
                mirror.asked.append(f"{self.command} {self.path}")
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content or b"")

            do_HEAD = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/mnist/"
        self.thread = threading.Thread(target=partial(self.server.serve_forever, poll_interval=0.01))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, bytes]], Mirror]]:
    """Starts mirrors; the small files of this test are the standard ones while it runs."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in GOOD.items()}
    monkeypatch.setattr(download, "SHA256", checksums)
    mirrors = list[Mirror]()

    def start(files: dict[str, bytes]) -> Mirror:
        mirrors.append(Mirror(files))
        return mirrors[-1]

    yield start
    for mirror in mirrors:
        mirror.close()


Serve = Callable[[dict[str, bytes]], Mirror]


@pytest.fixture
def nobody() -> str:
    """An address of this machine where no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_download_once(tmp_path: Path, serve: Serve) -> None:
    first, second = serve(GOOD_GZ), serve(GOOD_GZ)
    load = partial(load_mnist, cache=tmp_path / "new", mirrors=[first.url, second.url])
    same(load())
    assert names(tmp_path / "new") == [IMAGE_FILE, LABEL_FILE]
    asked = list(first.asked)
    assert sum(request.startswith("GET") for request in asked) == 2
    same(load())
    assert first.asked == asked
    assert not second.asked


def test_download_shows_progress(tmp_path: Path, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    same(load_mnist(cache=tmp_path, mirrors=[serve(GOOD_GZ).url], progress=True))
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize(
    "bad",
    [
        {},
        GOOD_GZ | {LABEL_GZ: gzip.compress(idx(LABELS[::-1]))},
        GOOD_GZ | {IMAGE_GZ: b"<!doctype html>"},
        GOOD_GZ | {IMAGE_GZ: GOOD_GZ[IMAGE_GZ][:-100]},
    ],
    ids=["not found", "wrong checksum", "not gzip", "truncated"],
)
def test_second_mirror_mends_the_first(tmp_path: Path, serve: Serve, bad: dict[str, bytes]) -> None:
    same(load_mnist(cache=tmp_path, mirrors=[serve(bad).url, serve(GOOD_GZ).url.rstrip("/")]))
    assert names(tmp_path) == [IMAGE_FILE, LABEL_FILE]


def test_first_mirror_down(tmp_path: Path, serve: Serve, nobody: str) -> None:
    same(load_mnist(cache=tmp_path, mirrors=[nobody, serve(GOOD_GZ).url]))


def test_wrong_checksum_is_deleted_and_said(tmp_path: Path, serve: Serve) -> None:
    wrong = serve({IMAGE_GZ: gzip.compress(idx(IMAGES[::-1]))})
    with pytest.raises(OSError, match=r"SHA256 .*does not match.*Deleted download.*; .*SHA256") as caught:
        load_mnist(cache=tmp_path, mirrors=[wrong.url, wrong.url])
    assert not isinstance(caught.value, ConnectionError)
    assert names(tmp_path) == []
    with pytest.raises(OSError, match="Deleted download"):
        load_digits("auto", cache=tmp_path, mirrors=[wrong.url])


def test_both_mirrors_down(tmp_path: Path, serve: Serve, nobody: str) -> None:
    empty = serve({})
    message = f"{IMAGE_FILE} could not be downloaded .*{nobody[7:]}: .*refused.*; .*{empty.host}: 404"
    with pytest.raises(ConnectionError, match=message) as caught:
        load_mnist(cache=tmp_path, mirrors=[nobody, empty.url])
    assert "Max retries exceeded" not in str(caught.value)
    assert names(tmp_path) == []


def test_network_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def look_up(*args: object, **options: object) -> None:
        end.wait(timeout=5)
        raise socket.gaierror("no answer at last")

    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.05)
    try:
        message = r"mirror\.invalid: no answer within 0\.05 seconds; other\.invalid: no answer"
        with pytest.raises(ConnectionError, match=message):
            load_mnist(cache=tmp_path, mirrors=["http://mirror.invalid/", "http://other.invalid/"])
    finally:
        end.set()


def test_damaged_cache_is_renewed(tmp_path: Path, serve: Serve) -> None:
    write(tmp_path, GOOD | {LABEL_FILE: damaged(GOOD[LABEL_FILE], -1)})
    same(load_mnist(cache=tmp_path, mirrors=[serve(GOOD_GZ).url]))
    assert (tmp_path / LABEL_FILE).read_bytes() == GOOD[LABEL_FILE]


@pytest.mark.parametrize("source", ["auto", "mnist"])
@pytest.mark.usefixtures("serve")
def test_damaged_cache_without_network_is_an_error(tmp_path: Path, nobody: str, source: str) -> None:
    content = damaged(GOOD[IMAGE_FILE], -1)
    write(tmp_path, {IMAGE_FILE: content})
    message = f"{IMAGE_FILE}: this copy in the cache is damaged .*refused.*Delete it"
    with pytest.raises(ValueError, match=message):
        load_digits(source, cache=tmp_path, mirrors=[nobody])
    assert (tmp_path / IMAGE_FILE).read_bytes() == content


def test_disk_full_is_not_the_network(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    mirror = serve(GOOD_GZ)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        load_digits("auto", cache=tmp_path, mirrors=[mirror.url])
    assert not isinstance(caught.value, ConnectionError)
    assert names(tmp_path) == []


@pytest.mark.parametrize("mirrors", ["http://127.0.0.1/", []])
def test_mirrors_are_a_sequence(tmp_path: Path, mirrors: Any) -> None:
    with pytest.raises(TypeError, match="expected a tuple or list of addresses"):
        load_mnist(cache=tmp_path, mirrors=mirrors)


def test_address_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="No scheme supplied"):
        load_mnist(cache=tmp_path, mirrors=["mnist"])


def test_default_cache_belongs_to_this_project() -> None:
    assert "tinygrad_mlp" in download.cache_folder(None).parts


# One call for programs --------------------------------------------------------------------------


def test_load_digits_says_where_from(tmp_path: Path, serve: Serve) -> None:
    mirror = serve(GOOD_GZ)
    write(tmp_path, {IMAGE_FILE: GOOD[IMAGE_FILE]})
    kept = "from the cache at"
    for source, how in ("auto", "downloaded to"), ("auto", kept), ("mnist", kept):
        images, labels, description = load_digits(source, cache=tmp_path, mirrors=[mirror.url])
        same((images, labels))
        assert description == f"standard MNIST, 12 training images {how} {tmp_path}"
    images, labels, description = load_digits(tmp_path)
    same((images, labels))
    assert description == f"12 training images from {tmp_path}"
    with pytest.raises(FileNotFoundError, match="neither t10k-images"):
        load_digits(tmp_path, train=False)


@pytest.mark.usefixtures("serve")
def test_only_auto_falls_back(tmp_path: Path, nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = partial(embedded_digits, 10)
    monkeypatch.setattr("tinygrad_mlp.datasets.sources.embedded_digits", lambda n, *, seed: drawn(seed=seed))
    images, labels, description = load_digits("auto", cache=tmp_path, mirrors=[nobody])
    same((images, labels), *drawn(seed=0))
    assert re.fullmatch(
        r"embedded digits, 10 training .*\(standard MNIST is not in the cache, and .*refused.*\)", description
    )
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        load_digits("mnist", cache=tmp_path, mirrors=[nobody])
    with pytest.raises(FileNotFoundError):
        load_digits("enbedded")
    *test, description = load_digits("embedded", train=False)
    same(tuple(test), *drawn(seed=1))
    assert description == "embedded digits, 10 test images drawn from matplotlib's fonts (as asked)"


# Embedded digits --------------------------------------------------------------------------------


def test_embedded_digits() -> None:
    images, labels = embedded_digits(43, seed=5)
    assert images.shape == (43, 28, 28)
    assert np.bincount(labels).tolist() == [5, 5, 5, 4, 4, 4, 4, 4, 4, 4]
    same(embedded_digits(43, seed=5), images, labels)
    assert not np.array_equal(embedded_digits(43, seed=6)[0], images)
    # White on black, every one different, and centred: the middle holds the ink.
    assert (images.max(axis=(1, 2)) > 150).all()
    assert (images[:, [0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()
    assert len(np.unique(images, axis=0)) == 43
    assert images[:, 4:24, 4:24].sum() > 0.9 * images.sum()


def test_embedded_digits_do_not_change_between_versions() -> None:
    images, labels = embedded_digits(8)
    assert labels.tolist() == [2, 4, 3, 6, 5, 0, 1, 7]
    ink = [23913, 30328, 20713, 18682, 8058, 10581, 13118, 11037]
    # Not to the last bit: another processor may round a pixel the other way.
    np.testing.assert_allclose(images.sum(axis=(1, 2)), ink, rtol=0, atol=3)


def test_every_glyph_of_every_style_is_there() -> None:
    from tinygrad_mlp.datasets import digits

    styles = range(len(digits.STYLES))
    glyphs = np.stack([digits._glyph(style, digit) for style in styles for digit in range(10)])
    rows = (glyphs > 0).any(axis=2).sum(axis=1) / digits.FINENESS
    columns = (glyphs > 0).any(axis=1).sum(axis=1) / digits.FINENESS
    np.testing.assert_allclose(np.maximum(rows, columns), digits.HEIGHT, atol=0.5)
    assert len(np.unique(glyphs > 0, axis=0)) == len(glyphs)


@pytest.mark.parametrize("n", [0, -1])
def test_embedded_digits_of_no_number(n: int) -> None:
    with pytest.raises(ValueError, match=f"n={n}; expected at least 1"):
        embedded_digits(n)


# Preprocessing ----------------------------------------------------------------------------------

# Eighths: exactly representable, so that "constant" and "varies" are not matters of rounding.
eighths = st.integers(-8000, 8000).map(lambda k: k / 8)
matrices = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=eighths)
samples = arrays(np.uint8, st.tuples(st.integers(2, 40), st.just(2), st.just(3)))


@given(matrices)
def test_standardizer(x: NDArray[np.float64]) -> None:
    original = x.copy()
    standardizer = Standardizer().fit(x)
    z = standardizer.transform(x)
    varies = (x != x[0]).any(axis=0)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(z.std(axis=0), varies.astype(float), atol=1e-9)
    assert (z[:, ~varies] == 0).all()
    assert (standardizer.transform(x + 1)[:, ~varies] == 0).all()
    np.testing.assert_allclose(z * standardizer.deviation + standardizer.mean, x, atol=1e-9)
    np.testing.assert_array_equal(x, original)


def test_standardizer_in_blocks() -> None:
    x = np.random.default_rng(0).integers(0, 256, (3000, 3), np.uint8)
    standardizer = Standardizer().fit(x)
    np.testing.assert_allclose(standardizer.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(standardizer.deviation, x.std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(standardizer.transform(x), (x - x.mean(axis=0)) / x.std(axis=0), rtol=1e-9)
    assert standardizer.transform(x, np.float32).dtype == np.float32


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-300])
def test_constant_column_is_exactly_zero(value: float) -> None:
    x = np.full((1001, 1), value)
    standardizer = Standardizer().fit(x)
    assert standardizer.deviation == 0
    assert (standardizer.transform(x) == 0).all()
    assert standardizer.transform([[200.0]]) == 0


def test_standardizer_refuses() -> None:
    standardizer = Standardizer()
    with pytest.raises(RuntimeError, match="call fit"):
        standardizer.transform([[1.0]])
    standardizer.fit([[1.0, 2.0], [3.0, 5.0]])
    kept = standardizer.mean, standardizer.deviation
    refused: list[tuple[Any, str]] = [
        (np.zeros((0, 2)), r"empty matrix, of shape \(0, 2\)"),
        ([1.0, 2.0], r"expected a matrix \(n, p\).*shape \(2,\)"),
        ([[1.0, np.nan], [np.inf, 0.0]], "2 values are NaN or infinite, the first in row 0, column 1"),
        ([["a", "b"]], "expected real numbers, given dtype <U1"),
        ([[1j, 0]], "expected real numbers, given dtype complex128"),
    ]
    for bad, message in refused:
        with pytest.raises(ValueError, match=message):
            standardizer.fit(bad)
    assert (standardizer.mean, standardizer.deviation) == kept
    with pytest.raises(ValueError, match="x has 3 columns; this Standardizer was fitted on 2"):
        standardizer.transform(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="1 values are NaN"):
        standardizer.transform([[0.0, np.nan]])


@given(arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 12)), st.integers(0, 3))
def test_one_hot(labels: NDArray[np.int64], more: int) -> None:
    classes = int(labels.max()) + 1
    encoded = one_hot(labels, classes + more)
    assert encoded.shape == (len(labels), classes + more)
    assert ((encoded == 0) | (encoded == 1)).all()
    np.testing.assert_array_equal(encoded.sum(axis=1), 1)
    np.testing.assert_array_equal(encoded.argmax(axis=1), labels)
    np.testing.assert_array_equal(one_hot(labels), encoded[:, :classes])
    assert one_hot(labels, dtype=np.float32).dtype == np.float32


BAD_LABELS: list[tuple[Any, str]] = [
    ([], "no labels"),
    ([[0, 1]], r"shape \(1, 2\); expected one whole number for each"),
    ([0.0, 1.5], r"dtype float64; .*write labels.astype\(int\)"),
    ([0, -2, 1], "label -2 is negative"),
    (["a", "b"], "dtype <U1"),
]


@pytest.mark.parametrize(("labels", "message"), BAD_LABELS)
def test_one_hot_refuses(labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        one_hot(labels)


def test_one_hot_of_too_few_classes() -> None:
    with pytest.raises(ValueError, match="label 3 does not fit 3 classes, which are 0 to 2"):
        one_hot([0, 3], 3)


@given(samples, st.integers(0, 99), st.data())
def test_preprocess_keeps_pairs_together(images: NDArray[np.uint8], seed: int, data: st.DataObject) -> None:
    n = len(images)
    labels = data.draw(arrays(np.uint8, n, elements=st.integers(0, 9)))
    done = preprocess(images, labels, generator=seed)
    assert (len(done.train_x), len(done.validation_x)) == (9 * n // 10, n - 9 * n // 10)
    np.testing.assert_array_equal(np.sort(np.r_[done.train_index, done.validation_index]), np.arange(n))
    for x, y, index in (
        (done.train_x, done.train_y, done.train_index),
        (done.validation_x, done.validation_y, done.validation_index),
    ):
        assert x.dtype == y.dtype == np.float32
        raw = images[index].reshape(-1, 6)
        np.testing.assert_array_equal(x, done.standardizer.transform(raw, np.float32))
        np.testing.assert_array_equal(y, one_hot(labels)[index])
    alone = Standardizer().fit(images[done.train_index].reshape(-1, 6))
    np.testing.assert_array_equal(done.standardizer.mean, alone.mean)
    np.testing.assert_array_equal(done.standardizer.deviation, alone.deviation)


@given(samples, st.integers(0, 99))
def test_validation_does_not_influence_the_training_part(images: NDArray[np.uint8], seed: int) -> None:
    labels = np.zeros(len(images), int)
    before = preprocess(images, labels, generator=seed)
    changed = images.copy()
    changed[before.validation_index] = 255 - changed[before.validation_index]
    after = preprocess(changed, labels, generator=seed)
    np.testing.assert_array_equal(after.train_x, before.train_x)


def test_preprocess_is_reproducible_and_shuffles() -> None:
    x, y = np.arange(400).reshape(200, 2), np.arange(200) % 3
    by_seed = preprocess(x, y, generator=3)
    by_generator = preprocess(x, y, generator=np.random.default_rng(3))
    np.testing.assert_array_equal(by_seed.train_index, by_generator.train_index)
    other = preprocess(x, y, generator=4)
    assert (by_seed.train_index != other.train_index).any()
    assert (np.sort(by_seed.train_index) != by_seed.train_index).any()
    assert preprocess(x, y, generator=3, dtype=np.float64).train_x.dtype == np.float64


@pytest.mark.parametrize(("n", "validation", "n_train"), [(90, 0.3, 63), (10, 0.1, 9), (7, 0, 7), (3, 1 / 3, 2)])
def test_split_is_exact(n: int, validation: float, n_train: int) -> None:
    done = preprocess(np.arange(n)[:, None], np.zeros(n, int), validation=validation, generator=0)
    assert (len(done.train_x), len(done.validation_x)) == (n_train, n - n_train)
    assert (len(done.train_y), len(done.validation_y)) == (n_train, n - n_train)


X, Y = np.zeros((20, 4)), np.zeros(20, int)
BAD_DATA: list[tuple[Any, Any, float, str]] = [
    *((X[: len(labels)], labels, 0.1, message) for labels, message in BAD_LABELS),
    (X, Y[:-1], 0.1, "20 images, but 19 labels"),
    (Y, Y, 0.1, r"shape \(20,\); expected one sample in each row"),
    (X.astype(str), Y, 0.1, "expected real numbers"),
    (
        np.where(np.eye(20, 4), np.nan, 1),
        Y,
        0.1,
        "4 values are NaN or infinite, the first in row 0, column 0",
    ),
    (X[:, :0], Y, 0.1, r"shape \(20, 0\); expected one sample in each row"),
    (X, Y, 1.0, "validation=1.0; expected the part to set aside"),
    (X, Y, -0.1, "validation=-0.1; expected"),
    (X, Y, float("nan"), "validation=nan; expected"),
    (X[:1], Y[:1], 0.1, "validation=0.1 of 1 images leaves none to train on"),
]


@pytest.mark.parametrize(("images", "labels", "validation", "message"), BAD_DATA)
def test_preprocess_refuses(images: Any, labels: Any, validation: float, message: str) -> None:
    generator = np.random.default_rng(0)
    state = generator.bit_generator.state
    with pytest.raises(ValueError, match=message):
        preprocess(images, labels, validation=validation, generator=generator)
    assert generator.bit_generator.state == state
