import { effectiveText, settingsMarkdown, shownValue } from '../../config/describe.ts'
import { type Command, jsonOption } from './command.ts'
import { settingsOf } from './settings.ts'
import { visibleJson } from './visible.ts'

export const config: Command = {
  help: 'Prints every setting with its value and where that came from: the environment, the file, or the default. Secrets are hidden.',
  options: { ...jsonOption, markdown: { help: 'print docs/settings.md instead' } },
  async run(call) {
    if (call.flag('markdown')) {
      call.io.out(settingsMarkdown())
      return 0
    }
    const loaded = settingsOf(call.io)
    const { config: effective } = loaded
    const settings = loaded.effective.map((each) => ({ name: each.name, value: shownValue(each), source: each.source }))
    call.io.out(
      call.flag('json')
        ? `${visibleJson({ mode: effective.mode, settings })}\n`
        : `mode: ${effective.mode}\n\n${effectiveText(loaded.effective)}\n`,
    )
    return 0
  },
}
