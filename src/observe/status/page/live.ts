/** The page's script: follows the events, and presses the buttons. See `words.ts` for how it is written. */
import type { StatusChange, StatusSnapshot } from '../report.js'
import type { PageDialog, PageElement, PageWindow } from './browser.js'
import { PATCH } from './patch.js'
import type { ShownPeer } from './peers.js'

export const LIVE = {
  ...PATCH,

  /** Of the page, with a slash at its end. */
  base: '/',
  state: null as StatusSnapshot | null,
  /** When the last message came. */
  heardAt: 0,
  /** Another number for each connection: what an old one still says is not listened to. */
  connection: 0,
  /** The peer that is to be taken down when the dialog is agreed to. */
  asked: '',

  start(page: PageWindow): void {
    this.base = page.location.pathname.replace(/\/?$/, '/')
    this.connect(page)
    page.setInterval(() => {
      this.watch(page)
    }, 1000)
    page.document.addEventListener('click', ({ target }) => {
      const button = target.closest('button')
      if (button !== null) this.pressed(page, button)
    })
  },

  connect(page: PageWindow): void {
    const connection = ++this.connection
    this.heardAt = page.now()
    const source = new page.EventSource(`${this.base}events`)
    for (const event of ['snapshot', 'change', 'beat']) {
      source.addEventListener(event, ({ data }) => {
        if (connection === this.connection) this.heard(page, event, data)
        else source.close()
      })
    }
    source.addEventListener('error', () => {
      if (connection !== this.connection) {
        source.close()
        return
      }
      this.tellContact(page, 'lost')
      // Otherwise it connects again by itself.
      if (source.readyState !== 2) return
      page.setTimeout(() => {
        if (connection === this.connection) this.connect(page)
      }, 2000)
    })
  },

  heard(page: PageWindow, event: string, data: string): void {
    this.heardAt = page.now()
    if (event === 'snapshot') this.take(page, JSON.parse(data) as StatusSnapshot)
    if (event === 'change' && this.state !== null)
      this.take(page, this.merged(page, this.state, JSON.parse(data) as StatusChange))
    this.tellContact(page, 'live')
  },

  /** Each second: counts down, and notices that nothing comes any more. */
  watch(page: PageWindow): void {
    if (this.state !== null) this.draw(page, this.state)
    const silence = page.now() - this.heardAt
    if (silence > 4500) this.tellContact(page, 'lost')
    if (silence > 12_000) this.connect(page)
  },

  tellContact({ document }: PageWindow, contact: 'live' | 'lost'): void {
    const element = document.getElementById('contact')
    if (element === null) return
    const since = this.state === null ? '' : ` This is the state of ${this.clock(this.state.at)}.`
    const text = contact === 'live' ? '● Live' : `○ Contact lost; trying again.${since}`
    if (element.textContent !== text) element.textContent = text
    element.className = contact
  },

  merged(page: PageWindow, before: StatusSnapshot, change: StatusChange): StatusSnapshot {
    const { peers = [], order, ...rest } = change
    const byName = new Map<string, ShownPeer>(before.peers.map((peer) => [peer.name, peer]))
    for (const peer of peers) {
      const known = byName.get(peer.name)
      byName.set(peer.name, { ...known, ...peer, heard: page.now() } as ShownPeer)
    }
    const names = order ?? before.peers.map(({ name }) => name)
    const all = names.flatMap((name) => byName.get(name) ?? [])
    return { ...before, ...rest, peers: all }
  },

  take(page: PageWindow, state: StatusSnapshot): void {
    const news = this.state === null ? [] : this.newsOf(this.state, state)
    const heard = page.now()
    const peers = state.peers.map((peer: ShownPeer) =>
      peer.heard === undefined ? { ...peer, heard } : peer,
    )
    this.state = { ...state, peers }
    this.draw(page, this.state)
    if (news.length > 0) this.say(page, news)
  },

  draw({ document, now }: PageWindow, state: StatusSnapshot): void {
    const main = document.getElementById('state')
    if (main !== null) this.patchChildren(document, main, this.main(state, now()))
  },

  /** For those who do not see it. */
  newsOf(before: StatusSnapshot, after: StatusSnapshot): string[] {
    const known = new Map(before.peers.map(({ name, state }) => [name, state]))
    const news = after.peers
      .filter(({ name, state }) => {
        const was = known.get(name)
        return (
          was !== state &&
          !(was === 'up' && state === 'full') &&
          !(was === 'full' && state === 'up')
        )
      })
      .map(({ name, state }) => `${name} is ${state}.`)
    const open = new Set(before.incidents.map(({ id, state }) => `${String(id)} ${state}`))
    for (const incident of after.incidents) {
      if (!open.has(`${String(incident.id)} ${incident.state}`))
        news.push(`${this.incidentTitle(incident)}${incident.state === 'closed' ? ', over' : ''}.`)
    }
    return news
  },

  say({ document }: PageWindow, news: readonly string[]): void {
    const element = document.getElementById('news')
    const more = news.length > 5 ? ` And ${String(news.length - 5)} more.` : ''
    if (element !== null) element.textContent = news.slice(0, 5).join(' ') + more
  },

  pressed(page: PageWindow, button: PageElement): void {
    const dialog = page.document.getElementById('confirm') as PageDialog | null
    const action = button.getAttribute('data-action')
    const peer = button.getAttribute('data-peer') ?? ''
    switch (action) {
      case 'drain':
      case 'up':
        this.post(page, peer, action)
        return
      case 'down': {
        const who = page.document.getElementById('who')
        if (dialog === null || who === null) return
        this.asked = peer
        who.textContent = peer
        dialog.showModal()
        return
      }
      case 'cancel':
        dialog?.close()
        return
      case 'agree':
        dialog?.close()
        this.post(page, this.asked, 'down')
        return
      default:
    }
  },

  post(page: PageWindow, peer: string, action: string): void {
    const url = `${this.base}peers/${encodeURIComponent(peer)}/${action}`
    this.tellRefusal(page, '')
    page.fetch(url, { method: 'POST', headers: { 'X-Evenkeel': '1' } }).then(
      (response) => {
        if (response.ok) return
        void response.text().then((why) => {
          this.tellRefusal(page, why)
        })
      },
      () => {
        this.tellRefusal(page, 'there is no contact.')
      },
    )
  },

  tellRefusal({ document }: PageWindow, why: string): void {
    const element = document.getElementById('refused')
    if (element !== null) element.textContent = why === '' ? '' : `Not done: ${why}`
  },
}
