import packageJson from '../../package.json' with { type: 'json' }

/** How this program introduces itself to the programs that call it. */
export const product = { name: 'multimail', title: 'MultiMail', version: packageJson.version }
