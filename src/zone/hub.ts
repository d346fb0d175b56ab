/** The one place where all workers' knowledge comes together: it puts their changes in one order and tells everybody. */
import type { Clock, Timer } from '../clock.js'
import { Sender } from './channel.js'
import type { ZoneChannel } from './channel.js'
import { Membership } from './membership.js'
import type { Entry, Key } from './membership.js'
import { apply, isSpotless, SPOTLESS } from './standing.js'
import type { Standing } from './standing.js'
import { announcement, COUNTS_EVERY_MS, MOST_PEERS, readTold, state } from './wire.js'
import type { Told } from './wire.js'

const MOST_ZONES = 1000
/** Lists of configurations that no worker has any more: the last worker may be on its way up again. */
const MOST_UNUSED = 4

type Hello = Told & { readonly kind: 'hello' }
type Changes = Told & { readonly kind: 'changes' }

/** Workers of one configuration, and their list of peers. */
interface Group {
  readonly config: string
  membership: Membership
  /** It is not as configured any more. */
  changed: boolean
  /** The eldest leads. */
  readonly members: Set<Member>
}

interface Zone {
  readonly name: string
  readonly standings: Map<Key, Standing>
  /** By configuration; the latest used are the last. */
  readonly groups: Map<string, Group>
}

/** What a worker has not been told yet, as names only: the worth of it is read when it is told. */
class Member {
  readonly id: string
  readonly zone: Zone
  readonly group: Group
  readonly sender: Sender
  readonly counts = new Map<Key, number>()
  readonly dirtyStandings = new Set<Key>()
  readonly dirtyEntries = new Set<Key>()
  readonly dirtyCounts = new Set<Key>()
  full = true
  seq = 0
  toldSeq = 0
  toldLead = false

  constructor(id: string, zone: Zone, group: Group, channel: ZoneChannel, onRoom: () => void) {
    this.id = id
    this.zone = zone
    this.group = group
    this.sender = new Sender(channel, onRoom)
  }

  get leads(): boolean {
    const [eldest] = this.group.members
    return eldest === this
  }

  /** Something that is not to wait. */
  get urgent(): boolean {
    return (
      this.full ||
      this.dirtyStandings.size > 0 ||
      this.dirtyEntries.size > 0 ||
      this.seq !== this.toldSeq ||
      this.leads !== this.toldLead
    )
  }
}

