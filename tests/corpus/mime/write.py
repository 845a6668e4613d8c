"""Writes the corpus of mail: `python -m tests.corpus.mime.write`. Every message is made up here, shaped like real ones.

Each message is a file of exact bytes; `index.toml` says of each what family it is of, who receives it and whether a
provider that takes mail apart can carry it whole (`recompose`: `yes`, or a word of the reason). The files are what
tests use; this says how they came about, and the same files come out of it every time.
"""

import base64
import quopri
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """A language with something to say in it, and the charset that its older mail is written in."""

    code: str
    subject: str
    hello: str
    text: str
    name: str
    file: str
    charset: str


TONGUES = (
    Tongue(code="en", subject="Your order 4711 has shipped", hello="Hello Anna,", text="your parcel left our warehouse this morning and should arrive on Thursday.", name="Kim Shop", file="receipt 4711.pdf", charset="us-ascii"),
    Tongue(code="de", subject="Ihre Bestellung ist unterwegs – größer, schöner", hello="Grüß Gott Jörg,", text="Ihr Päckchen hat heute früh unser Lager verlassen und müsste am Donnerstag eintreffen.", name="Müller & Söhne", file="Rechnung für März.pdf", charset="iso-8859-1"),
    Tongue(code="fr", subject="Votre commande est expédiée, à bientôt", hello="Bonjour Élodie,", text="votre colis a quitté notre entrepôt ce matin ; il arrivera jeudi si tout va bien.", name="Crêperie du Nœud", file="reçu d’août.pdf", charset="iso-8859-15"),
    Tongue(code="es", subject="¡Su pedido va de camino, señor!", hello="¡Hola, Íñigo!", text="su paquete salió esta mañana del almacén y debería llegar el jueves próximo.", name="Compañía Ñandú", file="año nuevo.pdf", charset="iso-8859-1"),
    Tongue(code="pt", subject="A sua encomenda já saiu do armazém", hello="Olá João,", text="a sua encomenda saiu do nosso armazém esta manhã e deverá chegar na quinta-feira.", name="Pão e Companhia", file="fatura março.pdf", charset="iso-8859-1"),
    Tongue(code="pl", subject="Twoja paczka jest już w drodze – źródło", hello="Dzień dobry, Łukaszu,", text="Twoja paczka opuściła dziś rano nasz magazyn i powinna dotrzeć w czwartek.", name="Księgarnia Żółw", file="faktura grudzień.pdf", charset="iso-8859-2"),
    Tongue(code="cs", subject="Vaše zásilka je na cestě", hello="Dobrý den, Jiří,", text="vaše zásilka dnes ráno opustila náš sklad a měla by dorazit ve čtvrtek.", name="Knihkupectví Říp", file="účtenka říjen.pdf", charset="iso-8859-2"),
    Tongue(code="hu", subject="Megrendelése úton van, örömmel értesítjük", hello="Kedves Győző!", text="csomagja ma reggel elhagyta raktárunkat, és csütörtökön várható.", name="Könyvesbolt Őrség", file="számla őszi.pdf", charset="iso-8859-2"),
    Tongue(code="ru", subject="Ваш заказ отправлен сегодня утром", hello="Здравствуйте, Анна!", text="ваша посылка сегодня утром покинула наш склад и должна прибыть в четверг.", name="Книжная лавка", file="счёт за март.pdf", charset="koi8-r"),
    Tongue(code="uk", subject="Ваше замовлення вже в дорозі", hello="Вітаємо, Їжаче!", text="ваша посилка сьогодні вранці залишила наш склад і має прибути в четвер.", name="Крамниця Ґанок", file="рахунок.pdf", charset="windows-1251"),
    Tongue(code="el", subject="Η παραγγελία σας ξεκίνησε", hello="Γεια σου Άννα,", text="το δέμα σας έφυγε σήμερα το πρωί από την αποθήκη και θα φτάσει την Πέμπτη.", name="Βιβλιοπωλείο Ωμέγα", file="απόδειξη.pdf", charset="iso-8859-7"),
    Tongue(code="tr", subject="Siparişiniz yola çıktı, iyi günler", hello="Merhaba Işıl,", text="paketiniz bu sabah depomuzdan çıktı ve perşembe günü elinize ulaşacak.", name="Güneş Kitabevi", file="fiş ağustos.pdf", charset="iso-8859-9"),
    Tongue(code="he", subject="ההזמנה שלך יצאה לדרך", hello="שלום רות,", text="החבילה שלך עזבה הבוקר את המחסן שלנו ותגיע ביום חמישי.", name="חנות הספרים", file="קבלה.pdf", charset="windows-1255"),
    Tongue(code="ar", subject="طلبك في الطريق إليك", hello="مرحبا ليلى،", text="غادر طردك مستودعنا هذا الصباح ومن المتوقع أن يصل يوم الخميس.", name="مكتبة النور", file="فاتورة.pdf", charset="windows-1256"),
    Tongue(code="hi", subject="आपका ऑर्डर रवाना हो गया है", hello="नमस्ते अन्ना,", text="आपका पार्सल आज सुबह हमारे गोदाम से निकल गया है और गुरुवार को पहुँचेगा।", name="किताब घर", file="रसीद.pdf", charset="utf-8"),
    Tongue(code="th", subject="คำสั่งซื้อของคุณถูกส่งแล้ว", hello="สวัสดีคุณแอนนา", text="พัสดุของคุณออกจากคลังสินค้าเมื่อเช้านี้ และจะถึงในวันพฤหัสบดี", name="ร้านหนังสือ", file="ใบเสร็จ.pdf", charset="tis-620"),
    Tongue(code="ja", subject="ご注文の商品を発送しました", hello="アンナ様", text="お荷物は今朝倉庫を出発し、木曜日に到着する予定です。", name="山田書店", file="領収書.pdf", charset="iso-2022-jp"),
    Tongue(code="zh", subject="您的订单已经发货", hello="安娜,您好:", text="您的包裹今天早上已离开我们的仓库,预计星期四送达。", name="新华书店", file="发票三月.pdf", charset="gb18030"),
    Tongue(code="zh-tw", subject="您的訂單已經出貨", hello="安娜您好:", text="您的包裹今天早上已離開我們的倉庫,預計星期四送達。", name="誠品書店", file="發票三月.pdf", charset="big5"),
    Tongue(code="ko", subject="주문하신 상품이 발송되었습니다", hello="안나 님, 안녕하세요.", text="소포가 오늘 아침 창고에서 출발했으며 목요일에 도착할 예정입니다.", name="서울 서점", file="영수증.pdf", charset="euc-kr"),
    Tongue(code="vi", subject="Đơn hàng của bạn đã được gửi", hello="Xin chào Ánh,", text="bưu kiện của bạn đã rời kho sáng nay và sẽ đến vào thứ Năm.", name="Nhà sách Ước", file="hóa đơn.pdf", charset="utf-8"),
    Tongue(code="emoji", subject="Launch day 🚀 is here 👩🏽‍🚀", hello="Hi 👋 Anna,", text="the countdown ⏳ is over: everything is live 🎉 and waiting for you.", name="Rocket 🚀 Club", file="poster 🎉.pdf", charset="utf-8"),
)
EN, DE, RU, JA, AR, ZH = (next(t for t in TONGUES if t.code == code) for code in ("en", "de", "ru", "ja", "ar", "zh"))

