import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { SMTPServer } from 'smtp-server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { NotifyChannelPlan } from '../plan/notify-schema.ts'
import { type Database, migrate, openDatabase } from '../store/database.ts'
import { type Channel, openChannel } from './channel.ts'
import { deliverDue } from './deliver.ts'
import type { Notification } from './notification.ts'
import { type Outbox, outboxMigrations, postgresOutbox } from './outbox.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-notify-'))
const secret = 'planted-notify-secret-0815'
const limits = { sendMs: 500, firstWaitMs: 1000, longestWaitMs: 8000, attempts: 4 }
let database: Database
let outbox: Outbox
let server: Server
let url: string
/** What the next calls are answered; then 202. `silent`: nothing, ever. */
let answers: (number | 'silent')[]
let received: { body: Record<string, unknown>; headers: IncomingHttpHeaders }[]
let nowMs: number

beforeAll(async () => {
  database = await openDatabase({ stateDir: join(folder, 'state') })
  await migrate(database, outboxMigrations)
  outbox = postgresOutbox(database)
  server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      received.push({ body: JSON.parse(text), headers: request.headers })
      const answer = answers.shift() ?? 202
      if (answer !== 'silent') response.writeHead(answer).end(`you sent ${request.url} ${text}`)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}, 60_000)
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  ;[answers, received, nowMs] = [[], [], Date.now()]
  writeFileSync(join(folder, 'url'), `${url}/${secret}\n`)
  await sql`truncate notification`.execute(database.kysely)
})
afterEach(() => {
  delete process.env.HOLDFAST_TEST_ROUTING_KEY
})

const notification = (key: string): Notification => ({
  ...{ key, group: 'g', event: 'outage-confirmed', severity: 'critical', over: false },
  ...{ title: 'east is down', text: 'Decide: <holdfast failover>', incident: 'outage/east' },
  at: new Date(nowMs).toISOString(),
})
const place = { file: 'url' }
const deliver = (...plans: NotifyChannelPlan[]) =>
  deliverBy(plans.map((plan) => openChannel(plan, folder)))
const deliverBy = (channels: readonly Channel[]) =>
  deliverDue(
    'g',
    { outbox, channels, now: () => new Date(nowMs), signal: new AbortController().signal },
    limits,
  )
const hook: NotifyChannelPlan = { type: 'webhook', name: 'hook', url: place }
const keys = () => received.map(({ headers }) => headers['idempotency-key'])

describe('delivery', () => {
  it('tries again after a refusal and a silence, each time later, under the same key', async () => {
    answers = [500, 'silent']
    await outbox.put(notification('k1'), ['hook'])
    await deliver(hook)
    expect(await outbox.troubles('g')).toMatchObject([{ channel: 'hook', waiting: 1 }])
    await deliver(hook)
    expect(received).toHaveLength(1)
    nowMs += 1000
    await deliver(hook)
    expect(received).toHaveLength(2)
    nowMs += 1999
    await deliver(hook)
    expect(received).toHaveLength(2)
    nowMs += 1
    await deliver(hook)
    expect(keys()).toEqual(['k1', 'k1', 'k1'])
    expect(await outbox.troubles('g')).toEqual([])
    nowMs += 100_000
    await deliver(hook)
    expect(received).toHaveLength(3)
  }, 30_000)

  it('sends a key once, in the order in which things happened', async () => {
    for (const key of ['k1', 'k2', 'k1', 'k3']) await outbox.put(notification(key), ['hook'])
    await deliver(hook)
    await deliver(hook)
    expect(keys()).toEqual(['k1', 'k2', 'k3'])
  })

  it('goes on after a crash between sending and noting, and shows the same key again', async () => {
    await outbox.put(notification('k1'), ['hook'])
    await outbox.take('g', new Date(nowMs), 10, 60_000)
    await deliver(hook)
    expect(received).toEqual([])
    nowMs += 60_000
    await deliver(hook)
    expect(keys()).toEqual(['k1'])
  })

  it('does not let a channel that fails hold up another, and gives up in the end', async () => {
    answers = [500]
    const other: NotifyChannelPlan = {
      type: 'webhook',
      name: 'other',
      url: { env: 'HOLDFAST_NOT_SET' },
    }
    await outbox.put(notification('k1'), ['other', 'hook'])
    for (let i = 0; i < 6; i += 1) {
      await deliver(hook, other)
      nowMs += 10_000
    }
    expect(keys()).toEqual(['k1', 'k1'])
    expect(await outbox.troubles('g')).toMatchObject([
      {
        channel: 'other',
        waiting: 0,
        givenUp: 1,
        error: 'The variable HOLDFAST_NOT_SET holds no secret.',
      },
    ])
  })

  it('keeps a bounded number of what waits', async () => {
    for (let i = 0; i < 510; i += 1) await outbox.put(notification(`k${i}`), ['hook'])
    const { rows } = await sql<{ count: number }>`select count(*) as count from notification
      where state = 'waiting'`.execute(database.kysely)
    expect(rows[0]?.count).toBe(500)
  }, 60_000)

  it('shows a secret neither in the outbox nor in an error (I9)', async () => {
    answers = [400, 'silent']
    for (const key of ['k1', 'k2']) await outbox.put(notification(key), ['hook'])
    await deliver(hook)
    const { rows } = await sql`select notification::text as text from notification`.execute(
      database.kysely,
    )
    expect(JSON.stringify(rows)).toContain('answered 400')
    writeFileSync(join(folder, 'url'), `not an address ${secret}`)
    const error = await openChannel(hook, folder)
      .send(notification('k3'), AbortSignal.timeout(500))
      .catch((caught: unknown) => caught)
    expect(JSON.stringify([rows, await outbox.troubles('g'), String(error), error])).not.toContain(
      secret,
    )
  }, 30_000)
})

