/** CRC-32 as nginx computes it (`ngx_crc32_update`): the hash of `hash` and of the ring. */

const POLYNOMIAL = 0xedb88320

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++)
    value = (value & 1) === 0 ? value >>> 1 : POLYNOMIAL ^ (value >>> 1)
  return value
})

/** The state before the first byte. */
export const CRC_START = -1

export function crcByte(state: number, byte: number): number {
  return (TABLE[(state ^ byte) & 0xff] ?? 0) ^ (state >>> 8)
}

/** Four bytes, the lowest first. */
export function crcWord(state: number, word: number): number {
  let value = state ^ word
  for (let byte = 0; byte < 4; byte++) value = (TABLE[value & 0xff] ?? 0) ^ (value >>> 8)
  return value
}

/**
 * The bytes of a text. Node gives header fields and targets one character for each byte: so do we take them. A text with
 * other characters, which only a function can make, is UTF-8.
 */
export function crcText(state: number, text: string): number {
  let value = state
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0xff) return crcUtf8(state, text)
    value = (TABLE[(value ^ code) & 0xff] ?? 0) ^ (value >>> 8)
  }
  return value
}

function crcUtf8(state: number, text: string): number {
  let value = state
  for (const byte of new TextEncoder().encode(text)) value = crcByte(value, byte)
  return value
}

/** The checksum: an unsigned 32-bit number. */
export function crcEnd(state: number): number {
  return ~state >>> 0
}
