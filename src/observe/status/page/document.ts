/** The whole document: the state of the moment as HTML, and the script that follows it. */
import { createHash } from 'node:crypto'
import type { StatusSnapshot } from '../report.js'
import { LIVE } from './live.js'
import { STYLES } from './styles.js'
import { escapeHtml, toHtml } from './tree.js'
import { VIEW } from './view.js'

/** The methods as they are, and the rest as JSON: see `words.ts`. */
function scriptOf(object: Readonly<Record<string, unknown>>): string {
  const members = Object.entries(object).map(([name, member]) =>
    typeof member === 'function' ? String(member) : `${name}:${JSON.stringify(member)}`,
  )
  const page =
    '{document,location,EventSource,fetch:(u,o)=>fetch(u,o),setInterval:(f,t)=>setInterval(f,t),setTimeout:(f,t)=>setTimeout(f,t),now:()=>Date.now()}'
  // Nothing in it can end the element: `</script` is nowhere in code of ours, `<!--` neither.
  return `'use strict';({${members.join(',\n')}}).start(${page})`
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

/** Everything about the page that is the same for each request. */
export class PageDocument {
  readonly policy: string
  readonly #script: string

  constructor() {
    this.#script = scriptOf(LIVE)
    this.policy = [
      "default-src 'none'",
      `script-src ${hashOf(this.#script)}`,
      `style-src ${hashOf(STYLES)}`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; ')
  }

  /** `json`: a relative link to the state. */
  html(state: StatusSnapshot, json: string): string {
    const title = escapeHtml(state.title)
    const main = VIEW.main(state, state.at).map(toHtml).join('')
    const of = VIEW.clock(state.at)
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLES}</style>
</head>
<body>
<header><h1>${title}</h1><p id="contact" role="status">State of ${of}</p></header>
<noscript><p>Without JavaScript this page does not follow. Load it again for a newer state.</p></noscript>
<p id="refused" role="alert"></p>
<p id="news" class="unseen" aria-live="polite"></p>
<main id="state">${main}</main>
<footer><a href="${escapeHtml(json)}">The same as JSON</a></footer>
${state.controls ? DIALOG : ''}<script>${this.#script}</script>
</body>
</html>
`
  }
}

const DIALOG = `<dialog id="confirm" aria-labelledby="question">
<p id="question">Take <b id="who"></b> down?</p>
<p>It gets no new requests, not even those of its sticky sessions. What is in flight goes on to its end.</p>
<p><button type="button" data-action="cancel">Cancel</button> <button type="button" data-action="agree">Take it down</button></p>
</dialog>
`
