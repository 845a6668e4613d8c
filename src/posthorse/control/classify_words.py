"""Words by which a subject, a template or the name of a sender tells what kind of mail it is, in several languages.

They propose and never decide: `posthorse classify suggest` shows what was found, and a person takes it or leaves it.
Each word stands in lower case, and matches where a word of the text begins with it (anywhere in writing without
spaces), so that plurals and compounds are found.
"""

import re
from collections.abc import Mapping, Sequence

from posthorse.mail.stream import Stream

WORDS: Mapping[Stream, Sequence[str]] = {
    Stream.URGENT: (
        *("password", "passcode", "verification", "verify", "one-time", "otp", "2fa", "two-factor", "login", "log in"),
        *("sign-in", "sign in", "magic link", "security alert", "security code", "access code", "login code"),
        *("your code", "confirm your email", "confirm your address", "activate your account", "reset your"),
        *("passwort", "kennwort", "bestätigungscode", "sicherheitscode", "anmeldung", "anmeldecode", "einmal"),
        *("mot de passe", "code de vérification", "code de sécurité", "connexion", "vérifiez votre"),
        *("contraseña", "código de verificación", "código de acceso", "iniciar sesión", "verifica tu"),
        *("senha", "código de verificação", "codice di verifica", "codice di accesso", "wachtwoord", "verificatiecode"),
        *("lösenord", "adgangskode", "salasana", "hasło", "kod weryfikacyjny", "heslo", "jelszó", "şifre", "parola"),
        *(
            "пароль",
            "код подтверждения",
            "вход в",
            "密码",
            "验证码",
            "密碼",
            "驗證碼",
            "パスワード",
            "認証コード",
            "비밀번호",
        ),
        *("인증번호", "كلمة المرور", "رمز التحقق", "סיסמה", "रीसेट"),
    ),
    Stream.ONCE: (
        *("invoice", "tax document", "credit note", "payslip", "terms of service", "contract", "legal notice"),
        *("rechnung", "gutschrift", "mahnung", "vertrag", "gehaltsabrechnung", "agb"),
        *("facture", "contrat", "factura", "contrato", "fatura", "fattura", "contratto", "factuur"),
        *(
            "faktura",
            "faktúra",
            "számla",
            "lasku",
            "счёт",
            "счет-фактура",
            "договор",
            "发票",
            "發票",
            "請求書",
            "청구서",
        ),
        *("فاتورة", "חשבונית"),
    ),
    Stream.STANDARD: (
        *("receipt", "order", "shipped", "delivery", "booking", "reservation", "payment received", "welcome"),
        *("quittung", "bestellung", "bestellbestätigung", "versand", "lieferung", "buchung", "willkommen"),
        *("reçu", "commande", "expédi", "livraison", "réservation", "bienvenue", "recibo", "pedido", "envío"),
        *("reserva", "bienvenid", "ordine", "ricevuta", "spedizione", "bestelling", "zamówieni", "заказ", "订单"),
        *("ご注文", "주문"),
    ),
    Stream.BULK: (
        *("newsletter", "digest", "weekly", "monthly", "sale", "discount", "coupon", "promo", "special offer"),
        *("% off", "black friday", "last chance", "don't miss", "webinar", "news from", "what's new", "roundup"),
        *("rabatt", "angebot", "gutschein", "ausverkauf", "neuigkeiten", "wochenrückblick"),
        *("soldes", "promotion", "offre", "lettre d'information", "nouveautés", "oferta", "descuento", "boletín"),
        *("rebajas", "desconto", "promoção", "sconto", "offerta", "notiziario", "nieuwsbrief", "aanbieding", "korting"),
        *("nyhetsbrev", "uutiskirje", "zniżka", "promocja", "sleva", "hírlevél", "indirim", "скидк", "рассылк"),
        *(
            "новости",
            "优惠",
            "促销",
            "セール",
            "メルマガ",
            "ニュースレター",
            "뉴스레터",
            "할인",
            "عرض",
            "تخفيض",
            "מבצע",
        ),
    ),
}

_SPACELESS = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    apart = [re.escape(word) for word in words if not _SPACELESS.search(word) and word[0].isalnum()]
    anywhere = [re.escape(word) for word in words if _SPACELESS.search(word) or not word[0].isalnum()]
    begins = rf"(?<![^\W_])(?:{'|'.join(sorted(apart, key=len, reverse=True))})"
    return re.compile("|".join([begins, *sorted(anywhere, key=len, reverse=True)]))


_PATTERNS = {stream: _pattern(words) for stream, words in WORDS.items()}


def words_in(text: str) -> Mapping[Stream, str]:
    """The first word of each kind in a text; what is not there is missing."""
    folded = text.lower()
    return {stream: found[0] for stream, pattern in _PATTERNS.items() if (found := pattern.search(folded))}


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where words of any kind stand in a text."""
    folded = text.lower()
    if len(folded) != len(text):  # a few letters are longer in lower case
        folded = "".join(character.lower()[:1] for character in text)
    return sorted(found.span() for pattern in _PATTERNS.values() for found in pattern.finditer(folded))
