"""MNIST is read from IDX, MATLAB and .npz files, and downloaded once and checked. Errors name the damaged file."""

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
from numpy.typing import NDArray
from scipy.io import savemat

from tinygrad_mlp.datasets import download, embedded_digits, load_digits, load_mnist

REAL = Path(__file__).parents[3] / "shared" / "mnist"

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8)
LABELS = np.arange(12) % 10


def idx(array: NDArray[Any]) -> bytes:
    """The array as an IDX file."""
    header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def npz(**contents: Any) -> bytes:
    """The arrays as an .npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **contents)
    return file.getvalue()


def mat(**contents: Any) -> bytes:
    """The arrays as a MATLAB file."""
    file = io.BytesIO()
    savemat(file, contents)
    return file.getvalue()


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def assert_equal(loaded: tuple[Any, ...], images: NDArray[Any] = IMAGES, labels: NDArray[Any] = LABELS) -> None:
    """Assert that images and labels were loaded, contiguous, writeable and of the right dtypes."""
    assert loaded[0].dtype == np.uint8
    assert loaded[1].dtype == np.int64
    np.testing.assert_array_equal(loaded[0], images)
    np.testing.assert_array_equal(loaded[1], labels)
    assert all(array.flags.writeable and array.flags.c_contiguous for array in loaded[:2])


def with_a_wrong_byte(content: bytes, at: int) -> bytes:
    """The content with the byte at position `at` changed."""
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


# --- Formats ----------------------------------------------------------------------------------------------------------

MATLAB_IMAGES = IMAGES.transpose(1, 2, 0)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("spelling", ["{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_files_are_read(tmp_path: Path, train: bool, spelling: str, pack: Callable[[bytes], bytes]) -> None:
    part = "train" if train else "t10k"
    end = ".gz" if pack is gzip.compress else ""
    files = {
        spelling.format(part, "images", 3) + end: pack(idx(IMAGES)),
        spelling.format(part, "labels", 1) + end: pack(idx(LABELS)),
    }
    assert_equal(load_mnist(write(tmp_path, files), train=train))
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
def test_mat_and_npz_files_are_read(tmp_path: Path, name: str, content: bytes, train: bool) -> None:
    write(tmp_path, {name: content, "notes.txt": b""})
    assert_equal(load_mnist(tmp_path / name, train=train))
    assert_equal(load_mnist(str(tmp_path), train=train))


IMAGE_FILE, LABEL_FILE = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
IMAGE_GZ, LABEL_GZ = f"{IMAGE_FILE}.gz", f"{LABEL_FILE}.gz"
GOOD = {IMAGE_FILE: idx(IMAGES), LABEL_FILE: idx(LABELS)}
GOOD_GZ = {f"{name}.gz": gzip.compress(content) for name, content in GOOD.items()}
GOOD_NPZ = npz(x_train=IMAGES, y_train=LABELS)

# A file, its content, and what the message says is wrong. Where files come in pairs, the other file is good.
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
    (IMAGE_GZ, with_a_wrong_byte(gzip.compress(idx(IMAGES)), at=-6), "not a good gzip file: CRC check failed"),
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
def test_a_malformed_file_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    pair = next((pair for pair in (GOOD, GOOD_GZ) if name in pair), {})
    write(tmp_path, pair | {name: content})
    with pytest.raises(ValueError, match=f"{re.escape(str(tmp_path / name))}.*{message}"):
        load_mnist(tmp_path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: no such file or folder"):
        load_mnist(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"neither train-images-idx3-ubyte and .* nor a \.mat or \.npz"):
        load_mnist(tmp_path)
    write(tmp_path, {IMAGE_FILE: GOOD[IMAGE_FILE]})
    with pytest.raises(FileNotFoundError, match="images-idx3-ubyte is there, but train-labels-idx1-ubyte"):
        load_mnist(tmp_path)
    with pytest.raises(ValueError, match=f"for IDX files, give the folder .*{re.escape(str(tmp_path))}"):
        load_mnist(tmp_path / IMAGE_FILE)


def test_two_files_that_fit_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a.npz": GOOD_NPZ, "b.npz": GOOD_NPZ})
    with pytest.raises(ValueError, match=r"holds a\.npz, b\.npz; give the path of the one"):
        load_mnist(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real MNIST is not at ../shared/mnist")
@pytest.mark.parametrize(("train", "n"), [(True, 60_000), (False, 10_000)])
def test_the_real_mnist_has_its_checksums(train: bool, n: int) -> None:
    images, labels, description = load_digits(REAL, train=train)
    assert images.shape == (n, 28, 28)
    assert f"{n:,} {'training' if train else 'test'} images" in description
    assert np.bincount(labels).min() > n / 12
    image_name, label_name = download.standard_files(train)
    assert hashlib.sha256(idx(images)).hexdigest() == download.SHA256[image_name]
    assert hashlib.sha256(idx(labels)).hexdigest() == download.SHA256[label_name]


# --- Downloads --------------------------------------------------------------------------------------------------------


class Mirror:
    """A web server on this machine that serves ``files`` and notes each request."""

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
    """A function that starts a mirror. During the test, MNIST has the checksums of the small files made here."""
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
def unreachable() -> str:
    """An address of this machine where no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def file_names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_download_is_cached(tmp_path: Path, serve: Serve) -> None:
    first, second = serve(GOOD_GZ), serve(GOOD_GZ)
    load = partial(load_mnist, cache=tmp_path / "new", mirrors=[first.url, second.url])
    assert_equal(load())
    assert file_names(tmp_path / "new") == [IMAGE_FILE, LABEL_FILE]
    asked = list(first.asked)
    assert sum(request.startswith("GET") for request in asked) == 2
    assert_equal(load())
    assert first.asked == asked
    assert not second.asked


