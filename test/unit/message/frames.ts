/** WebSocket frames, put together by hand (RFC 6455 section 5.2). */

export interface FrameOptions {
  readonly opcode?: number
  readonly fin?: boolean
  /** The three RSV bits. */
  readonly rsv?: number
  readonly masked?: boolean
  /** The form of the length; default: the shortest. */
  readonly lengthBits?: 7 | 16 | 64
}

export function frame(
  payload: Buffer | string = '',
  { opcode = 1, fin = true, rsv = 0, masked = false, lengthBits }: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload)
  const key = masked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0)
  const body = masked ? bytes.map((byte, i) => byte ^ key[i % 4]!) : bytes
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  return Buffer.concat([
    Buffer.from([first]),
    lengthField(bytes.length, masked ? 0x80 : 0, lengthBits),
    key,
    body,
  ])
}

export const closeFrame = (code: number, masked: 'masked' | 'plain' = 'plain'): Buffer =>
  frame(Buffer.from([code >> 8, code & 0xff]), { opcode: 8, masked: masked === 'masked' })

function lengthField(length: number, mask: number, bits: 7 | 16 | 64 = shortest(length)): Buffer {
  if (bits === 7) return Buffer.from([mask | length])
  const field = Buffer.alloc(bits === 16 ? 3 : 9)
  field[0] = mask | (bits === 16 ? 126 : 127)
  if (bits === 16) field.writeUInt16BE(length, 1)
  else field.writeBigUInt64BE(BigInt(length), 1)
  return field
}

function shortest(length: number): 7 | 16 | 64 {
  return length < 126 ? 7 : length < 65_536 ? 16 : 64
}
