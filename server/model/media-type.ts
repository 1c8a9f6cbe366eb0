const name = '[a-z0-9][a-z0-9!#$&^_.+-]{0,126}'
const mediaType = new RegExp(`^${name}/${name}$`, 'i')

/** True for `type/subtype` without parameters, such as application/pdf (RFC 6838 §4.2). Such a text can stand in any header field. */
export const isMediaType = (text: string): boolean => mediaType.test(text)
