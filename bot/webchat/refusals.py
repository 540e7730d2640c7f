"""Why a request is refused: the code for programs, the status, and the kind sentence for people."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

NO_STORE: Mapping[str, str] = {"Cache-Control": "no-store"}

REFUSALS: Mapping[str, tuple[int, str]] = {
    "no_session": (401, "Sesi obrolan ini tidak dikenal. Buka ulang halamannya, lalu kirim lagi ya, Kak."),
    "kiosk_over": (410, "Sesi di layar ini sudah selesai, Kak."),
    "nothing_to_carry": (409, "Belum ada isian yang bisa dibawa, Kak. Siapkan dulu pendaftarannya."),
    "too_large": (413, "Pesannya terlalu panjang. Coba bagi jadi beberapa pesan, Kak."),
    "not_json_type": (415, "Pesan harus dikirim sebagai application/json."),
    "not_json": (400, "Pesannya tidak terbaca. Coba kirim lagi, Kak."),
    "not_object": (400, "Pesannya tidak terbaca. Coba kirim lagi, Kak."),
    "missing_id": (400, "Pesannya belum bernomor. Muat ulang halaman, lalu kirim lagi ya, Kak."),
    "bad_id": (400, "Nomor pesannya keliru. Muat ulang halaman, lalu kirim lagi ya, Kak."),
    "missing_text": (400, "Pesannya belum ada isinya. Ketik dulu, lalu kirim lagi ya, Kak."),
    "text_and_choose": (400, "Kirim satu saja, Kak: tulisan atau pilihan."),
    "bad_text": (400, "Isi pesan harus berupa tulisan, Kak."),
    "bad_choose": (400, "Pilihannya tidak terbaca. Ketik nomornya saja, Kak."),
    "bad_after": (400, "Penanda pesan terakhir keliru. Muat ulang halaman ya, Kak."),
    "bad_wait": (400, "Lama menunggu harus angka 0 sampai 25."),
    "bad_participant": (400, "Peserta contoh itu tidak ada."),
    "too_fast": (429, "Pesannya datang terlalu cepat. Tunggu sebentar ya, Kak."),
    "too_many": (429, "Terlalu banyak permintaan dari jaringan ini. Tunggu sebentar ya, Kak."),
    "unavailable": (503, "Pesan belum bisa disimpan. Tunggu sebentar, lalu kirim lagi ya, Kak."),
    "busy": (503, "Sedang ramai sekali. Tunggu sebentar ya, Kak."),
}


class RefusedError(Exception):
    """The request is answered with one of `REFUSALS`."""

    def __init__(self, reason: str, *, retry_after: float = 0) -> None:
        """`retry_after`: seconds after which trying again makes sense."""
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after

    def response(self) -> Response:
        """As the page reads it."""
        status, sentence = REFUSALS[self.reason]
        headers = dict(NO_STORE)
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if self.retry_after:
            headers["Retry-After"] = str(max(1, round(self.retry_after + 0.5)))
        return JSONResponse({"error": sentence, "reason": self.reason}, status, headers)