def test_a_download_shows_its_progress(tmp_path: Path, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert_equal(load_mnist(cache=tmp_path, mirrors=[serve(GOOD_GZ).url], progress=True))
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
def test_the_second_mirror_replaces_what_the_first_lacks(tmp_path: Path, serve: Serve, bad: dict[str, bytes]) -> None:
    assert_equal(load_mnist(cache=tmp_path, mirrors=[serve(bad).url, serve(GOOD_GZ).url.rstrip("/")]))
    assert file_names(tmp_path) == [IMAGE_FILE, LABEL_FILE]


def test_the_second_mirror_replaces_an_unreachable_one(tmp_path: Path, serve: Serve, unreachable: str) -> None:
    assert_equal(load_mnist(cache=tmp_path, mirrors=[unreachable, serve(GOOD_GZ).url]))


def test_a_download_with_a_wrong_checksum_is_deleted(tmp_path: Path, serve: Serve) -> None:
    wrong = serve({IMAGE_GZ: gzip.compress(idx(IMAGES[::-1]))})
    with pytest.raises(OSError, match=r"SHA256 .*does not match.*Deleted download.*; .*SHA256") as caught:
        load_mnist(cache=tmp_path, mirrors=[wrong.url, wrong.url])
    assert not isinstance(caught.value, ConnectionError)
    assert file_names(tmp_path) == []
    with pytest.raises(OSError, match="Deleted download"):
        load_digits("auto", cache=tmp_path, mirrors=[wrong.url])


def test_an_error_names_every_mirror_that_failed(tmp_path: Path, serve: Serve, unreachable: str) -> None:
    empty = serve({})
    message = f"{IMAGE_FILE} could not be downloaded .*{unreachable[7:]}: .*refused.*; .*{empty.host}: 404"
    with pytest.raises(ConnectionError, match=message) as caught:
        load_mnist(cache=tmp_path, mirrors=[unreachable, empty.url])
    assert "Max retries exceeded" not in str(caught.value)
    assert file_names(tmp_path) == []


def test_a_network_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_damaged_cache_is_downloaded_again(tmp_path: Path, serve: Serve) -> None:
    write(tmp_path, GOOD | {LABEL_FILE: with_a_wrong_byte(GOOD[LABEL_FILE], -1)})
    assert_equal(load_mnist(cache=tmp_path, mirrors=[serve(GOOD_GZ).url]))
    assert (tmp_path / LABEL_FILE).read_bytes() == GOOD[LABEL_FILE]


@pytest.mark.parametrize("source", ["auto", "mnist"])
@pytest.mark.usefixtures("serve")
def test_a_damaged_cache_without_a_network_raises(tmp_path: Path, unreachable: str, source: str) -> None:
    content = with_a_wrong_byte(GOOD[IMAGE_FILE], -1)
    write(tmp_path, {IMAGE_FILE: content})
    message = f"{IMAGE_FILE}: this copy in the cache is damaged .*refused.*Delete it"
    with pytest.raises(ValueError, match=message):
        load_digits(source, cache=tmp_path, mirrors=[unreachable])
    assert (tmp_path / IMAGE_FILE).read_bytes() == content


def test_a_full_disk_is_not_reported_as_a_network_error(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    mirror = serve(GOOD_GZ)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        load_digits("auto", cache=tmp_path, mirrors=[mirror.url])
    assert not isinstance(caught.value, ConnectionError)
    assert file_names(tmp_path) == []


@pytest.mark.parametrize("mirrors", ["http://127.0.0.1/", []])
def test_mirrors_must_be_a_sequence(tmp_path: Path, mirrors: Any) -> None:
    with pytest.raises(TypeError, match="expected a tuple or list of addresses"):
        load_mnist(cache=tmp_path, mirrors=mirrors)


def test_a_mirror_without_a_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="No scheme supplied"):
        load_mnist(cache=tmp_path, mirrors=["mnist"])


def test_the_default_cache_is_named_after_this_project() -> None:
    assert "tinygrad_mlp" in download.cache_folder(None).parts


# --- One call for programs --------------------------------------------------------------------------------------------


def test_load_digits_says_where_the_images_come_from(tmp_path: Path, serve: Serve) -> None:
    mirror = serve(GOOD_GZ)
    write(tmp_path, {IMAGE_FILE: GOOD[IMAGE_FILE]})
    kept = "from the cache at"
    for source, how in ("auto", "downloaded to"), ("auto", kept), ("mnist", kept):
        images, labels, description = load_digits(source, cache=tmp_path, mirrors=[mirror.url])
        assert_equal((images, labels))
        assert description == f"standard MNIST, 12 training images {how} {tmp_path}"
    images, labels, description = load_digits(tmp_path)
    assert_equal((images, labels))
    assert description == f"12 training images from {tmp_path}"
    with pytest.raises(FileNotFoundError, match="neither t10k-images"):
        load_digits(tmp_path, train=False)


@pytest.mark.usefixtures("serve")
def test_only_auto_falls_back_to_the_embedded_digits(
    tmp_path: Path, unreachable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = partial(embedded_digits, 10)
    monkeypatch.setattr("tinygrad_mlp.datasets.sources.embedded_digits", lambda n, *, seed: drawn(seed=seed))
    images, labels, description = load_digits("auto", cache=tmp_path, mirrors=[unreachable])
    assert_equal((images, labels), *drawn(seed=0))
    assert re.fullmatch(
        r"embedded digits, 10 training .*\(standard MNIST is not in the cache, and .*refused.*\)", description
    )
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        load_digits("mnist", cache=tmp_path, mirrors=[unreachable])
    with pytest.raises(FileNotFoundError):
        load_digits("enbedded")  # a name that is misspelt is taken for a path
    *test, description = load_digits("embedded", train=False)
    assert_equal(tuple(test), *drawn(seed=1))
    assert description == "embedded digits, 10 test images drawn from matplotlib's fonts (as asked)"
