/** What is written down of an attempt, and read by who asks. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { AttemptRecord } from '../../../../src/attempt-record.js'
import { Exchange } from '../../../../src/exchange.js'
import { upstreamVariables } from '../../../../src/upstream-variables.js'
import type { Case } from '../case.js'

function answered(): AttemptRecord {
  const record = new AttemptRecord(undefined, '127.0.0.1:8080', 0)
  record.status = 200
  record.connectTime = 0
  record.headerTime = 1.5
  record.responseTime = 2.5
  return record
}

export function bookkeepingCases(): readonly Case[] {
  const record = answered()
  const req = new IncomingMessage(new Socket())
  const res = new ServerResponse(req)
  const x = new Exchange(req, res, 0, { ignoreClientAbort: false }, undefined)
  x.recordNoPeer('127.0.0.1:8080', 0).status = 200
  return [
    { name: 'AttemptRecord, made', run: () => new AttemptRecord(undefined, '127.0.0.1:8080', 0) },
    { name: 'AttemptRecord, summary', run: () => record.summary(0) },
    { name: 'upstreamVariables, one attempt', run: () => upstreamVariables(res) },
  ]
}
