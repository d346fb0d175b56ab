/** The points of one server on the ring, as nginx places them (`ngx_http_upstream_update_chash`). */
import { CRC_START, crcByte, crcEnd, crcText, crcWord } from './crc32.js'

/** Points for each unit of weight. */
export const POINTS = 160

/**
 * Calls `each` with the points that a server has for more than `from` and up to `to` units of weight. `name` is
 * `host:port`, as configured: crc32(HOST \0 PORT PREVIOUS), which is Cache::Memcached::Fast's.
 */
export function eachPoint(
  name: string,
  from: number,
  to: number,
  each: (hash: number) => void,
): void {
  const base = baseOf(name)
  let hash = 0
  for (let n = 0; n < to * POINTS; n++) {
    hash = crcEnd(crcWord(base, hash))
    if (n >= from * POINTS) each(hash)
  }
}

/** `unix:` is left out, and a port is what follows the last colon, if it is digits. */
function baseOf(name: string): number {
  if (/^unix:/i.test(name)) return crcByte(crcText(CRC_START, name.slice(5)), 0)
  const [, host = name, port = ''] = /^(.*):(\d*)$/.exec(name) ?? []
  return crcText(crcByte(crcText(CRC_START, host), 0), port)
}
