from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest

from errors import FileProblem
from imports import encoding
from imports.encoding import Encoding, LineCounter, detect, line_ends

WriteFile = Callable[[str | bytes], Path]
TEXT = "SKU_ID,Name\r\n1,Größe 😀\r\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT.encode(), Encoding("utf-8")),
        (TEXT.encode("utf-8-sig"), Encoding("utf-8-sig", marked=True)),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), Encoding("utf-16", marked=True)),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), Encoding("utf-16", marked=True)),
        ("SKU_ID;Name\r\n1;Größe\r\n".encode("cp1252"), Encoding("cp1252", guessed=2)),
        (TEXT.encode("ascii", "ignore"), Encoding("utf-8", plain=True)),
        (b"", Encoding("utf-8", plain=True)),
    ],
)
def test_encodings_that_are_read(content: bytes, expected: Encoding, write_file: WriteFile) -> None:
    """UTF-8 with and without a byte order mark, UTF-16 with one, and for want of better Windows-1252."""
    assert expected == detect(write_file(content))


def test_one_byte_at_the_very_end_decides(write_file: WriteFile) -> None:
    """A file is UTF-8 only if all of it is, however long it is."""
    content = b"SKU_ID,Name\n" + b"1,plain\n" * 400_000

    assert Encoding("utf-8", plain=True) == detect(write_file(content))
    assert Encoding("cp1252", guessed=400_002) == detect(write_file(content + b"2,Gr\xf6\xdfe\n"))
    assert Encoding("utf-8") == detect(write_file(content + "2,Größe\n".encode()))


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("content", "line", "byte"),
    [
        ("SKU_ID,Name\n1,Größe\n2,Gl\udce4ser\n", 3, "0xE4"),
        ("SKU_ID,Name\r\n1,\udcf6\r\n2,日本\r\n", 2, "0xF6"),
        ("SKU_ID,Name\r1,Á\r2,ÁÁ\udce2\udc82(\r", 3, "0xE2"),
        ("SKU_ID,Name\n1,😀é\n2,\udcf0", 3, "0xF0"),
        ("SKU_ID,Name\n1,é\udcc3\n2,ÁÁÁ", 2, "0xC3"),
        ("SKU_ID,Name\n1,Käse\n2,M\udcfcll\n", 3, "0xFC"),
    ],
)
def test_a_stray_byte_does_not_make_another_encoding_of_utf_8(
    content: str, line: int, byte: str, block: int, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with as many characters of UTF-8 as bytes that are none is refused: all of them would be read wrongly."""
    monkeypatch.setattr(encoding, "BLOCK", block)

    with pytest.raises(FileProblem, match=f"^Line {line} holds the byte {byte}, which is no UTF-8 as") as caught:
        detect(write_file(content.encode("utf-8", "surrogateescape")))

    assert (caught.value.code, caught.value.line) == ("NOT_TEXT", line)


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    ("content", "line"),
    [(b"SKU_ID,Name\n1,\xc3\xbc\n2,\xe4\xf6\n", 3), (b"a\r\n\xe4\xf6\xfc", 2), (b"\x80\xc3\xa4\n\xdf", 1)],
)
def test_what_is_no_utf_8_for_the_most_part_is_windows_1252(
    content: bytes, line: int, block: int, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two letters of it may look like one of UTF-8. The first line that does not is remembered."""
    monkeypatch.setattr(encoding, "BLOCK", block)

    assert Encoding("cp1252", guessed=line) == detect(write_file(content))


def test_what_stray_bytes_are_counted_as(write_file: WriteFile) -> None:
    """The message says how many there are, and how many characters speak for UTF-8."""
    with pytest.raises(FileProblem, match=r"\(bytes that are none: 3, letters beyond a-z: 4\)"):
        detect(write_file("ä\udce4ö\udce2\udc82(😀é".encode("utf-8", "surrogateescape")))


def test_a_character_across_two_blocks_is_whole(write_file: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading block by block does not tear a character of several bytes."""
    monkeypatch.setattr(encoding, "BLOCK", 3)

    assert Encoding("utf-8") == detect(write_file("a😀b😀c😀"))
    assert Encoding("utf-16", marked=True) == detect(write_file("a😀b😀".encode("utf-16")))


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_byte_of_no_encoding_is_named_with_its_line(ends: str, write_file: WriteFile) -> None:
    """NOT_TEXT says on which line the byte stands that neither UTF-8 nor Windows-1252 knows."""
    content = ends.join(["SKU_ID,Name", "1,a", "2,b", "3,\x81"]).encode("latin-1")

    with pytest.raises(FileProblem, match=r"Line 4 holds the byte 0x81") as caught:
        detect(write_file(content))

    assert (caught.value.code, caught.value.line) == ("NOT_TEXT", 4)


def test_the_line_is_right_far_behind_the_first_block(write_file: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line ends are counted over the borders of blocks, a CRLF that is torn by one included."""
    monkeypatch.setattr(encoding, "BLOCK", 7)

    with pytest.raises(FileProblem) as caught:
        detect(write_file(b"a,b\r\n" * 1000 + b"\x8d"))

    assert caught.value.line == 1001


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (codecs.BOM_UTF8 + b"SKU_ID\n1\n\xff", 3),
        (codecs.BOM_UTF16_LE + "SKU_ID\n1\n".encode("utf-16-le") + b"\x00\xd8a\x00", 3),
        (codecs.BOM_UTF16_BE + "SKU_ID\n".encode("utf-16-be") + b"\x00", 2),
    ],
)
def test_a_broken_promise_of_a_byte_order_mark(content: bytes, line: int, write_file: WriteFile) -> None:
    """A file that begins as UTF-8 or UTF-16 and goes on as something else is not guessed at."""
    with pytest.raises(FileProblem, match="begins as UTF") as caught:
        detect(write_file(content))

    assert ("NOT_TEXT", line) == (caught.value.code, caught.value.line)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04\x14\x00[Content_Types].xml", "an Excel workbook .*: save it as CSV UTF-8"),
        (b"PK\x03\x04\x14\x00PRODUCT.csv", "a zip archive: unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", r"an Excel workbook \(.xls\).*save it as CSV UTF-8"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x1f\x8b\x08\0", "compressed by gzip"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"GIF89a", "GIF"),
        ("SKU_ID,Name\n1,a\n".encode("utf-32"), "UTF-32: save it as CSV UTF-8|UTF-32, not CSV"),
        ("SKU_ID,Name\r\n1,a\r\n".encode("utf-16-le"), "UTF-16 without a byte order mark: save it as CSV UTF-8"),
        ("SKU_ID,Name\r\n1,a\r\n".encode("utf-16-be"), "UTF-16 without a byte order mark: save it as CSV UTF-8"),
        (bytes(range(256)) * 8, "binary data"),
        (b"SKU_ID,Name\n" + b"\0" * 4096, "binary data"),
        # Beyond what is looked at byte by byte.
        *[
            (("SKU_ID,Name\r\n" + "1,a\r\n" * 20_000).encode(f"utf-16-{each}"), "UTF-16 without a byte order mark")
            for each in ("le", "be")
        ],
        (b"SKU_ID,Name\n" + b"\x01\x80ab" * 20_000, "binary data"),
        (b"SKU_ID,Nam\n" + b"12,\0bcdefghijklm\n" * 10_000, "binary data"),
        (b"SKU_ID,Name\n" + b"1,abcdefgh\n" * 100_000 + bytes(range(256)) * 400, "binary data"),
    ],
)
def test_files_that_are_no_text(content: bytes, kind: str, write_file: WriteFile) -> None:
    """NOT_TEXT names the kind of file that was sent and what to do."""
    with pytest.raises(FileProblem, match=kind) as caught:
        detect(write_file(content))

    assert caught.value.code == "NOT_TEXT"


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a\xc3\xa9\r\n\rb\n\x81", 4),
        (b"\xef\xbb\xbfa\r\n\xc3\xa9\r\n\xc3(", 3),
        ("\ufeffé\r\n\nb".encode("utf-16-le") + b"\n", 3),
        ("\ufeffé\r\n\n".encode("utf-16-be") + b"\xd8\x00\x00a", 3),
    ],
)
def test_the_line_of_a_bad_byte_is_counted_over_blocks(
    content: bytes, line: int, block: int, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is torn apart by their borders: characters, line ends, the byte order mark."""
    monkeypatch.setattr(encoding, "BLOCK", block)
    with pytest.raises(FileProblem, match=f"ine {line} holds the byte") as caught:
        detect(write_file(content))
    assert caught.value.line == line


def test_a_lone_control_character_is_a_matter_of_its_row(write_file: WriteFile) -> None:
    """A NUL in a cell does not make a file binary."""
    assert Encoding("utf-8", plain=True) == detect(write_file(b"SKU_ID,Name\n1,a\0b\n"))


def test_some_control_characters_in_a_large_file(write_file: WriteFile) -> None:
    """Up to one byte in twenty."""
    rows = b"1,abcdefghijklmnopqrstuvwxyz0123456789\0b\n" * 5_000

    assert Encoding("utf-8", plain=True) == detect(write_file(b"SKU_ID,Name\n" + rows))


@pytest.mark.parametrize(("text", "ends"), [("", 0), ("a", 0), ("a\n", 1), ("\r\n\r\n", 2), ("a\rb\nc\r\n\r", 4)])
def test_line_ends_of_every_kind(text: str, ends: int) -> None:
    """LF, CRLF and a lone CR are one line end each."""
    assert ends == line_ends(text)


def test_line_ends_in_pieces() -> None:
    """A CRLF that is torn apart counts once."""
    counter = LineCounter()
    for piece in ("a\r", "\nb\r", "", "\n", "\n"):
        counter.add(piece)

    assert counter.ends == 3
