/** How an answer differs on one surface from what the operation gave, as data; and the two readers of that data: one turns the answer,
 *  the other its JSON Schema, so that the OpenAPI document says what is on the wire. */

export type JsonObject = { [key: string]: unknown }
export type Shape = {
  /** new name → the old one whose value it repeats */
  copy?: Readonly<Record<string, string>>
  rename?: Readonly<Record<string, string>>
  drop?: readonly string[]
  /** a value computed from the whole (after copies), under its name, with the schema of it */
  put?: Readonly<Record<string, { from(whole: JsonObject): unknown; schema: JsonObject }>>
  /** for arrays of objects: the shape of each element (done first) */
  each?: Readonly<Record<string, Shape>>
}

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

export function shapeValue(shape: Shape, value: JsonObject): JsonObject {
  const { copy, put, each } = shape
  const whole = { ...value }
  for (const key in each) {
    const inner = each[key]
    const list = whole[key]
    if (inner !== undefined && Array.isArray(list)) whole[key] = list.map((one: unknown) => (isObject(one) ? shapeValue(inner, one) : one))
  }
  for (const name in copy) whole[name] = whole[copy[name] as string]
  for (const name in put) whole[name] = put[name]?.from(whole)
  return renamed(shape, whole)
}

/** @param schema of an object, as z.toJSONSchema gives it */
export function shapeSchema(shape: Shape, schema: JsonObject): JsonObject {
  const properties = { ...(isObject(schema['properties']) ? schema['properties'] : {}) }
  for (const [key, inner] of Object.entries(shape.each ?? {})) {
    const list = properties[key]
    if (isObject(list) && isObject(list['items'])) properties[key] = { ...list, items: shapeSchema(inner, list['items']) }
  }
  for (const [name, old] of Object.entries(shape.copy ?? {})) properties[name] = properties[old]
  for (const [name, { schema: put }] of Object.entries(shape.put ?? {})) properties[name] = put
  const final = renamed(shape, properties)
  return { ...schema, properties: final, required: Object.keys(final).filter((name) => !optionalNames(shape, schema).has(name)) }
}

/** What the operation may leave out, under the names it has here. */
function optionalNames({ copy = {}, rename = {} }: Shape, { properties, required }: JsonObject): Set<string> {
  const needed = Array.isArray(required) ? required : []
  const optional = Object.keys(isObject(properties) ? properties : {}).filter((name) => !needed.includes(name))
  const copies = Object.entries(copy).flatMap(([name, old]) => (optional.includes(old) ? name : []))
  return new Set([...optional, ...copies].map((name) => rename[name] ?? name))
}

function renamed({ rename = {}, drop = [] }: Shape, whole: JsonObject): JsonObject {
  if (drop.length === 0 && Object.keys(rename).length === 0) return whole
  const kept = Object.entries(whole).filter(([key]) => !drop.includes(key))
  return Object.fromEntries(kept.map(([key, value]) => [rename[key] ?? key, value]))
}
