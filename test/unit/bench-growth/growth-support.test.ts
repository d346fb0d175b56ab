import { isIPv4 } from 'node:net'
import { describe, expect, it } from 'vitest'
import { histogramOf } from '../../../examples/bench/growth-support/histogram.mjs'
import { addressOf, configOf } from '../../../examples/bench/growth-support/nginx-config.js'
import { scriptOf, troubleIn } from '../../../examples/bench/growth-support/wrk.js'

describe('the upstream', () => {
  it('has an address for each of a thousand peers', () => {
    const addresses = Array.from({ length: 1000 }, (_, i) => addressOf(i))
    expect(addresses[0]).toBe('127.0.0.1')
    expect(new Set(addresses).size).toBe(1000)
    expect(addresses.filter((each) => !isIPv4(each) || each.endsWith('.0'))).toEqual([])
  })

  it('listens on every one of them', () => {
    const config = configOf({ folder: '/tmp/x', port: 8080, peers: 3 })
    expect(config.match(/listen 127\.0\.0\.\d:8080 /g)).toHaveLength(3)
  })

  it('answers with as many fields as it is asked for', () => {
    const config = configOf({ folder: '/tmp/x', port: 8080, peers: 1 })
    const [location] = /location = \/fields\/50 .*/.exec(config) ?? []
    // Server, Date, Content-Type, Content-Length and Connection are nginx's own.
    expect(location?.match(/add_header/g)).toHaveLength(45)
  })
})

describe('wrk', () => {
  it('needs no script for a plain GET', () => {
    expect(scriptOf({})).toBeUndefined()
  })

  it('adds fields to its own Host, and a body', () => {
    expect(scriptOf({ fields: 10 })?.match(/wrk\.headers/g)).toHaveLength(9)
    expect(scriptOf({ body: 0 })).toBe('wrk.method = "PUT"\nwrk.body = string.rep("x", 0)\n')
  })

  it('says what went wrong', () => {
    expect(troubleIn('  2 requests in 1.00s\nRequests/sec: 2\n')).toBeUndefined()
    const output =
      '  Socket errors: connect 0, read 1, write 0, timeout 0\n  Non-2xx or 3xx responses: 7\n'
    expect(troubleIn(output)).toBe(
      'Socket errors: connect 0, read 1, write 0, timeout 0; Non-2xx or 3xx responses: 7',
    )
  })
})

describe('histogramOf', () => {
  it('counts objects by constructor, and texts as one', () => {
    const heap = {
      snapshot: {
        meta: {
          node_fields: ['type', 'name', 'id', 'self_size', 'edge_count'],
          node_types: [['hidden', 'object', 'string'], 'string', 'number', 'number', 'number'],
        },
      },
      nodes: [...[1, 0, 1, 100, 0], ...[1, 0, 3, 50, 0], ...[2, 1, 5, 24, 0], ...[2, 2, 7, 32, 0]],
      strings: ['Socket', 'one text', 'another'],
    }
    expect({ ...histogramOf(heap) }).toEqual({
      '(object) Socket': { count: 2, bytes: 150 },
      '(string)': { count: 2, bytes: 56 },
    })
  })
})
