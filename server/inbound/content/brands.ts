/**
 * Names that letters of fraud borrow most, with the domains their owners really write from and link to. Neither is complete; a name is here
 * because people are sent false letters in it, and a missing domain costs its owner a few points. `~`: also a word, or the name of a person.
 */
const table = `
paypal paypal.com paypal.me paypalobjects.com
microsoft microsoft.com microsoftonline.com office.com office365.com live.com outlook.com hotmail.com sharepoint.com azure.com msn.com
office365 microsoft.com microsoftonline.com office.com office365.com live.com outlook.com
microsoft365 microsoft.com microsoftonline.com office.com office365.com live.com outlook.com
google google.com gmail.com googlemail.com youtube.com goo.gl googleusercontent.com g.co
~apple apple.com icloud.com me.com
icloud icloud.com apple.com
amazon amazon.com amazon.de amazon.co.uk amazon.fr amazon.it amazon.es amazon.co.jp amazonses.com amazonaws.com aws amazon.in amazon.ca
netflix netflix.com
facebook facebook.com facebookmail.com fb.com meta.com
instagram instagram.com facebookmail.com
whatsapp whatsapp.com
linkedin linkedin.com lnkd.in
dropbox dropbox.com dropboxmail.com
docusign docusign.com docusign.net
~adobe adobe.com
dhl dhl.com dhl.de dpdhl.com
fedex fedex.com
~ups ups.com
usps usps.com usps.gov
~chase chase.com jpmorganchase.com
wellsfargo wellsfargo.com
bankofamerica bankofamerica.com
citibank citi.com citibank.com
hsbc hsbc.com hsbc.co.uk
barclays barclays.com barclays.co.uk
~santander santander.com santander.co.uk
sparkasse sparkasse.de
postbank postbank.de
commerzbank commerzbank.de commerzbank.com
deutschebank deutsche-bank.de db.com
revolut revolut.com
klarna klarna.com
~stripe stripe.com
coinbase coinbase.com
binance binance.com
metamask metamask.io
~steam steampowered.com steamcommunity.com
spotify spotify.com
ebay ebay.com ebay.de ebay.co.uk
~booking booking.com
airbnb airbnb.com
github github.com githubusercontent.com github.io
~slack slack.com
godaddy godaddy.com
cloudflare cloudflare.com
openai openai.com chatgpt.com
anthropic anthropic.com claude.ai claude.com
~norton norton.com
mcafee mcafee.com
geeksquad geeksquad.com bestbuy.com
`

export type Brand = { name: string; isWord: boolean; domains: readonly string[] }

export const brands: readonly Brand[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const [name = '', ...domains] = line.split(' ')
    return { name: name.replace('~', ''), isWord: name.startsWith('~'), domains }
  })

/** Where anybody gets a mailbox: a company does not have its answers sent there. */
export const freeMail: ReadonlySet<string> = new Set(
  `gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com yahoo.co.uk ymail.com aol.com icloud.com me.com mail.com gmx.de gmx.net
  gmx.com web.de t-online.de freenet.de proton.me protonmail.com tutanota.com yandex.com yandex.ru mail.ru bk.ru inbox.ru qq.com 163.com 126.com
  orange.fr laposte.net free.fr libero.it zoho.com fastmail.com hushmail.com freemail.example freemail.test`.split(/\s+/),
)

/** Services that stand for another address. */
export const shorteners: ReadonlySet<string> = new Set(
  `bit.ly tinyurl.com t.co goo.gl ow.ly is.gd buff.ly cutt.ly rebrand.ly t.ly rb.gy shorturl.at tiny.cc lnkd.in s.id v.gd qr.ae bl.ink short.io
  soo.gd clck.ru u.to shorturl.test short.example`.split(/\s+/),
)

/** What stands beside a company's name in the name of an author: "Apple Support". */
export const officeWords: ReadonlySet<string> = new Set(
  `support team security service services account accounts billing customer care notification notifications alert alerts help desk no-reply noreply
  center centre verification payments payment online inc ltd gmbh com kundenservice sicherheit kundendienst client soporte`.split(/\s+/),
)
