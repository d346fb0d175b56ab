/**
 * Peers from etcd: each key under a prefix is a peer, its value a URL or a peer's options as JSON. Over etcd's own HTTP/JSON
 * gateway (https://etcd.io/docs/latest/dev-guide/api_grpc_gateway/), which every etcd from 3.4 on serves beside gRPC at the
 * same port: there is no official client for Node, and the gateway needs none.
 */
import type { PeerOptions, PeerSource } from 'evenkeel'
import { peerSource } from 'evenkeel/discovery'

export interface EtcdOptions {
  /** Of one member: `http://127.0.0.1:2379`. */
  url: string
  /** `services/app/` */
  prefix: string
  /** For an etcd that asks who one is: `{ authorization: token }`. */
  headers?: Readonly<Record<string, string>>
}

/** Numbers come as texts: they are 64 bits long. Fields that are empty or 0 are left out. */
interface KeyValue {
  readonly key: string
  readonly value?: string
}

interface RangeResponse {
  readonly header: { readonly revision: string }
  readonly kvs?: readonly KeyValue[]
}

interface WatchResponse {
  readonly result?: {
    readonly canceled?: boolean
    readonly cancel_reason?: string
    readonly events?: readonly { readonly type?: 'PUT' | 'DELETE'; readonly kv: KeyValue }[]
  }
  readonly error?: { readonly message?: string }
}

export function fromEtcd({ url, prefix, headers = {} }: EtcdOptions): PeerSource {
  const from = Buffer.from(prefix)
  const range = { key: from.toString('base64'), range_end: keyBehind(from).toString('base64') }

  async function ask(path: string, body: object, signal: AbortSignal): Promise<Response> {
    const response = await fetch(`${url}/v3/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal,
    })
    if (!response.ok) throw new Error(`etcd said ${response.status}: ${await response.text()}`)
    return response
  }

  // What is thrown here, the balancer reports; it keeps the last list, and begins anew after a pause.
  return peerSource(async (publish, signal) => {
    const all = (await (await ask('kv/range', range, signal)).json()) as RangeResponse
    const values = new Map(all.kvs?.map(({ key, value = '' }) => [key, value]))
    const tell = (): void => {
      publish([...values.values()].map(peerOf).sort((a, b) => (a.url < b.url ? -1 : 1)))
    }
    tell()
    // From the very next revision: nothing that happens between the two is lost.
    const start_revision = String(BigInt(all.header.revision) + 1n)
    const watch = await ask('watch', { create_request: { ...range, start_revision } }, signal)
    for await (const { result, error } of linesOf(watch)) {
      if (error !== undefined) throw new Error(`etcd: ${error.message ?? 'the watch has failed'}`)
      // Compacted meanwhile, for one: then everything is read again.
      if (result?.canceled === true) throw new Error(`etcd: ${result.cancel_reason ?? 'cancelled'}`)
      if (result?.events === undefined) continue
      for (const { type = 'PUT', kv } of result.events) {
        if (type === 'DELETE') values.delete(kv.key)
        else values.set(kv.key, kv.value ?? '')
      }
      tell()
    }
    throw new Error('etcd has ended the watch')
  })
}

/** The first key behind all that begin with `prefix`: the range's end. */
function keyBehind(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix)
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] ?? 0
    if (byte < 0xff) {
      end[at] = byte + 1
      return end.subarray(0, at + 1)
    }
  }
  // To the end of all keys.
  return Buffer.from([0])
}

function peerOf(value: string): PeerOptions {
  const text = Buffer.from(value, 'base64').toString()
  return text.startsWith('{') ? (JSON.parse(text) as PeerOptions) : { url: text }
}

/** A stream of objects, one to a line. */
async function* linesOf({ body }: Response): AsyncGenerator<WatchResponse> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of body ?? []) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield JSON.parse(line) as WatchResponse
  }
}
