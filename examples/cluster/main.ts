/**
 * All cores: a primary with a worker for each, who share what they know of the peers (`zone`).
 *
 *   PEERS=http://127.0.0.1:9001,http://127.0.0.1:9002 PORT=8080 node main.js
 *
 * SIGHUP replaces the workers one after the other, and no request is lost; SIGTERM ends it all in the same way. A worker
 * that dies is replaced.
 */
import cluster from 'node:cluster'
import { runPrimary } from './primary.js'
import { runWorker } from './worker.js'

if (cluster.isPrimary) await runPrimary()
else await runWorker()
