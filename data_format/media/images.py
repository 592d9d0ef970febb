"""Decode images of any usual format to uint8 pixels.

The same rules for every reader, file name and library:

- the content decides the format; of an animation the first frame counts; the EXIF orientation is applied;
- colour becomes RGB (CMYK and YCCK too), palettes are expanded;
- 16 bits are scaled to 8, by the range of their set where one is given (`value_range`), else by the format's;
- transparency is laid on white: images with alpha are mostly dark drawings and logos meant for a page;
- 1 channel is luma, 3 RGB, 2 luma + alpha, 4 RGB + alpha (opaque where the file has none); more cycle RGB + alpha;
- an image that is cut short, empty or not an image raises `Unreadable`: half an image is never passed off as one.

OpenCV decodes the plain cases (whole 8-bit JPEG and PNG; a third of Pillow's time on small images), Pillow all
others, imported only for such a file. When few pixels are wanted a JPEG is decoded at 1/2, 1/4 or 1/8 of
its size in the DCT domain, never below the wanted size. All functions may be called from several threads.
"""

import io
import os
import struct
import zlib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data_format.errors import Unreadable
from data_format.examples import Dense, Encoded, Example, MediaFile
from data_format.media.file_types import image_format, sniff
from data_format.media.high_bit_depth import HEAD_BYTES, deep_colour, deep_grey, may_be_deep, upright
from data_format.media.pixels import UNKNOWN, Pixels, ValueRange, as_bytes, fit_to, pad_size, with_channels

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

MAX_PIXELS = 178_956_970  # Pillow's own limit against decompression bombs
MAX_FILE_BYTES = 1 << 30

_ORIENTATION = 0x0112
# What Pillow raises on broken files: its plugins raise whatever parsing meets.
_BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError,
    RuntimeError, MemoryError, Warning, struct.error, zlib.error,
)  # fmt: skip


def decode_frame(blob: bytes, channels: int) -> Pixels:
    """Decode an encoded image at full size to (h, w, channels). Raises Unreadable(reason)."""
    return _decode(blob, channels, None, "squash", UNKNOWN)


def image_at(
    example: Example,
    height: int,
    width: int,
    channels: int,
    value_range: ValueRange = UNKNOWN,
    fit: str = "squash",
) -> Pixels:
    """Decode the (first) image of an example to (height, width, channels).

    value_range: for Dense arrays and images of more than 8 bits, mapped linearly to 0…255; (0, 0) finds it from the
    array, or takes the format's.
    fit: "squash", "pad" (aspect kept, mean colour around) or "crop" (aspect kept, centre).
    Raises Unreadable(reason).
    """
    if isinstance(example, Dense):
        if not example.array.size:
            raise Unreadable(f"array without values, shape {example.array.shape}")
        frame = with_channels(as_bytes(example.array[0], value_range), channels)
        return fit_to(np.ascontiguousarray(frame), height, width, fit)
    return fit_to(_decode(_first_blob(example), channels, (height, width), fit, value_range), height, width, fit)


def image_size(example: Example) -> tuple[int, int, int]:
    """(rows, columns, channels) as it would decode, from the header alone where possible. Raises Unreadable."""
    if isinstance(example, Dense):
        _, rows, columns, channels = example.array.shape
        return rows, columns, channels
    blob = _first_blob(example)
    plain = _plain_jpeg(blob)
    if plain is not None and not plain[3]:
        return plain[:3]
    with _opened(blob) as image:
        if image.format == "TIFF":  # Pillow turns these itself while loading
            try:
                image.load()
            except _BROKEN as error:
                raise Unreadable(_reason(image.format, error)) from error
        rows, columns = image.height, image.width
        if _orientation(image) >= 5:
            rows, columns = columns, rows
        grey = image.mode in ("1", "L", "LA", "F", "I") or image.mode.startswith("I;16")
        return rows, columns, 1 if grey else 3


def deep_values(example: Example) -> NDArray[Any] | None:
    """(rows, columns, 1 or 3) numbers of the (first) image where they have more than 8 bits, else None.

    Of other files only the head is read. Raises Unreadable.
    """
    if not may_be_deep(read_file(example.path, HEAD_BYTES) if isinstance(example, MediaFile) else _first_blob(example)):
        return None
    blob = _first_blob(example)
    with _opened(blob) as image:
        _check_size(image)
        try:
            colour = deep_colour(image, blob)
            if colour is not None:
                return upright(colour, _orientation(image))
            if not image.mode.startswith(("I", "F")):
                return None
            image.load()
            return deep_grey(image)
        except _BROKEN as error:
            raise Unreadable(_reason(image.format, error)) from error


