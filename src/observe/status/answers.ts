/** How the page's requests are answered: heads that are strict, and short texts. */
import type { ServerResponse } from 'node:http'

const STRICT = "default-src 'none'; frame-ancestors 'none'"

/** Sets what every answer has. */
export function setHead(res: ServerResponse, type: string, policy = STRICT): void {
  res.setHeader('Content-Type', type)
  res.setHeader('Cache-Control', 'no-store, no-transform')
  res.setHeader('Content-Security-Policy', policy)
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.setHeader('Referrer-Policy', 'no-referrer')
  res.setHeader('X-Frame-Options', 'DENY')
}

/** A whole answer; Node leaves the body out of one to HEAD. */
export function answer(res: ServerResponse, status: number, body: string): void {
  res.statusCode = status
  res.setHeader('Content-Length', Buffer.byteLength(body))
  res.end(body)
}

/** One line of text. */
export function refuse(
  res: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  setHead(res, 'text/plain; charset=utf-8')
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  answer(res, status, `${text}\n`)
}
