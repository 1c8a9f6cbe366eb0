/** Which transactions announced something, so that whoever waits for events in this process is told at the moment of the commit. */
const announcing = new WeakSet<object>()

export const noteAnnounced = (tx: object): void => void announcing.add(tx)
export const hasAnnounced = (tx: object): boolean => announcing.has(tx)
