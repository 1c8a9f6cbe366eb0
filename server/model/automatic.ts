/**
 * What kind of program wrote an arriving message; nothing should answer it by itself (RFC 3834 §2).
 *
 * `reply`: an automatic answer, such as an absence notice · `bulk`: sent to many · `list`: came over a mailing list · `notice`: made by a program ·
 * `delivery-report`, `complaint`, `aggregate-report`: what mail systems tell each other · `loop`: our own message came back, or a conversation
 * has turned too often in a short time.
 */
export const automaticKinds = ['reply', 'bulk', 'list', 'notice', 'delivery-report', 'complaint', 'aggregate-report', 'loop'] as const
export type Automatic = (typeof automaticKinds)[number]

/** The kinds behind which nobody reads an answer, or an answer would turn the wheel once more. */
export const unanswerable = ['reply', 'delivery-report', 'complaint', 'aggregate-report', 'loop'] as const satisfies readonly Automatic[]
export type Unanswerable = (typeof unanswerable)[number]

export const isUnanswerable = (automatic: Automatic | null): automatic is Unanswerable => unanswerable.some((one) => one === automatic)
