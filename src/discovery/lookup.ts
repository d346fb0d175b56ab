/** Looking up names by DNS: what a name has come to lately, for how long that holds, and what went wrong. */
import { Resolver } from 'node:dns/promises'
import type { RecordWithTtl, SrvRecord } from 'node:dns'
import type { ResolverConfig } from './options.js'

/** Of one name. */
export interface Found {
  /** Sorted; what was found before where a lookup has failed. */
  readonly addresses: readonly string[]
  /** Milliseconds; Infinity when nothing was found. */
  readonly ttl: number
  readonly error: Error | undefined
}

type Family = 4 | 6

/** The name is known, and has nothing of the kind that was asked for; or it is not known. */
const NOTHING: ReadonlySet<string | undefined> = new Set(['ENODATA', 'ENOTFOUND'])

export class Lookup {
  readonly #config: ResolverConfig
  readonly #resolver: Resolver
  /** Of each name and family. */
  #known = new Map<string, readonly string[]>()

  constructor(config: ResolverConfig, signal: AbortSignal) {
    this.#config = config
    const { tries } = config
    // Its own time-outs are real time, and only say when a lost packet is sent again: the clock says when all is over.
    const timeout = Math.max(1, Math.ceil(config.timeout / tries))
    this.#resolver = new Resolver({ timeout, tries })
    if (config.servers !== undefined) this.#resolver.setServers(config.servers)
    signal.addEventListener('abort', () => {
      this.#resolver.cancel()
    })
  }

  async services(name: string): Promise<readonly SrvRecord[]> {
    return this.#inTime(name, this.#resolver.resolveSrv(name))
  }

  async addresses(name: string): Promise<Found> {
    const found = await Promise.all(
      this.#config.families.map((family) => this.#ofFamily(name, family)),
    )
    const addresses = found.flatMap((each) => each.addresses)
    // Of two families one may have nothing; none at all is nothing to send requests to.
    const failed = found.find((each) => each.error !== undefined && !isNothing(each.error))
    const error = failed?.error ?? (addresses.length === 0 ? found[0]?.error : undefined)
    if (addresses.length === 0) return { addresses: this.#before(name), ttl: Infinity, error }
    for (const [index, family] of this.#config.families.entries())
      this.#known.set(`${name} ${family}`, found[index]?.addresses ?? [])
    return { addresses, ttl: Math.min(...found.map(({ ttl }) => ttl)), error }
  }

  /** What is known of other names is forgotten. */
  keepOnly(names: readonly string[]): void {
    const keys = names.flatMap((name) => this.#config.families.map((family) => `${name} ${family}`))
    this.#known = new Map([...this.#known].filter(([key]) => keys.includes(key)))
  }

  #before(name: string): readonly string[] {
    return this.#config.families.flatMap((family) => this.#known.get(`${name} ${family}`) ?? [])
  }

  async #ofFamily(name: string, family: Family): Promise<Found> {
    try {
      const asking =
        family === 4
          ? this.#resolver.resolve4(name, { ttl: true })
          : this.#resolver.resolve6(name, { ttl: true })
      const records: readonly RecordWithTtl[] = await this.#inTime(name, asking)
      const addresses = [...new Set(records.map(({ address }) => address))].sort()
      const ttl = Math.min(...records.map((record) => record.ttl)) * 1000
      return { addresses, ttl, error: undefined }
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error('the lookup failed', { cause })
      const addresses = isNothing(error) ? [] : (this.#known.get(`${name} ${family}`) ?? [])
      return { addresses, ttl: Infinity, error }
    }
  }

  async #inTime<T>(name: string, asking: Promise<T>): Promise<T> {
    const { clock, timeout } = this.#config
    const end = clock.now() + timeout
    const timer = clock.after(timeout, () => {
      this.#resolver.cancel()
    })
    try {
      return await asking
    } catch (cause) {
      if (clock.now() < end) throw cause
      const error = new Error(`no answer to the lookup of ${name} within ${timeout} ms`, { cause })
      throw Object.assign(error, { code: 'ETIMEOUT' })
    } finally {
      timer.cancel()
    }
  }
}

function isNothing(error: NodeJS.ErrnoException): boolean {
  return NOTHING.has(error.code)
}
