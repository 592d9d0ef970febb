"""Which encoding a file has, read at once or line by line."""

import pytest

from data_format.raw.text_encoding import TextLines, decode, decode_counted, encoding_notes, encoding_of


@pytest.mark.parametrize(
    ("encoding", "used"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings(encoding, used):
    text = "a,t,y\n1,Café,naïve\n" * 9
    assert decode(text.encode(encoding)) == (text, used)


def test_bytes_that_cp1252_lacks_are_latin_1():
    assert decode(b"a\x81\xe9") == ("a\x81é", "latin-1")


@pytest.mark.parametrize(
    ("data", "text", "encoding", "bad"),
    [
        ("Café, thé".encode() + b"\xff", "Café, thé\ufffd", "utf-8", 1),
        ("\ufeffCafé".encode() + b"\xff\xfe", "Café\ufffd\ufffd", "utf-8-sig", 2),
        ("这里没有".encode()[:-1], "这里没\ufffd", "utf-8", 1),
        ("没有".encode()[:-1], "没\ufffd", "utf-8", 1),
        ("é\ufffd".encode(), "é\ufffd", "utf-8", 0),
        ("é\ufffdé".encode() + b"\xff", "é\ufffdé\ufffd", "utf-8", 1),
        (b"caf\xe9", "café", "cp1252", 0),
        ("CAFÉ” Ã©".encode("cp1252") + b" caf\xe9 \xe0 t\xeate", "CAFÉ” Ã© café à tête", "cp1252", 0),
    ],
)
def test_most_signs_decide_and_bad_bytes_are_counted(data, text, encoding, bad, tmp_path):
    assert decode_counted(data) == (text, encoding, bad)
    (tmp_path / "t").write_bytes(data)
    assert encoding_of(tmp_path / "t") == encoding


def test_a_file_is_looked_at_until_its_signs_decide(tmp_path, monkeypatch):
    monkeypatch.setattr("data_format.raw.text_encoding._BLOCK_BYTES", 7)
    path = tmp_path / "t"
    for text, encoding in (
        ("naïve café", "cp1252"),
        ("naïve café", "utf-8"),
        ("這裡沒有", "utf-8"),
        ("plain", "cp1252"),
    ):
        path.write_bytes(b"only ASCII here\n" * 5000 + text.encode(encoding))
        assert encoding_of(path) == ("utf-8" if text == "plain" else encoding)
    # A stray byte in front turns nothing behind it.
    path.write_bytes(b"\xff" + b"only ASCII here\n" * 5000 + "naïve café".encode())
    assert encoding_of(path) == "utf-8"


def test_lines_keep_their_ends_and_bad_ones_are_counted(tmp_path):
    path = tmp_path / "t"
    path.write_bytes("é\r\nü\u2028\n".encode() + b"\xff\xff\rgood")
    with TextLines(path, "utf-8") as lines:
        assert list(lines) == ["é\r\n", "ü\u2028\n", "\ufffd\ufffd\r", "good"]
    assert lines.bad == 1


@pytest.mark.parametrize(
    ("encoding", "bad", "said"),
    [
        ("utf-8", 0, []),
        ("utf-8-sig", 1, ["1 line not UTF-8, read as U+FFFD"]),
        ("utf-8", 3, ["3 lines not UTF-8, read as U+FFFD"]),
        ("cp1252", 0, ["read as cp1252, since it is not UTF-8"]),
    ],
)
def test_what_is_said(encoding, bad, said):
    assert [problem.reason for problem in encoding_notes("t.csv", encoding, bad, "line")] == said
