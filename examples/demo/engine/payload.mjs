/**
 * What a request id stands for: its bytes, its framing, and how long its answer takes.
 * Client and upstream compute it by themselves, so that every body can be checked byte for byte.
 */
import { createHash } from 'node:crypto'

const LONGEST = 20_000
const POOL = randomLooking(64 * 1024)

/** @param {number} length */
function randomLooking(length) {
  const bytes = Buffer.allocUnsafe(length)
  let state = 0x9e3779b9
  for (let at = 0; at < length; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[at] = state
  }
  return bytes
}

/** FNV-1a, then mixed so that neighbouring ids differ in every bit. @param {string} text */
function hash(text) {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/**
 * 0 to 20,000 bytes that no other id shares; one id in sixteen has none.
 * @param {string} id
 * @returns {Buffer}
 */
export function bytesOf(id) {
  const seed = hash(id)
  if (seed % 16 === 0) return Buffer.alloc(0)
  const name = Buffer.from(`${id}\n`)
  const start = seed % (POOL.length - LONGEST)
  const length = hash(`${id} length`) % (LONGEST - name.length + 1)
  return Buffer.concat([name, POOL.subarray(start, start + length)])
}

/** Chunked rather than with a content-length? @param {string} id */
export function isChunked(id) {
  return hash(`${id} framing`) % 2 === 0
}

/** Milliseconds an upstream takes over it: most a few, some twenty. @param {string} id */
export function serviceTimeOf(id) {
  const seed = hash(`${id} time`)
  return seed % 8 === 0 ? 20 : seed % 5
}

/** @param {Uint8Array} bytes @returns {string} */
export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}
