/** nginx's size syntax (`ngx_parse_offset`), in bytes. */

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 2 ** 10],
  ['m', 2 ** 20],
  ['g', 2 ** 30],
])

/** Bytes of `'16k'`, `'1M'`, `'1g'` or `'4096'`; undefined when it is no size of nginx's. */
export function parseSize(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d+)([kmg]?)$/i.exec(text) ?? []
  const scale = UNITS.get(unit.toLowerCase())
  return digits === '' || scale === undefined ? undefined : Number(digits) * scale
}
