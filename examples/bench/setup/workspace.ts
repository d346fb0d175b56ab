/** The temporary folder with everything that is generated; gone when the benchmark ends. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { forLocalhost } from '../../../test/fixtures/test-only-certificates.js'
import { MEGABYTE } from '../scenario.js'

export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'))
  /** Key and certificate in one file: what HAProxy wants, and nobody minds. */
  readonly pem: string

  constructor() {
    // nginx's worker is another user when its master is root, and serves a file from here.
    chmodSync(this.folder, 0o755)
    this.pem = this.write('edge.pem', forLocalhost.key + forLocalhost.cert)
    this.write('large', 'x'.repeat(MEGABYTE))
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, text: string): string {
    const path = this.path(name)
    writeFileSync(path, text)
    return path
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