describe('what each service is sent', () => {
  const sendOnce = async (plan: NotifyChannelPlan, change: Partial<Notification> = {}) => {
    await openChannel(plan, folder).send(
      { ...notification('k1'), ...change },
      AbortSignal.timeout(5000),
    )
    return received.at(-1)?.body
  }
  it('has the shape that it documents', async () => {
    expect(await sendOnce(hook)).toMatchObject({
      ...{ schema: 'holdfast/notification/v1', key: 'k1', event: 'outage-confirmed', group: 'g' },
    })
    const slack = await sendOnce({ type: 'slack', name: 'slack', url: place })
    expect(slack).toMatchObject({ text: 'east is down', attachments: [{ color: '#a81c1c' }] })
    expect(JSON.stringify(slack)).toContain('&lt;holdfast failover&gt;')
    expect(await sendOnce({ type: 'teams', name: 'teams', url: place })).toMatchObject({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: { type: 'AdaptiveCard' },
        },
      ],
    })
  })

  it('opens and resolves one incident at PagerDuty', async () => {
    process.env.HOLDFAST_TEST_ROUTING_KEY = secret
    const key = { env: 'HOLDFAST_TEST_ROUTING_KEY' }
    const plan: NotifyChannelPlan = { type: 'pagerduty', name: 'pd', key, address: url }
    const trigger = await sendOnce(plan)
    const resolve = await sendOnce(plan, { event: 'outage-over', over: true })
    expect(trigger).toMatchObject({
      ...{ routing_key: secret, event_action: 'trigger', dedup_key: 'holdfast/g/outage/east' },
      payload: { summary: 'east is down', source: 'holdfast/g', severity: 'critical' },
    })
    expect(resolve).toMatchObject({ event_action: 'resolve', dedup_key: 'holdfast/g/outage/east' })
  })

  it('is a mail that a real server takes, with the same id each time', async () => {
    const mails: string[] = []
    const smtp = new SMTPServer({
      ...{ authOptional: false, allowInsecureAuth: true, hideSTARTTLS: true },
      onAuth: (auth, _session, done) =>
        auth.password === secret ? done(null, { user: auth.username }) : done(new Error('no')),
      onData: (stream, _session, done) => {
        let text = ''
        stream.on('data', (chunk) => {
          text += chunk
        })
        stream.on('end', () => {
          mails.push(text)
          done()
        })
      },
    })
    await new Promise<void>((done) => smtp.listen(0, '127.0.0.1', () => done()))
    const { port } = smtp.server.address() as AddressInfo
    writeFileSync(join(folder, 'password'), secret)
    const plan: NotifyChannelPlan = {
      ...{ type: 'smtp', name: 'mail', server: `smtp://127.0.0.1:${port}` },
      ...{ from: 'holdfast@example.com', to: ['oncall@example.com'], user: 'holdfast' },
      password: { file: 'password' },
    }
    await sendOnce(plan)
    await sendOnce(plan)
    expect(mails).toHaveLength(2)
    for (const mail of mails) {
      expect(mail).toContain('Subject: [Holdfast] east is down')
      expect(mail).toContain('Message-ID: <k1@holdfast>')
      expect(mail).not.toContain(secret)
    }
    writeFileSync(join(folder, 'password'), 'wrong')
    await expect(sendOnce(plan)).rejects.toMatchObject({ code: 'notify.refused' })
    await new Promise<void>((done) => smtp.close(() => done()))
  }, 30_000)
})