PDF = b"%PDF-1.4\n" + bytes(range(256)) * 3 + b"\n%%EOF\n"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
CSV = "order;amount\r\n4711;12,50\r\n4712;1.000,00\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message of the corpus."""

    family: str
    name: str
    content: bytes
    recompose: str = "yes"
    sendgrid: str = ""
    postmark: str = ""
    """Where this provider is another matter; empty: it is not."""
    recipients: tuple[str, ...] = ("anna@example.org",)


# --- words ------------------------------------------------------------------------------------------------------------


def b_words(text: str, charset: str = "utf-8") -> str:
    """Encoded words in base64, short enough each, folded."""
    return _words(text, charset, lambda raw: f"=?{charset}?B?{base64.b64encode(raw).decode()}?=")


def q_words(text: str, charset: str = "utf-8") -> str:
    """Encoded words in Q."""

    def word(raw: bytes) -> str:
        safe = "".join(chr(c) if chr(c).isascii() and chr(c).isalnum() else "_" if c == 32 else f"={c:02X}" for c in raw)
        return f"=?{charset}?Q?{safe}?="

    return _words(text, charset, word)


def _words(text: str, charset: str, word: Callable[[bytes], str]) -> str:
    if text.isascii():
        return text
    found, piece = [], ""
    for character in text:
        if len(word((piece + character).encode(charset, "replace"))) > 70:
            found.append(word(piece.encode(charset, "replace")))
            piece = ""
        piece += character
    return "\r\n ".join([*found, word(piece.encode(charset, "replace"))])


def b64(raw: bytes) -> str:
    """Base64 in lines."""
    return base64.encodebytes(raw).decode().replace("\n", "\r\n")


def qp(text: str, charset: str = "utf-8") -> str:
    """Quoted-printable in lines."""
    raw = quopri.encodestring(text.encode(charset, "replace"), quotetabs=False).decode()
    return raw.replace("\r\n", "\n").replace("\n", "\r\n")


def rfc2231(text: str) -> str:
    """A file name as one extended parameter (RFC 2231)."""
    return "utf-8''" + "".join(chr(b) if chr(b).isascii() and chr(b).isalnum() or b == 46 else f"%{b:02X}" for b in text.encode())


def rfc2231_parts(text: str, key: str = "filename") -> str:
    """A file name continued over several parameters."""
    raw = "".join(f"%{b:02X}" for b in text.encode())
    pieces = [raw[at : at + 30] for at in range(0, len(raw), 30)]
    first = f"{key}*0*=utf-8''{pieces[0]}"
    return ";\r\n ".join([first, *(f"{key}*{n}*={piece}" for n, piece in enumerate(pieces[1:], 1))])


# --- messages ---------------------------------------------------------------------------------------------------------


def top(t: Tongue, *more: str, subject: str | None = None, to: str = "Anna <anna@example.org>", sender: str | None = None) -> str:
    """The usual header."""
    lines = [
        f"From: {sender or f'{quoted(t.name)} <noreply@example.com>'}",
        f"To: {to}",
        f"Subject: {b_words(t.subject) if subject is None else subject}",
        "Date: Tue, 24 Nov 2026 10:00:00 +0100",
        f"Message-ID: <{t.code}.{len(more)}@example.com>",
        "MIME-Version: 1.0",
        *more,
    ]
    return "\r\n".join(lines) + "\r\n"


def quoted(name: str) -> str:
    """A display name."""
    return f'"{name}"' if name.isascii() else b_words(name)


def body(t: Tongue) -> str:
    """Some text."""
    return f"{t.hello}\r\n\r\n{t.text}\r\n\r\n-- \r\n{t.name}\r\n"


def html(t: Tongue, image: str = "") -> str:
    """The same as a page."""
    picture = f'<img src="{image}" alt="logo">' if image else ""
    return f'<!DOCTYPE html>\r\n<html lang="{t.code}"><body>{picture}<h1>{t.hello}</h1>\r\n<p>{t.text} &amp; more</p></body></html>\r\n'


def part(kind: str, text: str, *more: str) -> str:
    """One part with its header."""
    return "\r\n".join([f"Content-Type: {kind}", *more]) + "\r\n\r\n" + text


def plain(t: Tongue) -> str:
    """A text part in quoted-printable."""
    return part("text/plain; charset=utf-8", qp(body(t)), "Content-Transfer-Encoding: quoted-printable")


def page(t: Tongue, image: str = "") -> str:
    """An HTML part in base64."""
    return part("text/html; charset=utf-8", b64(html(t, image).encode()), "Content-Transfer-Encoding: base64")


