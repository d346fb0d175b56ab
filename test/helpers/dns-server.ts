/** A name server on loopback that answers as it is told (RFC 1035, section 4): UDP only, and no more than tests need. */
import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import { onTestFinished } from 'vitest'

interface AddressData {
  readonly address: string
  readonly ttl: number
}

interface ServiceData {
  readonly target: string
  readonly port: number
  readonly priority?: number
  readonly weight?: number
  readonly ttl?: number
}

/** What a name comes to: records, or a reason why there are none. */
export type Answer = readonly (AddressData | ServiceData)[] | Refusal

/** `silence`: no answer at all. */
type Refusal = 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'silence'

export type RecordType = 'A' | 'AAAA' | 'SRV'

export interface Query {
  readonly name: string
  readonly type: string
}

const TYPES = new Map<number, RecordType>([
  [1, 'A'],
  [28, 'AAAA'],
  [33, 'SRV'],
])
const CODES = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const

export class DnsServer {
  readonly queries: Query[] = []
  readonly #socket: Socket
  readonly #zone = new Map<string, Answer>()
  readonly #waiting: { count: number; resolve: () => void }[] = []

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (message, from) => {
      this.#asked(message, from)
    })
  }

  /** As the option `servers` takes it. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  /** All that is known of `name`, or of one type of its records. What nothing is known of is NXDOMAIN. */
  set(name: string, answer: Answer, type: RecordType | 'any' = 'any'): void {
    if (type === 'any') for (const each of TYPES.values()) this.#zone.delete(`${name} ${each}`)
    this.#zone.set(`${name} ${type}`, answer)
  }

  /** Resolves when so many queries have come. */
  asked(count: number): Promise<void> {
    if (this.queries.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ count, resolve }))
  }

  #asked(message: Buffer, from: RemoteInfo): void {
    const { name, end } = readName(message, 12)
    const type = TYPES.get(message.readUInt16BE(end))
    const answer = this.#zone.get(`${name} ${type}`) ?? this.#zone.get(`${name} any`) ?? 'NXDOMAIN'
    this.queries.push({ name, type: type ?? 'other' })
    const question = message.subarray(12, end + 4)
    const reply = replyTo(message.readUInt16BE(0), question, answer, type)
    if (reply !== undefined) this.#socket.send(reply, from.port, from.address)
    for (const { count, resolve } of this.#waiting) if (this.queries.length >= count) resolve()
  }
}

/** Ends with the test. */
export async function dnsServer(): Promise<DnsServer> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  return new DnsServer(socket)
}

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = []
  let at = start
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length).toLowerCase())
    at += 1 + length
  }
  return { name: labels.join('.'), end: at + 1 }
}

function writeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '')
  const parts = labels.map((label) => Buffer.from([label.length, ...Buffer.from(label, 'latin1')]))
  return Buffer.concat([...parts, Buffer.from([0])])
}

function replyTo(
  id: number,
  question: Buffer,
  answer: Answer,
  type: RecordType | undefined,
): Buffer | undefined {
  if (answer === 'silence') return undefined
  const code = typeof answer === 'string' ? CODES[answer] : 0
  const data = typeof answer === 'string' ? [] : answer
  const records = data.filter((each) => typeOf(each) === type).map(writeRecord)
  const head = Buffer.alloc(12)
  head.writeUInt16BE(id, 0)
  head.writeUInt16BE(0x8580 | code, 2) // a reply, authoritative, recursion desired and available
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  return Buffer.concat([head, question, ...records])
}

function typeOf(data: AddressData | ServiceData): RecordType {
  if ('target' in data) return 'SRV'
  return isIPv4(data.address) ? 'A' : 'AAAA'
}

function writeRecord(data: AddressData | ServiceData): Buffer {
  const body = 'target' in data ? writeService(data) : writeAddress(data.address)
  const type = [...TYPES].find(([, name]) => name === typeOf(data))?.[0] ?? 0
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0) // the name of the question
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(data.ttl ?? 60, 6)
  head.writeUInt16BE(body.length, 10)
  return Buffer.concat([head, body])
}

function writeService({ target, port, priority = 0, weight = 0 }: ServiceData): Buffer {
  const numbers = Buffer.alloc(6)
  numbers.writeUInt16BE(priority, 0)
  numbers.writeUInt16BE(weight, 2)
  numbers.writeUInt16BE(port, 4)
  return Buffer.concat([numbers, writeName(target)])
}

function writeAddress(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const [left = '', right = ''] = address.split('::')
  const head = left.split(':').filter((part) => part !== '')
  const tail = right.split(':').filter((part) => part !== '')
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  const words = [...head, ...(address.includes('::') ? zeros : []), ...tail]
  return Buffer.from(words.flatMap((word) => [parseInt(word, 16) >> 8, parseInt(word, 16) & 255]))
}