def frames_of(example: Example) -> int:
    """Number of frames without decoding them: images of a record, frames of an animation; -1 for a video file."""
    if isinstance(example, Dense):
        return len(example.array)
    if isinstance(example, Encoded):
        return len(example.frames)
    blob = _first_blob(example)
    if image_format(blob) not in ("GIF", "WEBP", "PNG", "AVIF", "TIFF"):
        return -1 if sniff(blob[:4096]) == "video" else 1
    with _opened(blob) as image:
        return int(getattr(image, "n_frames", 1))


def read_file(path: Path, most: int | None = None) -> bytes:
    """The bytes of a small file, or its first `most`.

    Raises Unreadable where there is no such file or it is larger than 1 GiB.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            size = os.fstat(descriptor).st_size
            if size > MAX_FILE_BYTES:
                raise Unreadable(f"image file of {size} bytes, more than {MAX_FILE_BYTES}")
            return os.read(descriptor, size if most is None else min(size, most))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error


def _first_blob(example: Example) -> bytes:
    if isinstance(example, MediaFile):
        return read_file(example.path)
    if isinstance(example, Encoded):
        if not example.frames:
            raise Unreadable("record with 0 images")
        return example.frames[0]
    raise Unreadable(f"no image in a {type(example).__name__} example")


def _decode(blob: bytes, channels: int, wanted: tuple[int, int] | None, fit: str, value_range: ValueRange) -> Pixels:
    """Decode to (h, w, channels) at full size, or reduced but not below what `wanted` (rows, columns) needs."""
    if channels < 1:
        raise ValueError(f"channels must be 1 or more, not {channels}")
    jpeg = _plain_jpeg(blob)
    if jpeg is not None or _is_plain_png(blob):
        reduction = 1 if jpeg is None or wanted is None else _reduction(jpeg, wanted, fit)
        pixels = _opencv(blob, channels, reduction)
        if pixels is not None:
            if jpeg is None or reduction == 1 or jpeg[3]:
                return pixels
            # libjpeg rounds up: a mostly empty last row or column would shift the image.
            return pixels[: round(jpeg[0] / reduction), : round(jpeg[1] / reduction)]
    return _pillow(blob, channels, wanted, value_range)


def _plain_jpeg(blob: bytes) -> tuple[int, int, int, bool] | None:
    """(rows, columns, channels, has EXIF) of a whole 8-bit Huffman-coded grey or colour JPEG, else None.

    Format: ITU-T T.81 annex B. A file that does not end with EOI may be cut short: Pillow decides.
    """
    if not blob.startswith(b"\xff\xd8\xff") or not blob.endswith(b"\xff\xd9"):
        return None
    at, exif, last = 2, False, len(blob) - 10
    while at < last and blob[at] == 0xFF:
        marker = blob[at + 1]
        if 0xC0 <= marker <= 0xC2:
            rows, columns = int.from_bytes(blob[at + 5 : at + 7]), int.from_bytes(blob[at + 7 : at + 9])
            usable = blob[at + 4] == 8 and blob[at + 9] in (1, 3) and 0 < rows * columns <= MAX_PIXELS
            return (rows, columns, blob[at + 9], exif) if usable else None
        if marker == 0xE1 and blob[at + 4 : at + 8] == b"Exif":
            exif = True
        at += 1 if marker == 0xFF else 2 + int.from_bytes(blob[at + 2 : at + 4])
    return None


def _is_plain_png(blob: bytes) -> bool:
    """Whether this is a whole 8-bit grey or RGB PNG without transparency, orientation or animation."""
    if not blob.startswith(b"\x89PNG") or blob[-8:-4] != b"IEND" or blob[24] != 8 or blob[25] not in (0, 2):
        return False
    if int.from_bytes(blob[16:20]) * int.from_bytes(blob[20:24]) > MAX_PIXELS:
        return False
    return not (b"tRNS" in blob or b"eXIf" in blob or b"acTL" in blob)


def _reduction(jpeg: tuple[int, int, int, bool], wanted: tuple[int, int], fit: str) -> int:
    rows, columns, _, exif = jpeg
    if exif:  # may be turned: allow for both ways
        rows = columns = min(rows, columns)
    if fit == "pad":
        wanted = pad_size(rows, columns, *wanted)
    spare = min(rows // wanted[0], columns // wanted[1])
    return 8 if spare >= 8 else 4 if spare >= 4 else 2 if spare >= 2 else 1


def _opencv(blob: bytes, channels: int, reduction: int) -> Pixels | None:
    import cv2

    grey = channels <= 2
    # IMREAD_COLOR = 1, IMREAD_GRAYSCALE = 0; IMREAD_REDUCED_* = 8 · reduction (+ 1 for colour)
    flags = (0 if grey else 1) + (8 * reduction if reduction > 1 else 0)
    try:
        pixels: Pixels | None = cv2.imdecode(np.frombuffer(blob, np.uint8), flags)
    except cv2.error:
        return None
    if pixels is None:
        return None
    if grey:
        pixels = pixels[..., None]
        return pixels if channels == 1 else np.concatenate([pixels, np.full_like(pixels, 255)], -1)
    if channels == 3:
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)  # type: ignore[no-any-return]
    return with_channels(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGBA), channels)


def _pillow(blob: bytes, channels: int, wanted: tuple[int, int] | None, value_range: ValueRange) -> Pixels:
    with _opened(blob) as image:
        _check_size(image)
        try:
            if wanted is not None and image.format == "JPEG":
                side = max(wanted)
                image.draft(None, (side, side))
            colour = deep_colour(image, blob) if value_range != UNKNOWN else None
            if colour is not None:
                colour = upright(colour, _orientation(image))
                return with_channels(as_bytes(colour.astype(np.float32), value_range), channels)
            image.load()
            return pillow_pixels(image, channels, value_range)
        except _BROKEN as error:
            raise Unreadable(_reason(image.format, error)) from error


def _check_size(image: "PillowImage") -> None:
    if image.width * image.height > MAX_PIXELS:
        raise Unreadable(f"image of {image.width} x {image.height} pixels, more than {MAX_PIXELS} in all")


def _opened(blob: bytes) -> "PillowImage":
    """Open lazily with the one plugin that fits: trying them all would import some 45 modules."""
    name = image_format(blob[:64])
    if name is None:
        raise Unreadable(f"no known image format (looks like {sniff(blob[:4096])})" if blob else "empty file (0 bytes)")
    from PIL import Image

    if name in _LATE_PLUGINS:
        import_module(f"PIL.{_LATE_PLUGINS[name]}")
    try:
        return Image.open(io.BytesIO(blob), formats=(name,))
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise Unreadable(_reason(name, error)) from error


# Plugins that Image.preinit leaves out.
_LATE_PLUGINS = {
    "WEBP": "WebPImagePlugin",
    "TIFF": "TiffImagePlugin",
    "AVIF": "AvifImagePlugin",
    "ICO": "IcoImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
}


def _reason(name: str | None, error: BaseException) -> str:
    """Give a short reason that is the same for all files with the same fault."""
    text = str(error).lower()
    if "truncated" in text or isinstance(error, EOFError) or "incomplete" in text:
        return f"{name} image cut short"
    return f"broken {name} image ({type(error).__name__})"


def _orientation(image: "PillowImage") -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _BROKEN:  # a damaged EXIF block does not make the pixels unreadable
        return 1


def pillow_pixels(image: "PillowImage", channels: int, value_range: ValueRange = UNKNOWN) -> Pixels:
    """Pixels (h, w, channels) of a loaded Pillow image, by the rules of this module."""
    from PIL import Image

    orientation = _orientation(image)
    if 2 <= orientation <= 8:
        turns = Image.Transpose
        image = image.transpose(
            (
                turns.FLIP_LEFT_RIGHT, turns.ROTATE_180, turns.FLIP_TOP_BOTTOM, turns.TRANSPOSE,
                turns.ROTATE_270, turns.TRANSVERSE, turns.ROTATE_90,
            )[orientation - 2]
        )  # fmt: skip
    deep = deep_grey(image)
    if deep is not None:
        return with_channels(_deep_pixels(deep.astype(np.float32), image.mode, value_range), channels)
    if channels in (2, 4):
        return np.array(image.convert("LA" if channels == 2 else "RGBA"))
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer)
    if channels == 1:
        return np.array(image.convert("L"))[..., None]
    return with_channels(np.array(image.convert("RGB" if channels == 3 else "RGBA")), channels)


def _deep_pixels(values: NDArray[np.float32], mode: str, value_range: ValueRange) -> Pixels:
    """16-bit, 32-bit and float grey: the given range, the 16-bit range where the file has 16 bits, or that found."""
    if value_range != UNKNOWN:
        return as_bytes(values, value_range)
    if mode.startswith("I;16") or (mode == "I" and 255 < values.max() <= 65535 and values.min() >= 0):
        return as_bytes(values, (0, 65535))
    return as_bytes(values)


def animation(blob: bytes, frames: int, channels: int, value_range: ValueRange = UNKNOWN) -> list[Pixels]:
    """Up to `frames` images spread evenly over an animation (a still gives one), each (h, w, channels).

    A cut animation gives what came before the cut. Raises Unreadable where not even the first frame decodes.
    """
    with _opened(blob) as image:
        try:
            count = int(getattr(image, "n_frames", 1))
        except _BROKEN:
            count = 1
        pictures: list[Pixels] = []
        wanted = dict.fromkeys((2 * part + 1) * count // (2 * frames) for part in range(frames))
        for index in wanted:
            try:
                image.seek(index)
                image.load()
                pictures.append(pillow_pixels(image, channels, value_range))
            except _BROKEN:
                break
    return pictures or [_decode(blob, channels, None, "squash", value_range)]