def multi(kind: str, parts: list[str], boundary: str, *more: str) -> str:
    """A multipart: its Content-Type field, an empty line, its parts."""
    inside = "".join(f"--{boundary}\r\n{one.removesuffix(chr(13) + chr(10))}\r\n" for one in parts)
    head = "\r\n".join([f'Content-Type: multipart/{kind}; boundary="{boundary}"', *more])
    return f"{head}\r\n\r\n{inside}--{boundary}--\r\n"


def pdf(name: str = 'filename="receipt.pdf"', kind: str = "application/pdf") -> str:
    """An attachment."""
    return part(kind, b64(PDF), f"Content-Disposition: attachment;\r\n {name}", "Content-Transfer-Encoding: base64")


def logo(cid: str = "logo@example.com", name: str = "logo.png") -> str:
    """An inline image."""
    return part(f'image/png; name="{name}"', b64(PNG), f"Content-ID: <{cid}>", f'Content-Disposition: inline; filename="{name}"', "Content-Transfer-Encoding: base64")


def both(t: Tongue, boundary: str, image: str = "") -> str:
    """Text and HTML as alternatives."""
    return multi("alternative", [plain(t), page(t, image)], boundary)


def raw(text: str) -> bytes:
    """As bytes."""
    return text.encode("utf-8")


