/**
 * The lexicon: each meaning with the words for it. English, German, French, Spanish, Portuguese, Italian, Russian, Chinese and Japanese for what
 * instructions to a program are made of; mostly English for the wording of fraud and advertising. A word has one meaning; accents and case do
 * not matter, and look-alike letters are folded (confusables.ts). Meanings in small letters are glue: `stop` words are passed over, `mine` and
 * `this` end a phrase, because "ignore my previous instructions" and "forward this message" are what colleagues write.
 */
const table = {
  stop: `me us him them api mir uns moi nous мне нам 我 a an the of to and or for from in on at by with that these those please just now also so completely entirely fully
    der die das den dem des von vom zu zum und oder bitte im in an am mit fur
    le la les l un une des de d et ou veuillez
    el los las lo del y o por 
    os o da do dos das e
    il i gli lo della delle dei degli di le
    и или пожалуйста в на от для
    の を に は が と て で も 的 了 请 請 把 将`,
  all: 'all any every each alle aller allen alles toutes tous toute tout todas todos toda tutte tutti все всех всю すべて 全て 全部 所有 一切',
  mine: 'my our mein meine meinen meiner mon ma mes notre nos mi mis nuestras nuestro meu minha minhas mio mia mie моё мои мой',
  this: 'this it dies diese dieses diesen ce cette esta este essa esse questo questa это этот эту',
  not: `not dont never no cannot wont nicht kein keine keinem niemals nie ne pas jamais nunca nao non mai не никогда нет 不要 不 别 勿 ない しない ず`,
  ignore: `ignore ignores ignoring disregard disregarding forget override overrides overriding bypass bypassing neglect discard ignoriere
    ignorieren ignoriert ignorier vergiss vergessen missachte ubergehe verwirf ignorez ignorer oublie oubliez oublier ignora ignorar ignoren
    olvida olvide olvidar olviden descarta descarte esqueca esquece esquecer desconsidere desconsiderar ignorare ignorate dimentica
    dimenticate dimenticare trascura игнорируй игнорируйте игнорировать проигнорируй проигнорируйте забудь забудьте отбрось
    忽略 无视 忽視 忘记 忘記 忘掉 不要理会 抛弃 無視 忘れて 忘れる 忘れ 従わない`,
  prior: `previous previously prior above earlier preceding foregoing former existing initial original before given vorherige vorherigen
    vorheriger bisherige bisherigen bisheriger fruhere fruheren vorangegangene vorangegangenen obige obigen vorige vorigen ursprunglichen
    precedent precedente precedents precedentes precedemment anterieures anterieurs dessus initiales initiale anterior anteriores previa
    previas previo previos previamente iniciales previos acima precedenti precedentemente anteriori iniziali
    предыдущие предыдущих предыдущую предыдущий прошлые прежние прежних вышеуказанные предшествующие ранее
    之前 以前 先前 上述 以上 前面 此前 上面 これまで 上記 先ほど 今まで 前`,
  instruction: `instruction instructions prompt prompts directive directives guideline guidelines rules rule commands command constraints
    restrictions restriction safeguards programming guardrails anweisung anweisungen instruktionen vorgaben regeln befehle befehl richtlinien
    consignes consigne directive regles regle instruccion instrucciones indicaciones reglas instrucao instrucoes regras orientacoes
    comandos istruzione istruzioni indicazioni regole comandi инструкции инструкций инструкцию инструкция указания указаний правила команды
    команду 指令 指示 提示 提示词 規則 规则 命令 ルール プロンプト 指図 設定`,
  everything: 'everything anything tudo todo tutto 一切内容 内容',
  new: 'new neue neuen neues nouvelle nouvelles nouveau nueva nuevas nuevo nova novas novo nuova nuove nuovo новые новая новую новый 新的 新 新しい 新たな',
  follow: `follow following obey obeying comply execute executing carry adhere befolge befolgen befolgt folge folgen ausfuhren fuhre suivez suis suivre executez
    sigue siga seguir sigas obedece ejecuta ejecute siga obedeca execute segui seguire esegui следуй следуйте выполни выполните выполняй 遵守 遵循 执行 執行 服从 従って 従い 実行`,
  you: `ihnen you yourself youre u du dich dir sie ihr tu toi vous usted tus
    voce voi ты тебя вы вас 你 您 あなた お前 君`,
  your: 'your yours deine deinen deiner dein ihre ihren ihrem ton ta tes votre vos su sus seu sua seus suas vostre vostro tuo tua tue твои твой твоя твоих ваши вашу ваш 你的 您的',
  be: 'are be being is were bist sind sei seid es etes soyez eres ser sea sei siete sia est является являешься 是 です である',
  now: 'nunmehr jetzt ab desormais maintenant ahora agora adesso ora теперь отныне 现在 現在 今から これから',
  ai: `ai llm llms chatgpt gpt claude gemini copilot chatbot chatbots ki ia ии нейросеть нейросети 人工智能 大模型 语言模型 智能体 人工知能 言語モデル エーアイ`,
  assistant: `assistant assistants agent agents bot bots assistent assistenten assistentin agenten asistente asistentes agente agentes assistente
    assistenti ассистент ассистента ассистенту помощник агент агенту бот 助手 代理 アシスタント エージェント ボット`,
  model: 'model models modell modelle modele modelo modello модель 模型 モデル',
  language: 'language sprach langage lenguaje linguagem linguaggio языковая языковой 语言 言語',
  system: 'system systems systemprompt systeme sistema системный системные системного системную системных 系统 系統 システム',
  developer: 'developer entwickler developpeur 開発者 开发者',
  role: 'dan unrestricted unfiltered uncensored jailbroken admin root administrator superuser hacker',
  mode: 'mode modus modo режим 模式 モード',
  pretend:
    'play playing pretend roleplay simulate act behave impersonate verhalte agis comporte actua finge comporta 扮演 假装 ふりをして 振る舞って',
  as: 'as like als wie comme como come как 作为 として',
  jailbreak: 'jailbreak jailbreaking godmode 越狱 脱獄 ジェイルブレイク',
  reveal: `reveal print output repeat disclose leak display expose dump divulge recite verrate gib ausgeben zeige nenne revele revelez affiche affichez
    divulgue revela revelar muestra muestrame revele mostre rivela mostra stampa раскрой раскройте покажи покажите выведи 显示 输出 透露 泄露 告诉 表示 出力 教えて 開示 公開`,
  give: 'copy copies export share show paste list include attach',
  attention:
    'attention note notice beware hinweis achtung hinweise anmerkung remarque atencion nota atencao avviso attenzione внимание примечание 注意 ご注意 通知',
  dear: 'dear hello hi hey lieber liebe hallo cher bonjour querido estimado hola caro ola ciao уважаемый привет 亲爱的 你好',
  read: `read reading reads process processing processes summarize summarise summarizing summarising summary analyze analyse analyzing parse parsing
    lies liest lesen lesend verarbeite verarbeitest verarbeiten verarbeitet zusammenfassen lis lisez lire traites traite lee leer leyendo procesa procesas procesar resumir ler lendo processa
    leggi legge leggere leggendo elabora читаешь читаете читает обрабатываешь обрабатываете 阅读 读取 處理 处理 总结 読んで 読む 処理 要約`,
  message: `email emails mail mails message messages letter nachricht nachrichten mails courriel courriels correo correos mensaje mensajes mensagem
    mensagens messaggio messaggi lettera письмо письма письмах сообщение сообщения сообщений 邮件 郵件 消息 信件 メール メッセージ`,
  inbox: 'inbox mailbox posteingang postfach boite bandeja entrada buzon caixa casella почты ящик 收件箱 收件匣 受信トレイ 受信箱',
  conversation: 'conversation chat verlauf gesprach historique historial conversacion conversa cronologia переписку 对话 历史 会話 履歴',
  contacts: 'contacts addressbook kontakte contactos contatos contatti контакты 联系人 連絡先',
  send: `send sends forward forwarding transmit upload post exfiltrate submit sende senden schicke schicken schick leite weiterleiten weiter ubermittle envoie envoyez envoyer transfere
    transferez transferer envia envie enviar reenvia reenvie reenviar mande manda encaminhe encaminha encaminhar invia inviare inoltra inoltrare inoltrate
    отправь отправьте перешли перешлите отправить 发送 轉發 转发 傳送 发给 送信 転送 送って 送れ`,
  config: 'environment variables configuration config',
  reply:
    'reply respond answer antworte antworten reponds repondez responde responda rispondi rispondete ответь ответьте 回复 回覆 回答 返信 答えて',
  secret: `password passwords passwort passworter passphrase credential credentials token tokens secret secrets apikey keys key zugangsdaten zugangsdata geheimnis geheimnisse schlussel
    motdepasse identifiants cle cles secrets contrasena contrasenas credenciales clave claves senha senhas credenciais chave chaves credenziali chiave chiavi пароль пароли ключ ключи секрет
    секреты токен 密码 密碼 密钥 金鑰 凭据 令牌 秘密 パスワード 認証情報 鍵 キー`,
  content: 'content contents inhalt inhalte contenu contenido conteudo contenuto содержимое содержание',
  secretly: 'silently secretly quietly heimlich discretement secretamente segretamente тайно 悄悄 こっそり',
  tell: `telling informing notifying ask tell inform notify alert mention warn report sage sag erwahne informiere benachrichtige melde dis dites informe informez previens mentionne mencionar menciones mencione
    digas diga avises avise informar informes conte informare dire avvisare avvertire говори сообщай сообщайте упоминай упоминайте уведомляй 告知 通知用户 提及 告诉用户 知らせ 伝え 言わない 言及`,
  human: `user users human humans operator owner reviewer supervisor recipient anyone anybody nutzer benutzer menschen mensch betreiber niemandem jemandem utilisateur
    humain personne usuario humano operador nadie usuario ninguem utente umano nessuno пользователю пользователя человеку оператору никому 用户 使用者 人类 任何人 ユーザー ユーザ 人間 誰`,
  without: 'without ohne sans sin sem senza без 无需 未经 なしに なしで せずに',
  approval: `approval approve approved confirmation confirming asking review genehmigung bestatigung zustimmung freigabe ruckfrage approbation autorisation
    aprobacion autorizacion permiso aprovacao autorizacao approvazione autorizzazione разрешения подтверждения одобрения 批准 确认批准 授权 許可 承認 確認`,
  already: 'already preapproved bereits deja ya ja gia уже 已经 已 既に すでに',
  skip: 'skip circumvent evade disable deactivate turn umgehe deaktiviere contourne desactive omite evita desactiva ignoreaprovacao disattiva aggira обойди отключи 跳过 绕过 停用 回避 無効',
  call: 'call use invoke run trigger using rufe nutze verwende benutze appelle utilise utilisez llama usa utiliza chame use chiama utilizza вызови используй 调用 使用 呼び出し 使って 使用して',
  tool: 'tool tools werkzeug werkzeuge outil outils herramienta herramientas ferramenta ferramentas strumento strumenti инструмент инструменты 工具 ツール',
  toolname: `send_email reply_email forward_email read_email decide_email check_inbox list_pending draft_reply get_thread delete_email cancel_message create_mailbox delete_mailbox
    list_contacts add_contact search_emails search_contacts wait_for_email schedule_email download_attachment get_attachment tag_email update_mailbox list_mailboxes function_call tool_call tool_use tool_calls`,
  begin: 'begin start beginning beginn anfang debut inicio inizio начало 开始 開始',
  end: 'end ende fin fim fine конец 结束 終了 終わり',
  trusted:
    'trusted untrusted vertrauenswurdig vertrauenswurdige unvertrauenswurdig fiable fiables confiable confiables confiavel attendibile доверенный 可信 不可信 信頼',
  input: 'input document data body eingabe entree ввод 输入 入力',
  must: 'needed required necessary must should shall need required muss musst mussen sollst doit dois doivent debe debes deben deve devi devono должен должна должны 必须 必須 しなければならない',
  if: 'if wenn falls si se если 如果 もし',
  injection: 'injection injections injected 注入 インジェクション',
  attack: `attack attacks attacker attackers adversary adversarial malicious vulnerability vulnerabilities exploit exploits exploited phishing researchers researcher mitigation mitigations redteam cve owasp
    angriff angriffe angreifer forscher sicherheitslucke schwachstelle attaque attaques chercheurs vulnerabilite ataque ataques atacante investigadores 攻击 攻撃 脆弱性 漏洞`,

  urgent:
    'urgent urgently immediately asap instantly dringend sofort umgehend unverzuglich immediatement urgente inmediatamente imediatamente immediatamente срочно немедленно 立即 紧急 緊急 至急 直ちに',
  hours: 'hours hour stunden heures horas ore часов 小时 時間',
  account:
    'account accounts konto kontos benutzerkonto compte comptes cuenta cuentas conta contas аккаунт аккаунта учетная счет 账户 帳戶 账号 アカウント 口座',
  verify:
    'verify verifying validate authenticate reconfirm confirm update bestatige bestatigen verifizieren aktualisieren verifiez verifier confirmez confirmer mettez verifique confirme confirmar verificar actualice verifica conferma confermare aggiorna atualize подтвердите подтвердить обновите 验证 驗證 核实 確認して',
  suspend: `suspended suspend suspension locked blocked deactivated deactivation restricted limited disabled terminated terminate closed closure frozen gesperrt sperrung gesperrten eingeschrankt suspendu suspension bloque 
    suspendida bloqueada desactivada limitada suspensa cancelada sospeso bloccato limitato заблокирован заблокирована приостановлен 冻结 凍結 停用账户 封锁 停止`,
  expire:
    'expire expires expired expiring expiration expiry lauft ablauf abgelaufen expirera expire expirera caduca caducara vence vencera expira expirar scade scadra истекает 过期 到期 期限切れ 失効',
  unusual:
    'unusual suspicious unauthorized unauthorised unrecognized unrecognised ungewohnliche ungewohnlicher verdachtige inhabituelle suspecte inusual sospechosa sospechoso suspeita insolita подозрительная подозрительный 异常 可疑 不審',
  signin:
    'login signin logon sign activity attempt anmeldung anmeldeversuch aktivitat connexion activite sesion actividad atividade accesso attivita вход 登录 登入 ログイン アクセス',
  identity:
    'identity billing payment identitat zahlungsdaten identite paiement identidad pago facturacion identidade pagamento identita личность 身份 身元',
  register: 'register registration registro registrieren anmelden inscription inscrivez registrati cadastro регистрация 登録 注册',
  order: 'order purchase subscription renewal bestellung abonnement commande pedido ordine',
  cancel: 'cancel stornieren annuler cancelar annullare отменить',
  click: 'click klicken klick cliquez clic clique cliccare clicca нажмите 点击 點擊 クリック',
  link: 'link button url lien bouton enlace boton schaltflache collegamento ссылка ссылке ссылку 链接 連結 リンク',
  storage: 'storage quota capacity speicher speicherplatz stockage almacenamiento 容量',
  full: 'full exceeded voll uberschritten plein lleno 已满 超過',
  gift: 'gift giftcard giftcards itunes gutschein geschenkkarte geschenkkarten cadeau regalo',
  card: 'card cards karte karten carte cartes tarjeta tarjetas cartao',
  wire: 'wire remittance swift iban uberweisung uberweisen virement transferencia bonifico перевод 汇款 電匯 転账 振込 送金',
  bank: 'bank banking bankverbindung bancaire bancarios bancaria bancario banka банк 银行 銀行',
  details: 'details information daten informations coordonnees datos dados dati detalles реквизиты 信息 資料 情報 詳細',
  changed: 'changed updated geandert aktualisiert changees change cambiado actualizados alterados cambiati изменились 变更 変更',
  invoice: 'invoice invoices rechnung facture factura fatura fattura 发票 請求書',
  overdue: 'overdue outstanding unpaid uberfallig ausstehend impayee vencida vencido scaduta просрочен 逾期 未払い 滞納',
  available: 'available desk verfugbar erreichbar disponible disponivel disponibile',
  favor: 'favor favour task errand gefallen service gefalligkeit encargo',
  discreet:
    'discret discrete discreto confidential discreet discreetly vertraulich diskret confidentiel confidencial riservato конфиденциально 保密 極秘 内密',
  parcel:
    'parcel package shipment delivery paket sendung lieferung colis livraison paquete envio pacote pacco spedizione посылка 包裹 荷物 お荷物',
  fee: 'fee fees customs duty gebuhr gebuhren zollgebuhr frais aduana tasa taxa dogana tassa пошлина 费用 関税 手数料',
  refund: 'refund rebate reimbursement ruckerstattung erstattung remboursement reembolso rimborso возврат 退款 返金',
  tax: 'tax steuer impots impuesto hacienda imposto tasse налог 税 税金',

  beneficiary:
    'heritier decede decedee heredera fallecido widow witwe veuve viuda vedova вдова 寡婦 verstorben verstorbenen hinterlasst beneficiary benefactor inheritance inherit bequest heir deceased estate barrister consignment erbschaft erbe nachlass beneficiaire heritage defunt herencia heredero beneficiario heranca eredita наследство 遗产 遺産',
  kin: 'verwandter verwandte angehorigen kin relative relatives',
  next: 'next',
  what: 'what was quelles quels cuales quais quali какие 什么 何',
  last: 'final last letzte letzter dernier ultimo',
  action: 'action',
  currency: 'usd eur gbp euro euros dollar dollars рублей рубля 円 美元 元',
  million: 'million millions billion millionen millones milhoes milioni миллион миллионов 百万 万元 億円',
  fund: 'fund funds sum vermogen fonds fondos fundos fondi средства 资金 資金',
  unclaimed: 'unclaimed dormant abandoned untouched',
  lottery: 'lottery lotto sweepstake sweepstakes jackpot lotterie loterie loteria lotteria лотерея 彩票 宝くじ',
  winner:
    'winner winning won prize prizes selected gewinner gewonnen gewinn gagnant gagne ganador premio ganado vencedor vincitore выиграли победитель приз 中奖 中獎 当選',
  congratulations: 'congratulations gluckwunsch felicitations felicidades parabens congratulazioni поздравляем 恭喜 おめでとう',
  claim: 'claim redeem einlosen reclamer reclamar riscuotere',
  medicine: 'viagra cialis levitra tramadol xanax oxycodone pills steroids potenzmittel виагра 伟哥 バイアグラ',
  pharmacy: 'pharmacy prescription rezept apotheke ordonnance pharmacie receta farmacia cbd doctors',
  diet: 'keto slimming weightloss fatburner abnehmen diat maigrir adelgazar dimagrire похудение 减肥 ダイエット',
  weight: 'weight pounds kilos belly fat gewicht poids peso',
  lose: 'lose burn verlieren perdre perder perdere',
  casino: '赌 博彩 提现 casino casinos roulette slots betting spins poker bonuses freispiele казино ставки 赌场 カジノ',
  free: 'free gratis kostenlos gratuit gratuite gratuito бесплатно 免费 無料',
  crypto: 'bitcoin btc crypto cryptocurrency ethereum usdt forex trading kryptowahrung криптовалюта 比特币 仮想通貨 ビットコイン',
  profit: 'profit profits returns roi gewinne rendite rendement rendimiento ganancias lucro guadagno прибыль доход 收益 利润 利益',
  earn: 'earns earning earned earn earnings income verdienen verdienst gagner gagnez ganar gana guadagna ganhe заработок зарабатывай 稼げる 日赚 月入',
  money: 'money cash geld argent dinero dinheiro soldi денег деньги',
  guaranteed:
    'garantizadas garantizados garantizada garantierte garantierten garanties guaranteed guarantee garantiert garanti garantizado garantido garantito гарантированный гарантированная 保证 保証 確実',
  double: 'double triple verdoppeln doubler duplicar raddoppia удвоить',
  wallet: 'wallet wallets seed metamask',
  invest:
    'invierte invertir investiere invest investment investments investor investieren investition investissement inversion investimento инвестиции 投资 投資',
  seo: 'seo backlinks backlink serp guestpost',
  google: 'google',
  ranking: 'ranking rankings rank',
  page: 'page top',
  website: 'website websites site webseite',
  loan: 'loan loans lender kredit darlehen pret prestamo emprestimo prestito кредит займ 贷款 ローン 融資',
  credit: 'credit schufa buro',
  dating:
    'celibataires celibataire sweetie solteras singles dating hookup naughty horny sexy lonely affair erotik flirt rencontres citas знакомства 交友 出会い 人妻',
  replica: 'replica replicas rolex knockoff',
  degree: 'diploma doctorate',
  work: 'job jobs salary heimarbeit teletravail',
  home: 'home hause zuhause maison casa дома 自宅 在宅 ',
  risk: 'riesgo risiko risque rischio risk risks',
  offer: 'offer offers deal promotion angebot offre oferta offerta акция 优惠 特典',
  time: 'time',
  days: 'days day daily tage jours dias giorni',
  camera: 'aufgenommen recording webcam camera recorded footage masturbating masturbation kamera video webcams',
  malware: 'trojaner gehackt hackte hacking malware spyware trojan hacked keylogger hackeado pirate virus',
} as const

export type Meaning = keyof typeof table

export const wordsOf: readonly (readonly [Meaning, readonly string[]])[] = Object.entries(table).map(
  ([meaning, words]) => [meaning as Meaning, words.split(/\s+/).filter((word) => word !== '')] as const,
)
