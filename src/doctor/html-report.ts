/** The report as one HTML file: no script, nothing from elsewhere. */
import { html } from './html.js'
import type { Html } from './html.js'
import type { Bunch, DoctorReport, Evidence, Finding, Fix, LiveCheck, LintNote } from './report.js'
import { clockTime, dayTime, durationText } from './show-time.js'
import { lostLine } from './text-report.js'
import { timeline } from './timeline.js'

/** Bunches that are shown in full. */
const IN_FULL = 20

export function htmlReport(report: DoctorReport): string {
  const { lost, requests, bunches, moreBunches } = report
  const verdict = report.found
    ? lost.total > 0
      ? lostLine(lost)
      : 'No request was lost, but something was found'
    : 'Nothing found'
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'"
        />
        <title>evenkeel doctor</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <main>
          <h1>evenkeel doctor</h1>
          <p class="verdict ${report.found ? 'bad' : 'good'}">${verdict}</p>
          <p>
            ${requests.toLocaleString('en')} requests; ${bunches.length + moreBunches} bunches;
            ${report.alone.total.toLocaleString('en')} lost requests stood alone;
            ${report.rescued.toLocaleString('en')} had a failed attempt that another server made
            good.
          </p>
          ${report.findings.map(findingPart)} ${bunches.slice(0, IN_FULL).map(bunchPart)}
          ${moreBunchesPart(bunches.slice(IN_FULL), moreBunches)} ${lintPart(report.lint)}
          ${livePart(report.live)} ${filesPart(report)}
        </main>
      </body>
    </html> `.text
}

function findingPart(finding: Finding): Html {
  return html`<section>
    <h2><code>${finding.mechanism}</code> <small>confidence ${finding.confidence}</small></h2>
    <p>${finding.headline}.</p>
    ${list(finding.because)}${fixPart(finding.fix)}${finding.bunches === 0 ? evidencePart(finding.evidence) : html``}
  </section>`
}

function fixPart({ nginx, evenkeel }: Fix): Html {
  return html`<div class="fixes">
    <div>
      <h3>In nginx</h3>
      ${list(nginx)}
    </div>
    <div>
      <h3>With evenkeel</h3>
      ${list(evenkeel)}
    </div>
  </div>`
}

function bunchPart(bunch: Bunch, index: number): Html {
  const rows = bunch.triggers.map(
    ({ kind, status, method, path, peer, count, first, marked }) =>
      html`<tr>
        <td>${clockTime(first)}</td>
        <td>${kind === 'status' ? String(status) : kind.replaceAll('_', ' ')}</td>
        <td>${count}</td>
        <td>${peer}</td>
        <td><code>${method} ${path}</code></td>
        <td>${marked ? 'yes' : ''}</td>
      </tr>`,
  )
  return html`<section>
    <h2>
      Bunch ${index + 1} <small>${dayTime(bunch.start)}, ${durationText(bunch.duration)}</small>
    </h2>
    <p class="bad">${bunch.headline}.</p>
    <p>
      ${lostLine(bunch.lost)}; ${bunch.served.toLocaleString('en')} served meanwhile.
      <code>${bunch.mechanism}</code>, confidence ${bunch.confidence}.
    </p>
    <figure>
      ${timeline(bunch)}
      <figcaption>
        <span class="key lost"></span>lost <span class="key served"></span>served
        <span class="key mark"></span>marked (worked out from fail_timeout)
      </figcaption>
    </figure>
    <div class="wide">
      <table>
        <thead>
          <tr>
            <th>when</th>
            <th>what</th>
            <th>times</th>
            <th>peer</th>
            <th>request</th>
            <th>marked it</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
    ${evidencePart(bunch.evidence)}
  </section>`
}

function moreBunchesPart(bunches: readonly Bunch[], more: number): Html {
  if (bunches.length === 0) return html``
  const items = bunches.map(
    ({ start, duration, headline }) =>
      html`<li>${dayTime(start)}, ${durationText(duration)}: ${headline}</li>`,
  )
  return html`<section>
    <h2>More bunches</h2>
    <ul>
      ${items}
    </ul>
    ${more > 0 ? html`<p>and ${more} more.</p>` : html``}
  </section>`
}

function evidencePart(evidence: readonly Evidence[]): Html {
  if (evidence.length === 0) return html``
  const lines = evidence.map(
    ({ file, line, text }) =>
      html`<dt>${file}:${line}</dt>
        <dd><code>${text}</code></dd>`,
  )
  return html`<details open>
    <summary>Evidence</summary>
    <dl>${lines}</dl>
  </details>`
}

function lintPart(lint: readonly LintNote[]): Html {
  if (lint.length === 0) return html``
  const items = lint.map(
    ({ severity, rule, message, file, line, advice }) =>
      html`<li>
        <b>${severity}</b> ${file}:${line}: ${message} <small>${rule}</small><br />In nginx:
        ${advice.nginx}<br />With evenkeel: ${advice.evenkeel}
      </li>`,
  )
  return html`<section>
    <h2>In the configuration</h2>
    <ul>
      ${items}
    </ul>
  </section>`
}

function livePart(live: readonly LiveCheck[]): Html {
  if (live.length === 0) return html``
  const rows = live.map(
    ({ upstream, peer, check, result, message }) =>
      html`<tr>
        <td>${upstream}</td>
        <td>${peer}</td>
        <td>${check}</td>
        <td class="${result === 'ok' ? 'good' : 'bad'}">${result}</td>
        <td>${message}</td>
      </tr>`,
  )
  return html`<section>
    <h2>Live</h2>
    <div class="wide">
      <table>
        <thead>
          <tr>
            <th>upstream</th>
            <th>peer</th>
            <th>check</th>
            <th>result</th>
            <th></th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`
}

function filesPart({ read, notes }: DoctorReport): Html {
  const files = read.map(
    ({ file, kind, lines, unmatched, from, to }) =>
      html`<li>
        ${kind} log ${file}: ${lines.toLocaleString('en')} lines, ${unmatched} of another format,
        ${dayTime(from ?? NaN)} to ${dayTime(to ?? NaN)}
      </li>`,
  )
  return html`<section>
    <h2>What was read</h2>
    <ul>
      ${files}
    </ul>
    ${list(notes)}
  </section>`
}

function list(items: readonly string[]): Html {
  return items.length === 0
    ? html``
    : html`<ul>
        ${items.map((item) => html`<li>${withCode(item)}</li>`)}
      </ul>`
}

/** What stands between backticks is code. */
function withCode(text: string): Html[] {
  return text
    .split('`')
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))
}