def every_tongue() -> Iterator[Mail]:
    """The shapes that every language comes in."""
    for t in TONGUES:
        yield Mail(family="text-base64", name=t.code, content=raw(top(t, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64") + "\r\n" + b64(body(t).encode())))
        yield Mail(family="alternative", name=t.code, content=raw(top(t, subject=q_words(t.subject)) + both(t, f"alt-{t.code}")))
        mixed = multi("mixed", [both(t, f"in-{t.code}"), pdf(f"filename*={rfc2231(t.file)}")], f"=_mix_{t.code}")
        yield Mail(family="attachment-2231", name=t.code, content=raw(top(t) + mixed))
        related = multi("related", [page(t, "cid:logo@example.com"), logo()], f"rel.{t.code}")
        yield Mail(family="inline-image", name=t.code, content=raw(top(t) + multi("alternative", [plain(t), related], f"alt.{t.code}")))


def old_charsets() -> Iterator[Mail]:
    """Mail as older programs write it: the language's own charset in words, text and file names."""
    for t in TONGUES:
        if t.charset in ("utf-8", "us-ascii"):
            continue
        said = body(t).encode(t.charset, "replace")
        seven = t.charset == "iso-2022-jp"
        encoding = "7bit" if seven else "base64"
        inside = said if seven else b64(said).encode()
        head = top(t, f"Content-Type: text/plain; charset={t.charset}", f"Content-Transfer-Encoding: {encoding}", subject=b_words(t.subject, t.charset), sender=f"{b_words(t.name, t.charset)} <noreply@example.com>")
        yield Mail(family="old-charset", name=t.code, content=raw(head + "\r\n") + inside)
        name = f'filename="{b_words(t.file, t.charset)}"'
        attached = multi("mixed", [part(f"text/plain; charset={t.charset}", qp(body(t), t.charset), "Content-Transfer-Encoding: quoted-printable"), pdf(name)], "----=_NextPart_000_0001")
        yield Mail(family="outlook-name", name=t.code, content=raw(top(t, "X-Mailer: Outlook Express") + attached))


def everyday() -> Iterator[Mail]:
    """What applications send every day."""
    code = "Your code is 123456. It is good for ten minutes.\r\n"
    yield Mail(family="everyday", name="one-time-code", content=raw(top(EN, "Content-Type: text/plain; charset=us-ascii", subject="123456 is your code") + "\r\n" + code))
    yield Mail(family="everyday", name="no-content-type", content=raw(top(EN) + "\r\n" + code))
    yield Mail(family="everyday", name="html-only", content=raw(top(DE) + page(DE)))
    yield Mail(family="everyday", name="flowed", content=raw(top(EN, "Content-Type: text/plain; charset=us-ascii; format=flowed; delsp=yes") + "\r\nThis line flows \r\non and on \r\nto its end.\r\n"))
    yield Mail(family="everyday", name="dots", content=raw(top(EN) + "\r\n.\r\n..\r\n...x\r\n.end\r\n"))
    yield Mail(family="everyday", name="eight-bit", content=raw(top(DE, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit") + "\r\n" + body(DE)))
    yield Mail(family="everyday", name="quoted-printable-odd", content=raw(top(DE, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable") + "\r\nGr=C3=BC=C3=9Fe =3D soft=\r\n and =20\r\n=46rom here\r\n"))
    yield Mail(family="everyday", name="newsletter", content=raw(top(EN, "List-ID: News <news.example.com>", "List-Unsubscribe: <https://example.com/u/1>, <mailto:u@example.com>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click", "Precedence: bulk", "Feedback-ID: spring:news:example") + both(EN, "news")))
    yield Mail(family="everyday", name="reply", content=raw(top(EN, "In-Reply-To: <q@example.org>", "References: <a@example.org>\r\n <b@example.org>\r\n <q@example.org>", subject="Re: question", to="Anna <anna@example.org>") + "\r\n> so?\r\n\r\nyes\r\n"))
    yield Mail(family="everyday", name="auto-reply", content=raw(top(EN, "Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All") + "\r\nI am away.\r\n"))
    yield Mail(family="everyday", name="priority", content=raw(top(EN, "X-Priority: 1 (Highest)", "Importance: high", "X-Custom-Thing: a; b=c, d") + "\r\nnow\r\n"))
    yield Mail(family="everyday", name="reply-to", content=raw(top(DE, f"Reply-To: {b_words('Kundendienst für alle')} <help@example.com>") + both(DE, "rt")))
    yield Mail(family="everyday", name="invoice", content=raw(top(DE) + multi("mixed", [both(DE, "i1"), pdf('filename="invoice.pdf"'), part('text/csv; charset=utf-8; name="lines.csv"', b64(CSV.encode()), 'Content-Disposition: attachment; filename="lines.csv"', "Content-Transfer-Encoding: base64")], "i0")))
    yield Mail(family="everyday", name="two-images", content=raw(top(EN) + multi("related", [page(EN, "cid:a@x"), logo("a@x", "a.png"), logo("b@x", "b.png")], "two")))
    yield Mail(family="everyday", name="empty-body", content=raw(top(EN, "Content-Type: text/plain; charset=us-ascii") + "\r\n"))
    yield Mail(family="everyday", name="no-subject", content=raw(top(EN).replace(f"Subject: {EN.subject}\r\n", "") + "\r\nno subject at all\r\n"), sendgrid="no subject")
    yield Mail(family="everyday", name="empty-attachment", content=raw(top(EN) + multi("mixed", [plain(EN), part("application/octet-stream", "", 'Content-Disposition: attachment; filename="empty.bin"', "Content-Transfer-Encoding: base64")], "ea")), recompose="an empty file (part 2)")
    yield Mail(family="everyday", name="same-names", content=raw(top(EN) + multi("mixed", [plain(EN), pdf('filename="a.pdf"'), pdf('filename="a.pdf"')], "sn")))
    yield Mail(family="everyday", name="long-lines", content=raw(top(EN) + "\r\n" + "x" * 990 + "\r\n" + "y" * 990 + "\r\n"))
    flowed = "Content-Type: text/plain; charset=us-ascii; format=flowed"
    yield Mail(family="everyday", name="flowed-short", content=raw(top(EN, flowed, "Content-Language: en-US", "User-Agent: Mozilla Thunderbird") + "\r\nSee you on Thursday.\r\n\r\n-- \r\nKim\r\n"))
    yield Mail(family="everyday", name="flowed-stuffed", content=raw(top(EN, flowed) + "\r\n From here on\r\n"))
    yield Mail(family="everyday", name="flowed-quoted", content=raw(top(EN, flowed) + "\r\n> so?\r\nyes\r\n"))
    yield Mail(family="everyday", name="fixed", content=raw(top(EN, "Content-Type: text/plain; charset=us-ascii; format=fixed") + "\r\n a line \r\n> quoted\r\n"))
    empty = part("text/plain; charset=utf-8", "\r\n")
    yield Mail(family="everyday", name="empty-beside-html", content=raw(top(EN) + multi("alternative", [empty, page(EN)], "eb")))
    yield Mail(family="everyday", name="empty-with-file", content=raw(top(EN) + multi("mixed", [empty, pdf()], "ef")))
    numbered = pdf().replace("Content-Transfer", "Content-ID: <f_lx1>\r\nX-Attachment-Id: f_lx1\r\nContent-Transfer", 1)
    yield Mail(family="everyday", name="webmail", content=raw(top(EN) + multi("mixed", [both(EN, "w0"), numbered], "w1")))
    yield Mail(family="everyday", name="webmail-named", content=raw(top(EN) + multi("mixed", [both(EN, "w0", "cid:f_lx1"), numbered], "w1")))
    yield Mail(family="everyday", name="webmail-named-oddly", content=raw(top(EN) + multi("mixed", [both(EN, "w0", "c&#105;d:f_lx1"), numbered], "w1")))
    modes = logo().replace('; name="logo.png"', ';\r\n\tx-unix-mode=0644;\r\n\tname="logo.png"')
    yield Mail(family="everyday", name="unix-mode", content=raw(top(EN) + multi("alternative", [plain(EN), multi("related", [page(EN, "cid:logo@example.com"), modes], "um1")], "um0")))
    described = logo().replace("Content-ID", "Content-Description: logo.png\r\nContent-ID", 1)
    yield Mail(family="everyday", name="described", content=raw(top(EN, "Thread-Topic: order", "Accept-Language: en-US", "Content-Language: en-US") + multi("related", [both(EN, "de1", "cid:logo@example.com"), described], "de0")))
    yield Mail(family="everyday", name="described-otherwise", content=raw(top(EN) + multi("related", [page(EN, "cid:logo@example.com"), described.replace("Description: logo.png", "Description: our logo")], "do")))
    yield Mail(family="everyday", name="language-of-a-part", content=raw(top(EN) + multi("mixed", [part("text/plain; charset=us-ascii", "hi\r\n", "Content-Language: en"), pdf()], "lp")))
    yield Mail(family="everyday", name="vcard", content=raw(top(EN) + multi("mixed", [plain(EN), part("text/vcard; charset=utf-8", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nEND:VCARD\r\n", 'Content-Disposition: attachment; filename="anna.vcf"')], "vc")))


def recipients() -> Iterator[Mail]:
    """Who receives it: several, groups, hidden ones, odd spellings."""
    many = [f"p{n}@example.org" for n in range(40)]
    yield Mail(family="recipients", name="to-and-cc", content=raw(top(EN, 'Cc: "Bob, the" <bob@example.net>, carol@example.net') + both(EN, "tc")), recipients=("anna@example.org", "bob@example.net", "carol@example.net"), sendgrid="comma")
    yield Mail(family="recipients", name="blind", content=raw(top(EN) + both(EN, "bl")), recipients=("anna@example.org", "hidden@example.net"))
    yield Mail(family="recipients", name="forty", content=raw(top(EN, to=",\r\n ".join(many)) + "\r\nall of you\r\n"), recipients=tuple(many))
    yield Mail(family="recipients", name="undisclosed", content=raw(top(EN, to="undisclosed-recipients:;") + "\r\nyou know who\r\n"), recipients=("anna@example.org",), recompose="no plain form")
    yield Mail(family="recipients", name="a-list", content=raw(top(EN, to="list@lists.example.org") + "\r\nto the list\r\n"), recipients=("anna@example.org",), recompose="not among")
    yield Mail(family="recipients", name="comments", content=raw(top(EN, to="anna@example.org (Anna (the first))") + "\r\nhello\r\n"), recompose="no plain form")
    yield Mail(family="recipients", name="quoted-local", content=raw(top(EN, to='"anna smith"@example.org') + "\r\nhello\r\n"), recipients=('"anna smith"@example.org',), recompose="no plain form")
    yield Mail(family="recipients", name="group", content=raw(top(EN, to="Team: anna@example.org, bob@example.net;") + "\r\nteam\r\n"), recipients=("anna@example.org", "bob@example.net"), recompose="no plain form")
    yield Mail(family="recipients", name="upper-case", content=raw(top(EN, to="ANNA@EXAMPLE.ORG") + "\r\nhello\r\n"))
    for t in (DE, RU, JA, AR, ZH):
        yield Mail(family="recipients", name=f"named-{t.code}", content=raw(top(t, to=f"{b_words(t.name)} <anna@example.org>", subject=q_words(t.subject)) + both(t, f"nm-{t.code}")))


def signed() -> Iterator[Mail]:
    """What must not be touched: signed, encrypted, or signed by a domain."""
    for t in (EN, DE, JA):
        pgp = multi("signed", [plain(t), part("application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\r\n\r\niQEz=\r\n-----END PGP SIGNATURE-----\r\n")], "pgp").replace('multipart/signed;', 'multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature";')
        yield Mail(family="signed", name=f"openpgp-{t.code}", content=raw(top(t) + pgp), recompose="signed")
        smime = multi("signed", [plain(t), part('application/pkcs7-signature; name="smime.p7s"', b64(b"\x30\x82" + bytes(200)), "Content-Transfer-Encoding: base64")], "sm").replace('multipart/signed;', 'multipart/signed; micalg=sha-256; protocol="application/pkcs7-signature";')
        yield Mail(family="signed", name=f"smime-{t.code}", content=raw(top(t) + smime), recompose="signed")
        dkim = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=k1;\r\n h=from:to:subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n b=abcd"
        yield Mail(family="signed", name=f"dkim-{t.code}", content=raw(top(t, dkim) + both(t, "dk")), recompose="signed")
    yield Mail(family="signed", name="openpgp-encrypted", content=raw(top(EN) + multi("encrypted", [part("application/pgp-encrypted", "Version: 1\r\n"), part("application/octet-stream", "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n-----END PGP MESSAGE-----\r\n")], "enc").replace("multipart/encrypted;", 'multipart/encrypted; protocol="application/pgp-encrypted";')), recompose="encrypted")
    yield Mail(family="signed", name="smime-enveloped", content=raw(top(EN, 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"', "Content-Transfer-Encoding: base64") + "\r\n" + b64(b"\x30\x80" + bytes(300))), recompose="encrypted")
    yield Mail(family="signed", name="smime-opaque", content=raw(top(EN, "Content-Type: application/pkcs7-mime; smime-type=signed-data", "Content-Transfer-Encoding: base64") + "\r\n" + b64(b"\x30\x80" + bytes(300))), recompose="signed")
    yield Mail(family="signed", name="openpgp-inline", content=raw(top(EN) + "\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nhello\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\niQEz=\r\n-----END PGP SIGNATURE-----\r\n"), recompose="signed")
    yield Mail(family="signed", name="arc", content=raw(top(EN, "ARC-Seal: i=1; a=rsa-sha256; d=example.net; s=a; cv=none; b=xyz", "ARC-Message-Signature: i=1; a=rsa-sha256; d=example.net; s=a; h=from; bh=x; b=y") + "\r\nforwarded\r\n"), recompose="signed")


def calendars() -> Iterator[Mail]:
    """Invitations, which live in an alternative of their own."""
    ics = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1@example.com\r\nDTSTART:20261201T100000Z\r\nSUMMARY:{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    for t in (EN, DE, RU, JA, AR):
        calendar = part("text/calendar; charset=utf-8; method=REQUEST", b64(ics.format(t.subject).encode()), "Content-Transfer-Encoding: base64")
        yield Mail(family="calendar", name=f"alternative-{t.code}", content=raw(top(t) + multi("alternative", [plain(t), page(t), calendar], "cal")), postmark="calendar as an alternative")
        attached = part('text/calendar; charset=utf-8; method=REQUEST; name="invite.ics"', b64(ics.format(t.subject).encode()), 'Content-Disposition: attachment; filename="invite.ics"', "Content-Transfer-Encoding: base64")
        yield Mail(family="calendar", name=f"attached-{t.code}", content=raw(top(t) + multi("mixed", [both(t, "ca"), attached], "cb")))
    yield Mail(family="calendar", name="alone", content=raw(top(EN, "Content-Type: text/calendar; charset=utf-8; method=REPLY") + "\r\n" + ics.format("Reply")), sendgrid="not REQUEST", postmark="calendar as an alternative")


def nested() -> Iterator[Mail]:
    """Parts in parts: forwarded mail, reports, digests, deep and wide ones."""
    inner = top(DE) + both(DE, "inner")
    yield Mail(family="nested", name="forwarded", content=raw(top(EN) + multi("mixed", [plain(EN), part("message/rfc822", inner, "Content-Disposition: attachment")], "fw")), recompose="message/rfc822")
    yield Mail(family="nested", name="forwarded-twice", content=raw(top(EN) + multi("mixed", [plain(EN), part("message/rfc822", top(RU) + multi("mixed", [plain(RU), part("message/rfc822", inner)], "f2"))], "f1")), recompose="message/rfc822")
    status = "Reporting-MTA: dns; mx.example.net\r\n\r\nFinal-Recipient: rfc822; gone@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    yield Mail(family="nested", name="delivery-report", content=raw(top(EN, subject="Undelivered Mail") + multi("report", [plain(EN), part("message/delivery-status", status), part("message/rfc822", inner)], "dr").replace("multipart/report;", "multipart/report; report-type=delivery-status;")), recompose="report")
    yield Mail(family="nested", name="read-receipt", content=raw(top(EN) + multi("report", [plain(EN), part("message/disposition-notification", "Final-Recipient: rfc822; a@example.org\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n")], "mdn").replace("multipart/report;", "multipart/report; report-type=disposition-notification;")), recompose="report")
    yield Mail(family="nested", name="digest", content=raw(top(EN) + multi("digest", [f"\r\n{top(EN)}\r\none\r\n", f"\r\n{top(DE)}\r\ntwo\r\n"], "dig")), recompose="digest")
    yield Mail(family="nested", name="amp", content=raw(top(EN) + multi("alternative", [plain(EN), part("text/x-amp-html; charset=utf-8", "<!doctype html><html amp4email></html>\r\n"), page(EN)], "amp")), recompose="alternative")
    yield Mail(family="nested", name="enriched", content=raw(top(EN) + multi("alternative", [plain(EN), part("text/enriched", "<bold>hello</bold>\r\n")], "enr")), recompose="alternative")
    yield Mail(family="nested", name="text-image-text", content=raw(top(EN) + multi("mixed", [plain(EN), logo(), plain(DE)], "tit")), recompose="text")
    yield Mail(family="nested", name="related-outside", content=raw(top(EN) + multi("related", [both(EN, "ro1", "cid:logo@example.com"), logo()], "ro0")))
    yield Mail(family="nested", name="outlook", content=raw(top(EN) + multi("mixed", [multi("related", [both(EN, "o2", "cid:logo@example.com"), logo()], "o1"), pdf()], "o0")))
    yield Mail(family="nested", name="location", content=raw(top(EN) + multi("related", [page(EN, "logo.png"), part("image/png", b64(PNG), "Content-Location: logo.png", "Content-Transfer-Encoding: base64")], "loc")), recompose="location")
    yield Mail(family="nested", name="winmail", content=raw(top(EN) + multi("mixed", [plain(EN), part('application/ms-tnef; name="winmail.dat"', b64(b"x\x9f>\"" + bytes(100)), 'Content-Disposition: attachment; filename="winmail.dat"', "Content-Transfer-Encoding: base64")], "wm")))
    deep = plain(EN)
    for level in range(15):
        deep = multi("mixed", [deep], f"deep{level}")
    yield Mail(family="nested", name="fifteen-deep", content=raw(top(EN) + deep))
    yield Mail(family="nested", name="eighty-attachments", content=raw(top(EN) + multi("mixed", [plain(EN), *(part("text/plain", f"file {n}\r\n", f'Content-Disposition: attachment; filename="f{n}.txt"') for n in range(80))], "eighty")))
    yield Mail(family="nested", name="preamble", content=raw(top(EN) + both(EN, "pre").replace("\r\n\r\n--pre", "\r\n\r\nThis is mail in several parts.\r\n--pre", 1) + "an epilogue\r\n"))
    yield Mail(family="nested", name="boundary-odd", content=raw(top(EN) + both(EN, "b'()+_,-./:=? x")))
    yield Mail(family="nested", name="boundary-prefix", content=raw(top(EN) + multi("mixed", [multi("alternative", [plain(EN), page(EN)], "b12"), pdf()], "b1")), recompose="boundary")


def names() -> Iterator[Mail]:
    """File names in every spelling."""
    spellings = {
        "continued": rfc2231_parts("Rechnung für die sehr große Bestellung im März des Jahres.pdf"),
        "continued-plain": 'filename*0="a very long name that goes on ";\r\n filename*1="and on.pdf"',
        "quoted-pairs": 'filename="a \\"b\\" \\\\ c.pdf"',
        "unquoted": "filename=plain.pdf",
        "both-forms": f"filename=\"fallback.pdf\"; filename*={rfc2231('größe.pdf')}",
        "latin1-2231": "filename*=iso-8859-1'de'gr%F6%DFe.pdf",
        "spaces": 'filename="  two  spaces .pdf"',
        "path": 'filename="C:\\\\Users\\\\anna\\\\file.pdf"',
        "comma": 'filename="a, b; c.pdf"',
        "long": f'filename="{"n" * 200}.pdf"',
        "word-in-2231": "filename*=utf-8''%3D%3Futf-8%3Fq%3Fabc%3F%3D",
        "word-in-continued": rfc2231_parts("=?utf-8?q?abc?= und noch viel mehr.pdf"),
        "word-in-plain-pieces": 'filename*0="=?utf-8?q?a";\r\n filename*1="bc?=.pdf"',
        "word-in-both": "filename=\"=?utf-8?q?abc?=\"; filename*=utf-8''%3D%3Futf-8%3Fq%3Fabc%3F%3D",
    }
    for name, spelled in spellings.items():
        reason = {"quoted-pairs": "file name", "spaces": "file name", "path": "file name", "both-forms": "two meanings", "word-in-2231": "file name", "word-in-continued": "file name", "word-in-plain-pieces": "two meanings", "word-in-both": "two meanings"}.get(name, "yes")
        yield Mail(family="names", name=name, content=raw(top(EN) + multi("mixed", [plain(EN), pdf(spelled)], "nm")), recompose=reason)
    yield Mail(family="names", name="in-type-only", content=raw(top(EN) + multi("mixed", [plain(EN), part('application/pdf; name="only-here.pdf"', b64(PDF), "Content-Disposition: attachment", "Content-Transfer-Encoding: base64")], "nt")))
    yield Mail(family="names", name="none", content=raw(top(EN) + multi("mixed", [plain(EN), part("application/pdf", b64(PDF), "Content-Disposition: attachment", "Content-Transfer-Encoding: base64")], "nn")))


def headers() -> Iterator[Mail]:
    """Huge and unusual header blocks."""
    yield Mail(family="headers", name="references", content=raw(top(EN, "References: " + "\r\n ".join(f"<{n:060}@example.org>" for n in range(200))) + "\r\nlong thread\r\n"))
    yield Mail(family="headers", name="hundred-own", content=raw(top(EN, *(f"X-Own-{n}: value {n}" for n in range(100))) + "\r\nmany\r\n"))
    yield Mail(family="headers", name="eight-kilobytes", content=raw(top(EN, "X-Large: " + "\r\n ".join("v" * 70 for _ in range(110))) + "\r\nlarge\r\n"))
    yield Mail(family="headers", name="folded-with-tabs", content=raw(top(EN, "X-Folded: one\r\n\ttwo\r\n \t three") + "\r\nfolded\r\n"))
    yield Mail(family="headers", name="repeated", content=raw(top(EN, "X-Again: first", "X-Again: second", "Comments: one") + "\r\nrepeated\r\n"), sendgrid="more than once")
    yield Mail(family="headers", name="received", content=raw("Received: from a by b; Tue, 24 Nov 2026 09:00:00 +0100\r\nReceived: from c by a; Tue, 24 Nov 2026 08:59:59 +0100\r\n" + top(EN) + "\r\nrelayed\r\n"))
    yield Mail(family="headers", name="odd-case", content=raw(top(EN, "x-lOwEr: a", "CONTENT-TYPE: TEXT/PLAIN; CHARSET=UTF-8") + "\r\nhello\r\n"))
    yield Mail(family="headers", name="encoded-own", content=raw(top(DE, f"X-Name: {q_words('Größenänderung für alle')}") + both(DE, "en")))
    yield Mail(family="headers", name="long-subject", content=raw(top(RU, subject=b_words(" ".join([RU.subject] * 12))) + both(RU, "ls")))
    yield Mail(family="headers", name="mixed-words", content=raw(top(EN, subject="plain =?utf-8?Q?gr=C3=BC=C3=9Fe?= and =?iso-8859-1?B?5Pb8?=\r\n =?koi8-r?B?8NLJ18XU?= end") + "\r\nwords\r\n"))
    yield Mail(family="headers", name="from-two", content=raw(top(EN, "Sender: anna@example.com", sender="anna@example.com, bob@example.com") + "\r\nboth of us\r\n"), recompose="more than one author")
    yield Mail(family="headers", name="sender-is-author", content=raw(top(EN, "Sender: noreply@example.com") + "\r\nhello\r\n"))
    yield Mail(family="headers", name="sender", content=raw(top(EN, "Sender: robot@example.com") + "\r\non behalf\r\n"), recompose="Sender")


def libraries() -> Iterator[Mail]:
    """What the libraries of applications make, each in its own spelling."""
    def one(name: str, content: str, **more: str) -> Mail:
        return Mail(family="library", name=name, content=raw(top(EN) + content), **more)  # type: ignore[arg-type]

    def attached(kind: str, name: str, content: bytes = PDF, *more: str) -> str:
        return part(kind, b64(content), f'Content-Disposition: attachment; filename="{name}"', "Content-Transfer-Encoding: base64", *more)

    ics = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:7@example.com\r\nSUMMARY:Gr\xc3\xb6\xc3\x9fe\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    shown = page(EN, "cid:logo@x")
    image = b64(PNG)
    invitation = part("text/calendar; charset=utf-8; method=REQUEST", b64(ics), "Content-Transfer-Encoding: base64")
    # Python's email.message and Django
    nameless = part("image/png", image, "Content-Transfer-Encoding: base64", "Content-ID: <logo@x>", "MIME-Version: 1.0", "Content-Disposition: inline")
    yield one("python-related", multi("mixed", [multi("alternative", [plain(EN), multi("related", [shown, nameless], "p2")], "p1"), attached("text/csv; charset=utf-8", "a.csv", CSV.encode())], "p0"))
    yield one("python-attachment-alone", multi("mixed", [attached("application/pdf", "a.pdf")], "pa"))
    yield one("python-empty-text", part("text/plain; charset=utf-8", "\r\n", "Content-Transfer-Encoding: 7bit"))
    yield one("django-image", multi("mixed", [multi("alternative", [plain(EN), shown], "d1"), part("image/png", image, "MIME-Version: 1.0", "Content-Transfer-Encoding: base64", "Content-ID: <logo@x>")], "d0"))
    yield one("django-no-text", multi("mixed", [part("text/plain; charset=utf-8", "", "MIME-Version: 1.0", "Content-Transfer-Encoding: 7bit"), attached("application/pdf", "a.pdf")], "dn"))
    yield one("django-parameter", multi("mixed", [plain(EN), attached('text/csv; header="present"; charset="utf-8"', "a.csv", CSV.encode())], "dp"))
    yield one("django-message", multi("mixed", [plain(EN), part("message/rfc822", top(DE) + plain(DE), "MIME-Version: 1.0", 'Content-Disposition: attachment; filename="f.eml"')], "dm"), recompose="message/rfc822 attached: it would arrive encoded, and few readers could open it (part 2)")
    yield one("django-calendar", multi("alternative", [plain(EN), part('text/calendar; method="REQUEST"; charset="utf-8"', ics.decode().replace("Größe", "Size"), "MIME-Version: 1.0", "Content-Transfer-Encoding: 7bit")], "dc"), postmark="calendar as an alternative")
    # nodemailer
    yield one("nodemailer-attachment-alone", part("application/pdf; name=a.pdf", b64(PDF), "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename=a.pdf"))
    yield one("nodemailer-two-attachments", multi("mixed", [attached("application/pdf; name=a.pdf", "a.pdf"), attached("text/csv; name=b.csv", "b.csv", CSV.encode())], "--_NmP-1"))
    yield one("nodemailer-invitation", multi("mixed", [multi("alternative", [plain(EN), page(EN), invitation], "--_NmP-2"), attached("application/ics; name=invite.ics", "invite.ics", ics)], "--_NmP-1"), postmark="calendar as an alternative")
    yield one("nodemailer-folder", multi("mixed", [plain(EN), attached('text/csv; name="r/2.csv"', "r/2.csv", CSV.encode())], "--_NmP-1"))
    yield one("nodemailer-message", multi("mixed", [plain(EN), part("message/rfc822; name=m.eml", top(DE) + plain(DE), "Content-Disposition: inline; filename=m.eml")], "--_NmP-1"), recompose="message/rfc822")
    # Rails: a file name in Content-Type, an id on every file
    def rails(kind: str, name: str, disposition: str, cid: str) -> str:
        return part(f"{kind};\r\n filename={name}", b64(PNG), "Content-Transfer-Encoding: base64", f"Content-Disposition: {disposition};\r\n filename={name}", f"Content-ID: <{cid}>")
    yield one("rails-mixed", multi("mixed", [multi("alternative", [plain(EN), page(EN, "cid:1@a.mail")], "--==_m1"), rails("image/png", "logo.png", "inline", "1@a.mail"), rails("application/pdf", "a.pdf", "attachment", "2@a.mail")], "--==_m0", "Content-Transfer-Encoding: 7bit"))
    yield one("rails-attachment-alone", rails("application/pdf", "a.pdf", "attachment", "3@a.mail"))
    # Spring and Jakarta Mail
    yield one("spring-text", multi("mixed", [multi("related", [plain(EN)], "----=_Part_1_2.3"), attached("application/pdf; name=a.pdf", "a.pdf", PDF, "Content-Description: our receipt")], "----=_Part_0_1.2"))
    yield one("spring-inline", multi("mixed", [multi("related", [shown, part("image/png", image, "Content-Transfer-Encoding: base64", "Content-Disposition: inline", "Content-ID: <logo@x>")], "----=_Part_1_2.3")], "----=_Part_0_1.2"))
    yield one("flowed-deep", part("text/plain; charset=us-ascii; format=flowed", ">> one \r\n>> two\r\n> three \r\n>four \r\nfive \r\n six\r\n>\r\n-- \r\nKim \r\n-- \r\nend\r\n"))
    yield one("jakarta-file-first", multi("mixed", [attached("application/pdf; name=a.pdf", "a.pdf"), plain(EN)], "----=_Part_0_1.2"))
    # Symfony, PHPMailer, .NET, Exchange
    yield one("symfony-inline", multi("related", [both(EN, "sf1", "cid:logo@x"), part('image/png; name="logo"', image, "Content-Transfer-Encoding: base64", "Content-ID: <logo@x>", 'Content-Disposition: inline; name="logo"; filename="logo"')], "sf0"))
    yield one("dotnet-linked", multi("mixed", [multi("alternative", [plain(EN), multi("related", [shown, part("image/png", image, "Content-Transfer-Encoding: base64", "Content-ID: <logo@x>")], "--boundary_2")], "--boundary_1"), part("application/octet-stream; name=a.bin", b64(PDF), "Content-Transfer-Encoding: base64", "Content-Disposition: attachment")], "--boundary_0"), postmark=".bin")
    yield one("exchange-invitation", multi("alternative", [plain(EN), page(EN), invitation.replace("method=REQUEST", "method=CANCEL")], "_000_", "Content-Class: urn:content-classes:calendarmessage"), sendgrid="not REQUEST", postmark="calendar as an alternative")
    cron = raw(top(EN, "X-Cron-Env: <SHELL=/bin/sh>", "X-Cron-Env: <PATH=/usr/bin:/bin>", "Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit", sender="root@example.com (Cron Daemon)") + "\r\ndone\r\n")
    yield Mail(family="library", name="cron", content=cron, sendgrid="more than once")
    yield Mail(family="library", name="php-mail", content=raw(top(EN).replace("MIME-Version: 1.0\r\n", "X-PHP-Originating-Script: 0:a.php\r\n") + page(EN)))
    yield one("empty-fields", plain(EN).replace("Content-Type", "Cc: \r\nReply-To:\r\nX-Empty:\r\nContent-Type", 1))
    # what both, or one, cannot have
    yield one("script-for-postmark", multi("mixed", [plain(EN), attached("application/octet-stream", "setup.exe")], "ex"), postmark="ends in .exe")
    yield one("old-charset-file", multi("mixed", [plain(DE), attached("text/csv; charset=iso-8859-1", "a.csv", "Größe;1\r\n".encode("latin-1"))], "oc"), sendgrid="parameter charset")
    yield one("attached-first-of-texts", multi("mixed", [part("text/plain; charset=utf-8", "a file\r\n", 'Content-Disposition: attachment; filename="first.txt"'), page(EN)], "af"))
    yield one("inline-file", multi("mixed", [plain(EN), part('application/pdf; name="a.pdf"', b64(PDF), 'Content-Disposition: inline; filename="a.pdf"', "Content-Transfer-Encoding: base64")], "if"))
    yield one("footer", multi("mixed", [plain(EN), part("text/plain; charset=utf-8", "-- \r\na list\r\n")], "fo"), recompose="another text/plain beside the text, not attached (part 2)")
    yield one("text-and-empty-html", multi("alternative", [plain(EN), part("text/html", "\r\n")], "te"), recompose="an empty HTML")
    yield one("html-before-text", multi("alternative", [page(EN), plain(EN)], "ht"), recompose="alternatives")
    yield one("climbing-name", multi("mixed", [plain(EN), attached("application/pdf", "../../a.pdf")], "cn"), recompose="file name")
    yield one("id-without-brackets", multi("mixed", [shown, part("image/png", image, "Content-ID: logo@x", "Content-Transfer-Encoding: base64")], "ib"), recompose="malformed Content-ID")


def all_mail() -> list[Mail]:
    """The whole corpus, in order."""
    families = (every_tongue, old_charsets, everyday, recipients, signed, calendars, nested, names, headers, libraries)
    return [mail for family in families for mail in family()]


def main() -> None:
    """Write the files and the index."""
    for old in FOLDER.glob("*.eml"):
        old.unlink()
    lines = ["# Written by write.py. recompose: whether a provider that takes mail apart can carry it whole, or a word of why not.\n"]
    for mail in all_mail():
        file = f"{mail.family}.{mail.name}.eml"
        (FOLDER / file).write_bytes(mail.content)
        to = ", ".join(f"'{address}'" for address in mail.recipients)
        lines.append(f'[[mail]]\nfile = "{file}"\nrecipients = [{to}]\nrecompose = "{mail.recompose}"\n' + "".join(f'{kind} = "{why}"\n' for kind, why in (("sendgrid", mail.sendgrid), ("postmark", mail.postmark)) if why))
    (FOLDER / "index.toml").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
