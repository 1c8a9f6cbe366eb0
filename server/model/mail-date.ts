/** A time as header fields write it, always in UTC (RFC 5322 §3.3). @param at epoch ms */
export const mailDate = (at: number): string => new Date(at).toUTCString().replace('GMT', '+0000')
