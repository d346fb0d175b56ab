/* eslint-disable @typescript-eslint/ban-ts-comment -- these packages are installed in this folder, for the benchmark only */
// @ts-nocheck
/** No proxy at all: a Node server that answers by itself what the upstream would have answered. */
import { listen } from './support/edge.mjs'

const type = 'text/plain'
const answers = new Map(
  [
    ['/small', Buffer.from(process.env.BENCH_SMALL ?? '')],
    ['/take', Buffer.from('ok')],
    ['/large', Buffer.alloc(1_048_576, 'x')],
  ].map(([path, body]) => [
    path,
    { body, fields: { 'Content-Type': type, 'Content-Length': body.length } },
  ]),
)

listen((request, response) => {
  const { body, fields } = answers.get(request.url)
  if (request.method === 'GET') {
    response.writeHead(200, fields).end(body)
    return
  }
  request.on('end', () => response.writeHead(200, fields).end(body)).resume()
})
