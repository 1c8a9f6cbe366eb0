/** The marks with which programs tell language models who speaks: no person writes them, except about them. */
import type { Evidence, Standing } from './evidence.ts'

const marks =
  /<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text)|<<\/?sys>>|<\/?(?:system|system_prompt|systemprompt|assistant|instructions?|tool_call|tool_calls|tool_result|tool_response|function_call|function_calls|function_results|invoke|thinking)(?:\s[^<>\n]{0,80})?>|\[\/?inst\]|\[(?:system|assistant|developer)\](?!\()|#{2,3} (?:system|instruction|assistant|response)(?: prompt| message)?:|"(?:tool_calls?|function_call|tool_use|tool_name)"\s{0,3}:/iy
const maxLooked = 2_000
const starts = '<[#"'

/** Elements that HTML does not have are such marks too, and cannot be seen. */
const markElements =
  /^(?:system|system_prompt|systemprompt|assistant|instructions?|tool_call|tool_calls|tool_result|function_calls?|function_results|invoke|thinking|user)$/

export function judgeChatMarkup(text: string, standing: Standing, evidence: Evidence): void {
  const plain = text.includes('\\') ? text.replaceAll('\\', '') : text
  for (const start of starts) {
    let looked = 0
    for (let at = plain.indexOf(start); at >= 0 && looked < maxLooked; at = plain.indexOf(start, at + 1), looked++) {
      marks.lastIndex = at
      const found = marks.exec(plain)
      if (found !== null) evidence.add('chat-markup', { detail: found[0], kind: found[0], standing: standingAt(plain, at, standing) })
    }
  }
}

/** In backquotes it is shown, not used. */
const standingAt = (text: string, at: number, standing: Standing): Standing =>
  standing === 'shown' && (text[at - 1] === '`' || text[at - 1] === '"') ? 'quoted' : standing

export function judgeElements(names: readonly string[], evidence: Evidence): void {
  for (const name of names) if (markElements.test(name)) evidence.add('chat-markup', { detail: `<${name}>`, standing: 'hidden' })
}
