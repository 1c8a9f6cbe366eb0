import type { Command } from './command.ts'

export const serve: Command = {
  help: 'Runs the server until SIGTERM or SIGINT. Without MULTIMAIL_HOSTNAME it runs in local mode.',
  async run() {
    const { main } = await import('../main.ts')
    await main()
    return undefined
  },
}
