/** How many sockets the listener may have, so that it never takes the last one from the database, the DNS and leaving mail. */

/** Each connection may have one behind it that was just told to leave and has not gone yet. */
const leaving = 2
/** For everything else in the process: stored messages, the database, look-ups, deliveries, the API. */
const reserved = 300
const least = 10

/** @param descriptors what the system allows this process, null when it does not say */
export const maxSockets = (maxConnections: number, descriptors: number | null): number =>
  Math.min(maxConnections * leaving, Math.max(least, (descriptors ?? Infinity) - reserved))
