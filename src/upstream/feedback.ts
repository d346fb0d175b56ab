/** What a peer says of its own load: HAProxy's agent check, in words that come with its responses. */

/** All that a peer has said so far, with what it has not said left at rest. */
export interface PeerFeedback {
  /** Of its configured weight, from 0 to 1; at 0 it gets nothing new. */
  readonly share: number
  /** It finishes what it has and wants nothing new. */
  readonly drain: boolean
  /** It is not to be used. */
  readonly down: boolean
  /** Attempts in flight that it bears; 0: it has not said. */
  readonly maxConns: number
}

export const NOTHING_SAID: PeerFeedback = Object.freeze({
  share: 1,
  drain: false,
  down: false,
  maxConns: 0,
})

/** Bytes of it that are looked at: a peer has little to say, and each response may say it. */
const LONGEST = 256
const SHARE = /^\d{1,9}%$/
const MAX_CONNS = /^maxconn:\d{1,9}$/

/**
 * What holds after `text`: words of HAProxy's `agent-check`, separated by spaces or commas, up to a `#`. What it does not
 * mention stays, of words that contradict each other the last one counts, and other words are passed over. The same
 * object when nothing is new.
 */
export function afterFeedback(before: PeerFeedback, text: string): PeerFeedback {
  let { share, drain, down, maxConns } = before
  const [words = ''] = text.slice(0, LONGEST).split('#', 1)
  for (const each of words.split(/[\s,]+/)) {
    const word = each.toLowerCase()
    if (word === 'drain') drain = true
    else if (word === 'ready') drain = false
    else if (word === 'up') down = false
    else if (word === 'down' || word === 'fail' || word === 'stopped') down = true
    // More than all of it would be another weight than the administrator's.
    else if (SHARE.test(word)) share = Math.min(100, parseInt(word, 10)) / 100
    else if (MAX_CONNS.test(word)) maxConns = Number(word.slice('maxconn:'.length))
  }
  const isSame =
    share === before.share &&
    drain === before.drain &&
    down === before.down &&
    maxConns === before.maxConns
  return isSame ? before : { share, drain, down, maxConns }
}