/** Works over any channel; `shareZones` puts it behind the messages of node:cluster. */
export class ZoneHub {
  readonly #clock: Clock
  readonly #zones = new Map<string, Zone>()
  readonly #channels = new Map<ZoneChannel, Map<string, Member>>()
  readonly #disconnects = new Set<() => void>()
  #countsTimer: Timer | undefined
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Serves the worker at the other end until the returned function is called, or the channel says that it is closed: then
   * the worker is gone and its connections with it; all else that is known of it stays known.
   */
  connect(channel: ZoneChannel): () => void {
    const members = new Map<string, Member>()
    this.#channels.set(channel, members)
    const stop = channel.onMessage((message) => {
      if (!this.#closed) this.#receive(channel, members, message)
    })
    const disconnect = (): void => {
      if (!this.#disconnects.delete(disconnect)) return
      stop()
      stopClose?.()
      this.#channels.delete(channel)
      for (const member of members.values()) this.#leave(member)
      members.clear()
      this.#flushAll()
    }
    const stopClose = channel.onClose?.(disconnect)
    this.#disconnects.add(disconnect)
    // It may have said hello before there was a hub.
    new Sender(channel, () => undefined).send(announcement())
    return disconnect
  }

  /** Serves nobody any more. Workers go on with what they know. */
  close(): void {
    this.#closed = true
    this.#countsTimer?.cancel()
    for (const disconnect of [...this.#disconnects]) disconnect()
    this.#zones.clear()
  }

  // ---- what workers say

  #receive(channel: ZoneChannel, members: Map<string, Member>, message: unknown): void {
    const told = readTold(message, this.#clock.now())
    if (told === undefined) return
    const id = `${told.zone}\n${told.member}`
    const known = members.get(id)
    switch (told.kind) {
      case 'hello': {
        if (known !== undefined) this.#leave(known)
        const member = this.#join(channel, told)
        if (member === undefined) members.delete(id)
        else members.set(id, member)
        break
      }
      case 'changes':
        if (known !== undefined) this.#change(known, told)
        break
      case 'bye':
        if (known === undefined) return
        members.delete(id)
        this.#leave(known)
        break
    }
    this.#flushAll()
  }

  #join(channel: ZoneChannel, hello: Hello): Member | undefined {
    const { zone: name, member: id, config, list, seq } = hello
    let zone = this.#zones.get(name)
    if (zone === undefined) {
      if (this.#zones.size >= MOST_ZONES) return undefined
      zone = { name, standings: new Map(), groups: new Map() }
      this.#zones.set(name, zone)
    }
    const group = zone.groups.get(config) ?? {
      config,
      membership: Membership.of(list),
      changed: false,
      members: new Set<Member>(),
    }
    // The latest used are the last.
    zone.groups.delete(config)
    zone.groups.set(config, group)
    const member: Member = new Member(id, zone, group, channel, () => this.#flush(member))
    member.seq = seq
    group.members.add(member)
    for (const key of zone.standings.keys()) member.dirtyStandings.add(key)
    for (const other of membersOf(zone))
      for (const key of other.counts.keys()) member.dirtyCounts.add(key)
    forgetUnused(zone)
    return member
  }

  #change(member: Member, { seq, standings, membership, counts }: Changes): void {
    const { zone, group } = member
    member.seq = seq
    for (const change of membership) {
      if (change.kind === 'set' && group.membership.entries.size >= MOST_PEERS) continue
      group.changed = true
      for (const key of group.membership.apply(change)) touch(zone, group, key)
    }
    if (membership.length > 0) forgetStrangers(zone)
    for (const [key, change] of standings) {
      if (!isKnown(zone, key)) continue
      const standing = apply(zone.standings.get(key) ?? SPOTLESS, change)
      if (isSpotless(standing)) zone.standings.delete(key)
      else zone.standings.set(key, standing)
      for (const each of membersOf(zone)) each.dirtyStandings.add(key)
    }
    for (const [key, count] of counts) this.#count(member, key, count)
  }

  #count(member: Member, key: Key, count: number): void {
    if ((member.counts.get(key) ?? 0) === count) return
    if (count > 0 && !isKnown(member.zone, key)) return
    if (count === 0) member.counts.delete(key)
    else member.counts.set(key, count)
    for (const each of membersOf(member.zone)) if (each !== member) each.dirtyCounts.add(key)
    this.#countsTimer ??= this.#clock.after(COUNTS_EVERY_MS, () => {
      this.#countsTimer = undefined
      for (const zone of this.#zones.values())
        for (const each of membersOf(zone)) if (each.dirtyCounts.size > 0) this.#flush(each)
    })
  }

  #leave(member: Member): void {
    member.group.members.delete(member)
    for (const key of [...member.counts.keys()]) this.#count(member, key, 0)
    forgetUnused(member.zone)
  }

  // ---- what workers are told

  #flushAll(): void {
    if (this.#closed) return
    for (const zone of this.#zones.values())
      for (const member of membersOf(zone)) if (member.urgent) this.#flush(member)
  }

  #flush(member: Member): void {
    if (this.#closed || !member.group.members.has(member)) return
    if (!member.urgent && member.dirtyCounts.size === 0) return
    if (!member.sender.free) return
    const { zone, group, full, seq: ack, leads: lead } = member
    const message = {
      ...({ kind: 'state', zone: zone.name, member: member.id, ack, lead, full } as const),
      standings: [...member.dirtyStandings].map(
        (key) => [key, zone.standings.get(key) ?? SPOTLESS] as const,
      ),
      ...entriesFor(member, group),
      counts: [...member.dirtyCounts].map((key) => [key, countElsewhere(member, key)] as const),
    }
    member.full = false
    member.toldSeq = ack
    member.toldLead = lead
    member.dirtyStandings.clear()
    member.dirtyEntries.clear()
    member.dirtyCounts.clear()
    member.sender.send(state(message, this.#clock.now()))
  }
}

/** What is known of a peer goes with its entry: a worker forgets both together. */
function touch(zone: Zone, { members }: Group, key: Key): void {
  const isUsed = [...membersOf(zone)].some(({ counts }) => counts.has(key))
  for (const each of members) {
    each.dirtyEntries.add(key)
    if (zone.standings.has(key)) each.dirtyStandings.add(key)
    if (isUsed) each.dirtyCounts.add(key)
  }
}

function entriesFor({ full, dirtyEntries }: Member, { membership, changed }: Group) {
  if (full) return { entries: changed ? [...membership.entries] : undefined, gone: [] }
  const entries: (readonly [Key, Entry])[] = []
  const gone: Key[] = []
  for (const key of dirtyEntries) {
    const entry = membership.entries.get(key)
    if (entry === undefined) gone.push(key)
    else entries.push([key, entry])
  }
  return { entries, gone }
}

function countElsewhere(member: Member, key: Key): number {
  let sum = 0
  for (const other of membersOf(member.zone))
    if (other !== member) sum += other.counts.get(key) ?? 0
  return sum
}

function* membersOf({ groups }: Zone): Generator<Member> {
  for (const { members } of groups.values()) yield* members
}

function isKnown({ groups }: Zone, key: Key): boolean {
  for (const { membership } of groups.values()) if (membership.entries.has(key)) return true
  return false
}

/** Of peers that are in no list any more nothing is kept. */
function forgetStrangers(zone: Zone): void {
  for (const key of zone.standings.keys()) if (!isKnown(zone, key)) zone.standings.delete(key)
}

function forgetUnused(zone: Zone): void {
  const unused = [...zone.groups.values()].filter(({ members }) => members.size === 0)
  for (const { config } of unused.slice(0, Math.max(0, unused.length - MOST_UNUSED)))
    zone.groups.delete(config)
  forgetStrangers(zone)
}
