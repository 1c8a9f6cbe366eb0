import MarkdownIt from 'markdown-it'

const markdown = new MarkdownIt({
  // What an agent writes is text: tags in it are shown, never obeyed.
  html: false,
  // A line break in a letter is meant as one.
  breaks: true,
  linkify: true,
})
// Only what is plainly a link becomes one: `https://…` and addresses, not every `report.py` that looks like a host.
markdown.linkify.set({ fuzzyLink: false, fuzzyIP: false })
// Links lead to the web, to a mailbox or to a telephone; `javascript:`, `data:`, `file:` and the like stay plain text.
markdown.validateLink = (url) => /^(?:https?|mailto|tel):/i.test(url)

// A picture fetched from elsewhere tells its host who opened the mail and when, so it becomes a link a person may follow.
markdown.renderer.rules.image = (tokens, index) => {
  const token = tokens[index]
  const source = String(token?.attrGet('src') ?? '')
  const text = token?.content === undefined || token.content === '' ? source : token.content
  const { escapeHtml } = markdown.utils
  return `<a href="${escapeHtml(source)}">${escapeHtml(text)}</a>`
}

/** Markdown as a whole HTML document: no scripts, no tags of the writer's, nothing loaded from elsewhere. */
export const htmlFromMarkdown = (text: string): string =>
  `<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8"></head>\n<body>\n${markdown.render(text)}</body>\n</html>\n`
