"""Which hosts a text links to, however they are written."""

from __future__ import annotations

import pytest

from handlers import links


def test_a_host_of_many_labels_is_a_host_too() -> None:
    """A name may have 127 labels (RFC 1035: 255 octets); a limit below that would be a way around the rule."""
    host = "a." * 20 + "prakerja-x.com"
    assert links.hosts(f"buka {host}") == [host]
    assert links.forbidden(f"buka {host}") == [host]
    assert host not in links.defanged(f"buka {host}")


LOOKALIKES = (
    "prakerja.go.id.evil.com",
    "www.prakerja.go.id.daftar.ru",
    "prakerja.go.id.gelombang.bank",
    "prakerja.go.id.masuk.in/akun",
    "https://prakerja.go.id.evil.museum/",
    "https://PRAKERJA.GO.ID.EVIL.COM/",
    "https://www.prakerja.go.id@evil.com/",
    "https://evil.com\\@www.prakerja.go.id/",
    "https://evil.com/\\@www.prakerja.go.id/",
    "https://prakerja.go.id。evil.com/",
    "https://prakerja.gо.id/",  # a Cyrillic o
    "https://xn--prakerja-go-id.com/",
    "prakerja-go.id",
    "prakerjago.id",
)


@pytest.mark.parametrize("link", LOOKALIKES)
def test_what_only_looks_like_the_official_site_is_forbidden(link: str) -> None:
    assert links.forbidden(f"Daftar di {link} sekarang."), link


@pytest.mark.parametrize(
    "text",
    [
        "Buka prakerja.go.id. Selesai.",
        "Buka https://www.Prakerja.GO.ID/berita?id=7#isi, lalu masuk.",
        "(https://dashboard.prakerja.go.id:443/masuk)",
    ],
)
def test_the_official_site_is_allowed_however_it_is_written(text: str) -> None:
    assert links.forbidden(text) == []


@pytest.mark.parametrize("path", ["", "/", "/berita", "/berita/?a=1", ":443/"])
def test_told_in_words_nothing_of_a_link_is_left(path: str) -> None:
    assert links.told(f"Buka https://www.prakerja.go.id{path}, lalu masuk.", lambda _: "situs itu") == (
        "Buka situs itu, lalu masuk."
    )
