"""What a file holds, by its first bytes and never by its name.

Magic numbers decide, for every reader. `sniff` looks at the first 64 to 4,096 bytes; it separates containers
that hold images from those that hold only sound where the head says so (`ftyp` brands, the codec named in an Ogg
or Matroska head). A file that matches nothing is "text" when its bytes decode as text, else "unknown".
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

Kind = Literal["image", "video", "sound", "text", "unknown"]

HEAD_BYTES = 4096

# Pillow's names for the formats that are read at all; formats that can start programs (EPS) stay out.
_IMAGE_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
)
_PORTABLE_MAP = re.compile(rb"P[1-6]\s+(?:#[^\n]*\n\s*)*\d+\s+\d+\s")
_AVIF_BRANDS = (b"avif", b"avis")
_SOUND_MAGIC = (b"fLaC", b".snd", b"ID3", b"caff", b"#!AMR", b"RF64", b"RIFX", b"wvpk", b"MAC ")
_VIDEO_MAGIC = (
    b"\0\0\1\xba",  # MPEG programme stream
    b"\0\0\1\xb3",  # MPEG-1/2 video
    b"FLV\1",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"DKIF",  # IVF
    b"YUV4MPEG2",
)
_STILL_BRANDS = (b"mif1", b"msf1", b"heic", b"heix", b"heim", b"hevc")
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ")
_MATROSKA_SOUND = (b"A_OPUS", b"A_VORBIS", b"A_AAC", b"A_FLAC", b"A_MPEG", b"A_PCM", b"A_AC3")


def image_format(head: bytes) -> str | None:
    """Pillow's name of the image format that starts with `head` (at least 16 bytes), or None."""
    for magic, name in _IMAGE_MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp" and head[8:12] in _AVIF_BRANDS:
        return "AVIF"
    # "BM" alone also begins English words: the reserved fields of the file header are zero, its info header short.
    if head[:2] == b"BM" and head[6:10] == bytes(4) and len(head) > 17 and 12 <= head[14] <= 124:
        return "BMP"
    return "PPM" if _PORTABLE_MAP.match(head) else None


def sniff(head: bytes) -> Kind:
    """What a file holds, by its first bytes (64 to 4,096 of them; fewer when the file is shorter)."""
    if not head:
        return "unknown"
    if image_format(head):
        return "image"
    for prefix, decide in _CONTAINERS:
        if head.startswith(prefix):
            return decide(head)
    if head.startswith(_SOUND_MAGIC):
        return "sound"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp"):
        return _mp4(head)
    if head.startswith(_VIDEO_MAGIC) or _is_transport_stream(head):
        return "video"
    if _is_mpeg_sound(head):
        return "sound"
    return "text" if _is_text(head) else "unknown"


def sniff_file(path: Path) -> Kind:
    """`sniff` the head of a file. Raises OSError where it cannot be opened."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return sniff(os.read(descriptor, HEAD_BYTES))
    finally:
        os.close(descriptor)


def _riff(head: bytes) -> Kind:
    if head[8:12] == b"WAVE":
        return "sound"
    return "video" if head[8:12] == b"AVI " else "unknown"


def _iff(head: bytes) -> Kind:
    return "sound" if head[8:12] in (b"AIFF", b"AIFC", b"8SVX") else "unknown"


def _ogg(head: bytes) -> Kind:
    return "video" if b"\x80theora" in head or b"\x01video\0" in head or b"OVP80" in head else "sound"


def _matroska(head: bytes) -> Kind:
    """EBML: sound only when the head names a sound codec and no video codec."""
    if b"V_" in head or not any(codec in head for codec in _MATROSKA_SOUND):
        return "video"
    return "sound"


def _mp4(head: bytes) -> Kind:
    brand = head[8:12]
    if head[4:8] != b"ftyp":
        return "video"
    if brand in _STILL_BRANDS:
        return "image"
    return "sound" if brand in _SOUND_BRANDS else "video"


def _is_transport_stream(head: bytes) -> bool:
    # Plain packets are 188 bytes; M2TS puts a 4-byte time stamp before each.
    plain = len(head) > 376 and head[0] == head[188] == head[376] == 0x47
    return plain or (len(head) > 388 and head[4] == head[196] == head[388] == 0x47)


def _is_mpeg_sound(head: bytes) -> bool:
    """An MPEG audio frame header (ISO 11172-3) or ADTS at the very start, with no reserved field in use."""
    # FF FE would be MPEG-1 layer I, which is not in use; it is the byte order mark of UTF-16.
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or head[1] == 0xFE:
        return False
    if head[1] & 0xF6 == 0xF0:  # ADTS: layer bits zero
        return (head[2] >> 2) & 0xF < 13
    version, layer = (head[1] >> 3) & 3, (head[1] >> 1) & 3
    return version != 1 and layer != 0 and head[2] >> 4 != 15 and (head[2] >> 2) & 3 != 3


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if b"\0" in head:
        return False
    control = sum(head.count(bytes([code])) for code in (*range(1, 9), *range(14, 27)))
    if control * 50 > len(head):
        return False
    # The head may end inside a multi-byte character; legacy encodings (Latin-1, GBK) have few control codes in C1.
    try:
        head[:-3].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 7:
            return True
        return sum(byte >= 0x80 for byte in head) < len(head) // 3 or _is_double_byte(head)
    return True


def _is_double_byte(head: bytes) -> bool:
    for name in ("gb18030", "shift_jis", "euc_kr", "big5"):
        try:
            head.decode(name)
        except UnicodeDecodeError as error:
            if error.start < len(head) - 4:
                continue
        return True
    return False


_CONTAINERS: tuple[tuple[bytes, Callable[[bytes], Kind]], ...] = (
    (b"RIFF", _riff),
    (b"FORM", _iff),
    (b"OggS", _ogg),
    (b"\x1a\x45\xdf\xa3", _matroska),
)
