/** Answers of a mock upstream that these tests need beyond the kit's. */
import type { Answer, CloseHow } from 'evenkeel/testing'

/** Exactly these bytes (latin1), then the end of the connection. A reset waits until the bytes have been read. */
export function bytesThen(bytes: string, how: CloseHow): Answer {
  return {
    startsAt: 'request',
    async play(exchange) {
      if (bytes !== '') await exchange.write(bytes)
      if (how === 'reset') await exchange.beRead()
      exchange.close(how)
    },
  }
}
