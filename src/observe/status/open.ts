/** Puts the live page together when it is first asked for. Until then there is none, and nothing is counted. */
import { wallTime } from '../../clock.js'
import type { Clock } from '../../clock.js'
import type { BalancerConfig } from '../../config/types.js'
import type { BalancerEmitter } from '../../events.js'
import type { IncidentRecorder } from '../incident-recorder.js'
import type { UpstreamHandle } from '../../upstream-handle.js'
import { StatusCollector } from './collector.js'
import { configurationOf } from './configuration.js'
import { StatusPageHandler } from './status-page.js'
import type { StatusPage } from './status-page.js'

export interface PageSurroundings {
  readonly config: BalancerConfig
  readonly upstream: UpstreamHandle
  readonly emitter: BalancerEmitter
  readonly recorder: IncidentRecorder
  readonly clock: Clock
}

export class LazyStatusPage {
  readonly #in: PageSurroundings
  readonly #madeAt: number
  #page: StatusPage | undefined
  #close: () => void = () => undefined
  #closed = false

  constructor(surroundings: PageSurroundings) {
    this.#in = surroundings
    this.#madeAt = surroundings.clock.now()
  }

  get page(): StatusPage {
    return (this.#page ??= this.#open())
  }

  /** Its watchers are sent away, and nothing is counted any more. */
  close(): void {
    this.#closed = true
    this.#close()
  }

  #open(): StatusPage {
    const { config, upstream, emitter, recorder, clock } = this.#in
    const { registry, connections, config: group } = upstream.parts
    const { title, controls, history } = config.statusPage
    const hasQueue = registry.whenFull === 'wait'
    const collector = new StatusCollector(
      {
        title: title ?? registry.name,
        controls,
        madeAt: this.#madeAt,
        history,
        queueSize: hasQueue ? group.queue.size : 0,
        configuration: configurationOf(config, group),
      },
      { registry, clock, wallTime: wallTime, connections, recorder },
    )
    const handler = new StatusPageHandler({
      source: collector,
      clock,
      upstream,
      controls: controls ? 'on' : 'off',
    })
    const news = (): void => {
      handler.watchers.news()
    }
    if (!this.#closed) {
      collector.onNews = news
      registry.observers.add(collector)
      emitter.on('finish', collector.finished)
      emitter.on('incident', news)
      emitter.on('warning', news)
    }
    this.#close = () => {
      registry.observers.delete(collector)
      emitter.off('finish', collector.finished)
      emitter.off('incident', news)
      emitter.off('warning', news)
      handler.watchers.close()
    }
    if (this.#closed) this.#close()
    return handler.page
  }
}