const STYLE = html`
  :root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #d0d7de; --dim: #57606a;
  --lost: #cf222e; --served: #2da44e; --mark: #9a6700; --shade: #cf222e1a; --bad: #b3161f; --good:
  #116329; } @media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --line:
  #30363d; --dim: #9198a1; --lost: #f85149; --served: #3fb950; --mark: #d29922; --shade: #f8514926;
  --bad: #ff7b72; --good: #56d364; } } body { margin: 0; background: var(--paper); color:
  var(--ink); font: 16px/1.5 system-ui, sans-serif; } main { max-width: 60rem; margin: 0 auto;
  padding: 1rem; } h1, h2, h3 { line-height: 1.25; } h2 { border-bottom: 1px solid var(--line);
  margin-top: 2.5rem; overflow-wrap: anywhere; } h3 { margin: 0; font-size: 1rem; } small,
  figcaption, dt { color: var(--dim); font-weight: normal; font-size: .85rem; } .verdict {
  font-size: 1.25rem; font-weight: 600; } .bad { color: var(--bad); } .good { color: var(--good); }
  .fixes { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1rem; }
  code { font: .85rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; } dd { margin: 0 0 .5rem
  0; } figure { margin: 1rem 0; } svg { width: 100%; height: auto; } svg text { fill: var(--ink);
  font: 12px system-ui, sans-serif; } svg .at { text-anchor: middle; fill: var(--dim); } rect.lost {
  fill: var(--lost); } rect.served { fill: var(--served); } rect.mark { fill: var(--mark); }
  rect.blackout { fill: var(--shade); } .tick { stroke: var(--line); } .key { display: inline-block;
  width: .8em; height: .8em; margin: 0 .3em 0 1em; } .key.lost { background: var(--lost); }
  .key.served { background: var(--served); } .key.mark { background: var(--mark); } .wide {
  overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; } th, td { text-align:
  left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  }
`
