/** Variables of a configuration whose value is known before any request: `set $name text`, `$proxy_host` … */
import { parseLogFormat } from '../observe/log-format.js'
import type { LogFormatPart } from '../observe/log-format.js'
import { isSecretField } from '../message/field-rules.js'
import type { Directive } from './conf.js'
import type { Levels } from './levels.js'
import type { ProxyPass } from './proxy-pass.js'
import { hasVariable } from './import-arguments.js'

export class KnownVariables {
  readonly #values = new Map<string, string>()

  constructor(levels: Levels) {
    const sets = levels.blocks
      .flat()
      .filter(({ name, args }) => name === 'set' && args.length === 2)
    for (const { args } of sets) {
      const [name = '', value = ''] = args
      const key = name.replace(/^\$/, '').toLowerCase()
      // Set twice, it depends on the request which of them holds.
      const secret = isSecretField(key)
      if (secret || hasVariable(value) || this.#values.has(key)) this.#values.delete(key)
      else this.#values.set(key, value)
    }
    const [serverName] = levels.one('server_name')?.args ?? []
    if (serverName !== undefined && !/[*~]/.test(serverName)) {
      this.#values.set('server_name', serverName)
    }
  }

  /** Of the location: its `$proxy_host` and `$proxy_port`. */
  addProxy({ scheme, host }: ProxyPass): void {
    const [, name = '', port] = /^(.*?)(?::(\d+))?$/.exec(host) ?? []
    const standard = scheme === 'https' ? '443' : '80'
    this.#values.set('proxy_host', port === undefined || port === standard ? name : host)
    this.#values.set('proxy_port', port ?? standard)
  }

  /** Whether a `set` says what its variable always is. */
  knows({ name, args }: Directive): boolean {
    const [variable = '', value] = args
    return name === 'set' && this.#values.get(variable.replace(/^\$/, '').toLowerCase()) === value
  }

  /** The text with what is known put in; other variables stay. */
  expand(text: string): string {
    if (!hasVariable(text)) return text
    try {
      const parts = parseLogFormat(text).map((part) => {
        if ('text' in part) return part
        const value = this.#values.get(part.variable.toLowerCase())
        return value === undefined ? part : { text: value }
      })
      return parts.map((part, at) => written(part, parts[at + 1])).join('')
    } catch {
      return text
    }
  }
}

/** Braces only where what follows would belong to the name. */
function written(part: LogFormatPart, next: LogFormatPart | undefined): string {
  if ('text' in part) return part.text
  const following = next !== undefined && 'text' in next && /^\w/.test(next.text)
  return following ? `\${${part.variable}}` : `$${part.variable}`
}
