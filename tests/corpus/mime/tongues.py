"""Languages with something to say in them: invented sentences, and the charsets that older mail is written in."""

from dataclasses import dataclass


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
