import { z } from 'zod'
import { address, checked, name, variable } from './plan-fields.ts'

/** What can be told of, in the order of the documentation. */
export const notifyEvents = [
  'outage-suspected',
  'outage-confirmed',
  'outage-over',
  'failover-recommended',
  'failover-decided',
  'operation-started',
  'operation-waiting',
  'operation-ended',
  'rpo-exceeded',
  'rpo-recovered',
  'readiness-lost',
  'readiness-regained',
  'drill-overdue',
  'drill-held-up',
] as const

export type NotifyEvent = (typeof notifyEvents)[number]

/** Where a secret is read when it is used; itself it never stands in the file (I9). */
const secret = z.union([z.strictObject({ env: variable }), z.strictObject({ file: name })])
export type SecretPlace = z.output<typeof secret>

const mailbox = checked(
  'bad-mailbox',
  'Write one address, for example oncall@example.com.',
  (text) => /^[^\s@<>]+@[^\s@<>]+$/.test(text),
  (text) => `'${text}' is not an address of e-mail.`,
)

const server = checked(
  'bad-mail-server',
  'Write smtps://HOST:PORT, or smtp://HOST:PORT for a server that offers STARTTLS; user and password stand beside it.',
  (text) => /^smtps?:\/\/[^/@\s?#]+$/.test(text),
  () => 'This is not the address of a mail server.',
)

const common = { name: name.optional(), events: z.array(z.enum(notifyEvents)).optional() }

const channels = {
  webhook: z.strictObject({ webhook: secret, ...common }),
  slack: z.strictObject({ slack: secret, ...common }),
  teams: z.strictObject({ teams: secret, ...common }),
  pagerduty: z.strictObject({
    pagerduty: secret,
    address: address.default('https://events.pagerduty.com/v2/enqueue'),
    ...common,
  }),
  smtp: z.strictObject({
    smtp: server,
    from: mailbox,
    to: z.array(mailbox).min(1),
    user: name.optional(),
    password: secret.optional(),
    ...common,
  }),
}

type ChannelKind = keyof typeof channels
const channelKinds = Object.keys(channels) as ChannelKind[]
export const channelBranches = Object.values(channels)
type ChannelDocument = z.output<(typeof channels)[ChannelKind]>

interface Common {
  readonly name: string
  /** Only these; absent: all. */
  readonly events?: readonly NotifyEvent[]
}

export type NotifyChannelPlan = Common &
  (
    | { readonly type: 'webhook' | 'slack' | 'teams'; readonly url: SecretPlace }
    | { readonly type: 'pagerduty'; readonly key: SecretPlace; readonly address: string }
    | {
        readonly type: 'smtp'
        readonly server: string
        readonly from: string
        readonly to: readonly string[]
        readonly user?: string
        readonly password?: SecretPlace
      }
  )

/** Each kind of channel is known by its own key. */
export function channelKindOf(channel: unknown): ChannelKind | undefined {
  if (typeof channel !== 'object' || channel === null) return undefined
  return channelKinds.find((kind) => Object.hasOwn(channel, kind))
}

export function keysOfChannel(channel: unknown): readonly string[] {
  const kind = channelKindOf(channel)
  return kind === undefined ? channelKinds : Object.keys(channels[kind].shape)
}

/** Place of the branch whose mistakes count: the one that was meant. */
export function meantChannel(channel: unknown): number {
  return channelKinds.indexOf(channelKindOf(channel) ?? 'webhook')
}

export function meantSecret(place: unknown): number {
  return typeof place === 'object' && place !== null && 'file' in place ? 1 : 0
}

export function toChannel(document: ChannelDocument): NotifyChannelPlan {
  const named = (type: ChannelKind): Common => ({
    name: document.name ?? type,
    ...(document.events === undefined ? {} : { events: document.events }),
  })
  if ('webhook' in document) return { ...named('webhook'), type: 'webhook', url: document.webhook }
  if ('slack' in document) return { ...named('slack'), type: 'slack', url: document.slack }
  if ('teams' in document) return { ...named('teams'), type: 'teams', url: document.teams }
  if ('pagerduty' in document) {
    const { pagerduty: key, address: to } = document
    return { ...named('pagerduty'), type: 'pagerduty', key, address: to }
  }
  const { smtp, from, to, user, password } = document
  return {
    ...named('smtp'),
    ...{ type: 'smtp', server: smtp, from, to },
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
  }
}
