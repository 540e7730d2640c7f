"""Which hosts a text links to, however they are written."""

from __future__ import annotations

from handlers import links


def test_a_host_of_many_labels_is_a_host_too() -> None:
    """A name may have 127 labels (RFC 1035: 255 octets); a limit below that would be a way around the rule."""
    host = "a." * 20 + "prakerja-x.com"
    assert links.hosts(f"buka {host}") == [host]
    assert links.forbidden(f"buka {host}") == [host]
    assert host not in links.defanged(f"buka {host}")
