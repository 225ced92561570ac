import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import type Database from 'libsql'
import type { Handler } from '../http/listener.ts'
import { migrate } from '../store/database.ts'
import { type Fault, hits, parseFault } from './fault.ts'
import { type RequestFaults, requestGuard } from './request-guard.ts'

/**
 * Stands before both listeners and lets requests through, or not, as the active faults say. Faults
 * are kept in the database: a region that is killed and started again is still in the same trouble.
 */
export interface FaultGate {
  list(): Fault[]
  add(input: unknown): Fault
  /** False when there is no such fault. */
  lift(id: string): boolean
  liftAll(): void
  /** Whether this region is cut off from the origin of an address it wants to call. */
  isCutOff(url: string): boolean
  isDiskFull(): boolean
  /** How far the region's clock is from the time. */
  skewMs(): number
  /** Resolves when a long-running operation on a resource may end; never once the region stops. */
  untilOperationEnds(operation: { resourceId: string; startedAt: string }): Promise<void>
  guard(listener: 'main' | 'storage', next: Handler): Handler
  /** Cuts what is held back, so that the region can stop. */
  close(): void
}

export function openFaultGate(options: {
  readonly db: Database.Database
  /** The time, not the clock that a fault puts wrong. */
  readonly clock: () => Date
  /** 0 inclusive to 1 exclusive. */
  readonly random?: () => number
}): FaultGate {
  const { db, clock, random = Math.random } = options
  migrate(db, [
    { name: 'faults-1', sql: 'CREATE TABLE faults (id TEXT PRIMARY KEY, fault TEXT NOT NULL)' },
  ])
  const rows = db.prepare('SELECT fault FROM faults ORDER BY rowid').all() as { fault: string }[]
  const insert = db.prepare('INSERT INTO faults VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM faults WHERE id = ?')
  const faults = new Map<string, Fault>()
  const ends = new Map<string, NodeJS.Timeout>()
  const holds = new Set<NodeJS.Timeout>()
  const changes = new EventEmitter().setMaxListeners(0)
  const limitDisk = diskLimit(db)
  for (const { fault } of rows) begin(JSON.parse(fault) as Fault)

  function begin(fault: Fault): void {
    faults.set(fault.id, fault)
    limitDisk([...faults.values()].some(({ kind }) => kind === 'fullDisk'))
    if (fault.endsAt === undefined) return
    const remaining = new Date(fault.endsAt).getTime() - clock().getTime()
    ends.set(fault.id, setTimeout(list, Math.max(0, remaining) + 1).unref())
  }

  function list(): Fault[] {
    if (faults.size === 0) return []
    const now = clock().toISOString()
    for (const { id, endsAt } of faults.values())
      if (endsAt !== undefined && endsAt <= now) drop(id)
    return [...faults.values()]
  }

  function drop(id: string): boolean {
    const existed = faults.delete(id)
    clearTimeout(ends.get(id))
    ends.delete(id)
    limitDisk([...faults.values()].some(({ kind }) => kind === 'fullDisk'))
    remove.run(id)
    changes.emit('lifted', id)
    return existed
  }

  function add(input: unknown): Fault {
    const fault = parseFault(input, clock())
    insert.run(fault.id, JSON.stringify(fault))
    begin(fault)
    guard.begun(fault)
    return fault
  }

  /** Resolves when the fault is over, or the client is gone. */
  function whenLifted({ id }: Fault, response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const done = (lifted?: string) => {
        if (lifted !== undefined && lifted !== id) return
        changes.off('lifted', done)
        resolve()
      }
      changes.on('lifted', done)
      response.once('close', () => done())
    })
  }

  const active: RequestFaults = {
    whenLifted,
    hitting: (url, service) =>
      list().filter((fault) => hits(fault, url, service) && random() < fault.share),
  }
  const guard = requestGuard(active)
  const ofKind = (kind: Fault['kind']) => list().filter((fault) => fault.kind === kind)

  return {
    list,
    add,
    lift: drop,
    liftAll: () => {
      for (const id of [...faults.keys()]) drop(id)
    },
    isCutOff: (url) => ofKind('cutOff').some(({ origin }) => origin === new URL(url).origin),
    isDiskFull: () => ofKind('fullDisk').length > 0,
    skewMs: () =>
      ofKind('clockSkew').reduce((sum, { skewSeconds = 0 }) => sum + skewSeconds, 0) * 1000,
    async untilOperationEnds({ resourceId, startedAt }) {
      const [fault] = active
        .hitting(resourceId, 'arm')
        .filter(({ kind }) => kind === 'slowOperations')
      if (fault === undefined) return
      const endsAt = new Date(startedAt).getTime() + (fault.operationMs ?? 0)
      await operationHold(fault, endsAt - clock().getTime())
    },
    guard: guard.of,
    close() {
      for (const timer of [...ends.values(), ...holds]) clearTimeout(timer)
      changes.removeAllListeners('lifted')
      guard.close()
    },
  }

  /** Ends after a time or with the fault, whichever comes first. */
  function operationHold({ id }: Fault, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (lifted?: string) => {
        if (lifted !== undefined && lifted !== id) return
        clearTimeout(timer)
        holds.delete(timer)
        changes.off('lifted', done)
        resolve()
      }
      const timer = setTimeout(done, Math.max(0, ms)).unref()
      holds.add(timer)
      changes.on('lifted', done)
    })
  }
}

/** The database grows no further while the disk is full, so every write meets the real error. */
function diskLimit(db: Database.Database): (isFull: boolean) => void {
  let limited = false
  return (isFull) => {
    if (isFull === limited) return
    limited = isFull
    const [{ page_count }] = db.pragma('page_count') as [{ page_count: number }]
    db.pragma(`max_page_count = ${isFull ? page_count : 4_294_967_294}`)
  }
}
