/** Answers that no well-behaved upstream would give. */
import type { Socket } from 'node:net'
import type { Answer, AnswerSource, CloseHow, Exchange, StartOptions } from './answer.js'
import type { HeaderList } from './outcome.js'
import { flatHeaders, toBuffer } from './outcome.js'
import { chunkOf, section } from './respond.js'

export interface RawOptions extends StartOptions {
  /** What follows the bytes: the connection stays (false), ends with a FIN (true), or is reset. Default false. */
  close?: boolean | 'reset'
  /** Milliseconds before the first byte. Default 0. */
  delay?: number
}

/** Any bytes at all; a string goes out as latin1. */
export function raw(bytes: string | Uint8Array, options: RawOptions = {}): Answer {
  return {
    startsAt: options.after ?? 'request',
    async play(exchange) {
      await exchange.wait(options.delay ?? 0)
      await exchange.write(bytes)
      if (options.close === true) exchange.close('fin')
      if (options.close !== 'reset') return
      await exchange.beRead()
      exchange.close('reset')
    },
  }
}

/** A RST without a byte of response. */
export function reset(options: StartOptions = {}): Answer {
  return closing('reset', options)
}

/** A FIN without a byte of response. */
export function closeConnection(options: StartOptions = {}): Answer {
  return closing('fin', options)
}

function closing(how: CloseHow, options: StartOptions): Answer {
  return {
    startsAt: options.after ?? 'request',
    play(exchange) {
      exchange.close(how)
      return Promise.resolve()
    },
  }
}

/** Never answers. With `after: 'head'` the body is not read either, so that the client's writes get stuck. */
export function hang(options: StartOptions = {}): Answer {
  const startsAt = options.after ?? 'request'
  return {
    startsAt,
    play(exchange) {
      if (startsAt === 'head' && !exchange.request.complete) exchange.stall()
      return exchange.gone()
    },
  }
}

export interface DieInBodyOptions {
  /** Bytes of body that the head promises; `'chunked'` promises no length. Default 1000. */
  announce?: number | 'chunked'
  /** What comes of it, or how many bytes. Default 10 bytes. */
  send?: number | string | Uint8Array
  /** Default `'reset'`. */
  how?: CloseHow
  /** Default 200. */
  status?: number
  headers?: HeaderList
  /** Milliseconds between the last byte and the end. Default 0, but for a reset a moment to be read in. */
  delay?: number
}

/** A response that breaks off in its body. */
export function dieInBody(options: DieInBodyOptions = {}): Answer {
  const { announce = 1000, send = 10, how = 'reset', status = 200 } = options
  const body = typeof send === 'number' ? Buffer.alloc(send, 'd') : toBuffer(send)
  const framing =
    announce === 'chunked' ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(announce)]
  return {
    startsAt: 'request',
    async play(exchange) {
      await exchange.write(
        section(`HTTP/1.1 ${status} OK`, [...flatHeaders(options.headers), ...framing]),
      )
      if (body.length > 0) await exchange.write(announce === 'chunked' ? chunkOf(body) : body)
      if (options.delay === undefined && how === 'reset') await exchange.beRead()
      else await exchange.wait(options.delay ?? 0)
      exchange.close(how)
    },
  }
}

export interface EarlyOptions {
  /**
   * What becomes of the request's body afterwards: `'read'` to its end, so that the connection lives on;
   * `'stall'`: the connection stays and nothing more is read; `'close'` or `'reset'`. Default `'read'`.
   */
  then?: 'read' | 'stall' | 'close' | 'reset'
}

/** Gives an answer as soon as the request's head is here. */
export function earlyResponse(answer: AnswerSource, options: EarlyOptions = {}): Answer {
  return {
    startsAt: 'head',
    async play(exchange) {
      const { then = 'read' } = options
      if (then === 'stall') exchange.stall()
      await (typeof answer === 'function' ? await answer(exchange.request) : answer).play(exchange)
      if (then === 'read') await exchange.received()
      else if (then === 'stall') await exchange.gone()
      else await closeAfterwards(exchange, then)
    },
  }
}

async function closeAfterwards(exchange: Exchange, how: 'close' | 'reset'): Promise<void> {
  if (how === 'close') return exchange.closeAfter()
  await exchange.beRead()
  exchange.close('reset')
}

export interface SwitchOptions {
  /** The protocol switched to. Default: what the request's `Upgrade` asks for. */
  protocol?: string
  headers?: HeaderList
  /** Talks on the connection from then on. Default: an echo. */
  talk?: (socket: Socket) => void
}

/** 101, and another protocol on the connection from then on. */
export function switchProtocols(options: SwitchOptions = {}): Answer {
  return {
    startsAt: 'request',
    async play(exchange) {
      const protocol = options.protocol ?? exchange.request.headers['upgrade'] ?? 'echo'
      const fields = ['Connection', 'Upgrade', 'Upgrade', protocol, ...flatHeaders(options.headers)]
      await exchange.write(section('HTTP/1.1 101 Switching Protocols', fields))
      const socket = exchange.takeOver()
      if (options.talk === undefined) socket.pipe(socket)
      else options.talk(socket)
      socket.resume()
      await exchange.gone()
    },
  }
}
