/** The bytes of an IP address, from its text. */

/** IPv4 in IPv6, as the sockets of a server on `::` give it. */
const MAPPED = /^::ffff:(?=\d+\.)/i
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/

/** An IPv4 address in IPv6 becomes that address; any other text stays. */
export function plainAddress(address: string): string {
  return address.startsWith('::') ? address.replace(MAPPED, '') : address
}

/** 4 bytes, or 16, or none for what is no address. */
export function addressBytes(address: string): readonly number[] {
  const plain = plainAddress(address)
  return (plain.includes(':') ? bytesOfIPv6(plain) : bytesOfIPv4(plain)) ?? []
}

function bytesOfIPv4(text: string): readonly number[] | undefined {
  const bytes = IPV4.exec(text)?.slice(1).map(Number)
  return bytes?.every((byte) => byte < 256) === true ? bytes : undefined
}

function bytesOfIPv6(text: string): readonly number[] | undefined {
  // The zone of a link-local address is no part of it.
  const [address = ''] = text.split('%')
  const [before = '', after, ...more] = address.split('::')
  if (more.length > 0) return undefined
  const head = groups(before)
  const tail = groups(after ?? '')
  if (head === undefined || tail === undefined) return undefined
  const missing = 16 - head.length - tail.length
  if (after === undefined ? missing !== 0 : missing < 2) return undefined
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail]
}

/** Two bytes for each group; four where the last one is written as IPv4. */
function groups(text: string): readonly number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  for (const part of text.split(':')) {
    if (part.includes('.')) {
      const last = bytesOfIPv4(part)
      if (last === undefined) return undefined
      bytes.push(...last)
    } else if (/^[\da-f]{1,4}$/i.test(part)) {
      const value = Number.parseInt(part, 16)
      bytes.push(value >> 8, value & 0xff)
    } else return undefined
  }
  return bytes
}
