import { createTransport } from 'nodemailer'
import { request } from 'undici'
import { HoldfastError, isHoldfastError } from '../model/errors.ts'
import type { NotifyChannelPlan } from '../plan/notify-schema.ts'
import type { Notification } from './notification.ts'
import { mailOf, pagerdutyPayload, slackPayload, teamsPayload, webhookPayload } from './payloads.ts'
import { readSecret } from './secret-place.ts'

export interface Channel {
  readonly name: string
  /**
   * Resolves when the service took it. Throws `notify.no-secret`, `notify.refused`,
   * `notify.no-answer`; no message of theirs holds an address, an answer or a secret (I9).
   */
  send(notification: Notification, signal: AbortSignal): Promise<void>
}

type Sender = (notification: Notification, signal: AbortSignal) => Promise<void>

/** `folder`: where relative paths of the plan start. */
export function openChannel(plan: NotifyChannelPlan, folder: string): Channel {
  const send = senderOf(plan, folder)
  return {
    name: plan.name,
    send: async (notification, signal) => {
      try {
        await send(notification, signal)
      } catch (error) {
        throw withoutSecrets(error)
      }
    },
  }
}

function senderOf(plan: NotifyChannelPlan, folder: string): Sender {
  switch (plan.type) {
    case 'webhook':
    case 'slack':
    case 'teams': {
      const payload = { webhook: webhookPayload, slack: slackPayload, teams: teamsPayload }
      return async (notification, signal) =>
        post(await readSecret(plan.url, folder), payload[plan.type](notification), {
          ...{ key: notification.key, signal },
        })
    }
    case 'pagerduty':
      return async (notification, signal) => {
        const key = await readSecret(plan.key, folder)
        const body = pagerdutyPayload(notification, key)
        await post(plan.address, body, { key: notification.key, signal })
      }
    case 'smtp':
      return (notification, signal) => mail(plan, folder, notification, signal)
    default:
      return plan satisfies never
  }
}

async function post(
  url: string,
  body: object,
  { key, signal }: { readonly key: string; readonly signal: AbortSignal },
): Promise<void> {
  const answer = await request(url, {
    ...{ method: 'POST', signal, body: JSON.stringify(body) },
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
  })
  // What it answers may repeat what it was sent.
  await answer.body.dump()
  if (answer.statusCode < 300) return
  throw new HoldfastError('notify.refused', `It answered ${answer.statusCode}.`)
}

async function mail(
  plan: Extract<NotifyChannelPlan, { type: 'smtp' }>,
  folder: string,
  notification: Notification,
  signal: AbortSignal,
): Promise<void> {
  const { protocol, hostname, port } = new URL(plan.server)
  const secure = protocol === 'smtps:'
  const { user, password } = plan
  const auth =
    user === undefined || password === undefined
      ? {}
      : { auth: { user, pass: await readSecret(password, folder) } }
  const isLocal = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
  const transport = createTransport({
    ...{
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || (secure ? 465 : 587)),
      secure,
    },
    // Across a network neither the password nor the news goes in the clear.
    requireTLS: !secure && !isLocal,
    ...auth,
  })
  const stop = () => transport.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const { from, to } = plan
    await untilAborted(signal, transport.sendMail({ from, to: [...to], ...mailOf(notification) }))
  } finally {
    signal.removeEventListener('abort', stop)
    transport.close()
  }
}

function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((done, fail) => {
    signal.addEventListener('abort', () => fail(signal.reason), { once: true })
    work.then(done, fail)
  })
}

/** Libraries put addresses and answers into their messages; a code says enough. */
function withoutSecrets(error: unknown): HoldfastError {
  if (isHoldfastError(error)) return error
  const { code, responseCode, name } = error as Record<string, unknown>
  if (typeof responseCode === 'number') {
    return new HoldfastError('notify.refused', `It answered ${responseCode}.`)
  }
  const why = typeof code === 'string' ? code : name === 'TimeoutError' ? 'time-out' : 'unknown'
  return new HoldfastError('notify.no-answer', `It could not be reached (${why}).`, {
    kind: 'transient',
  })
}
