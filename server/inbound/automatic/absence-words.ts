/** What subjects of absence notices say, in lower case. Weak: people write these words too. */
export const absenceWords: readonly string[] = [
  // English
  'out of office',
  'out of the office',
  'automatic reply',
  'automated reply',
  'auto reply',
  'auto-reply',
  'autoreply',
  'on vacation',
  // German
  'automatische antwort',
  'abwesenheit',
  'nicht im büro',
  // French
  'réponse automatique',
  'absence du bureau',
  'absent du bureau',
  // Spanish, Portuguese, Italian
  'respuesta automática',
  'fuera de la oficina',
  'resposta automática',
  'fora do escritório',
  'risposta automatica',
  'fuori ufficio',
  'fuori sede',
  // Dutch, Swedish, Danish, Norwegian, Finnish
  'automatisch antwoord',
  'niet op kantoor',
  'autosvar',
  'automatiskt svar',
  'automatisk svar',
  'automaattinen vastaus',
  // Polish, Czech, Hungarian, Turkish
  'automatyczna odpowiedź',
  'automatická odpověď',
  'automatikus válasz',
  'otomatik yanıt',
  // Russian, Japanese, Chinese, Korean
  'автоматический ответ',
  'автоответ',
  '自動応答',
  '自動返信',
  '自动答复',
  '自动回复',
  '自動回覆',
  '자동 회신',
]
