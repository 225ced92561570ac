import type { Notification } from './notification.ts'

/** What each service wants to be sent. Pure. */

export function webhookPayload(notification: Notification): object {
  return { schema: 'holdfast/notification/v1', ...notification }
}

const colours = { critical: '#a81c1c', warning: '#b87800', info: '#0b6b3a' } as const

/** https://api.slack.com/reference/messaging/attachments */
export function slackPayload({ title, text, severity, group, at }: Notification): object {
  return {
    text: title,
    attachments: [
      {
        color: colours[severity],
        blocks: [
          {
            type: 'section',
            text: { type: 'mrkdwn', text: `*${escapeSlack(title)}*\n${escapeSlack(text)}` },
          },
          { type: 'context', elements: [{ type: 'plain_text', text: `${group}, ${at}` }] },
        ],
      },
    ],
  }
}

const escapeSlack = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const cardColours = { critical: 'attention', warning: 'warning', info: 'good' } as const

/** An adaptive card, as workflows and incoming webhooks of Teams take it. */
export function teamsPayload({ title, text, severity, group, at }: Notification): object {
  const block = (content: string, more: object = {}) => ({
    ...{ type: 'TextBlock', text: content, wrap: true },
    ...more,
  })
  const body = [
    block(title, { weight: 'bolder', size: 'medium', color: cardColours[severity] }),
    block(text),
    block(`${group}, ${at}`, { isSubtle: true, size: 'small' }),
  ]
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          ...{ type: 'AdaptiveCard', version: '1.4', body },
        },
      },
    ],
  }
}

/** Events API v2: one incident for everything of one thing, resolved when it is over. */
export function pagerdutyPayload(notification: Notification, routingKey: string): object {
  const { group, incident, over, title, severity, at, event, text, key } = notification
  return {
    routing_key: routingKey,
    event_action: over ? 'resolve' : 'trigger',
    dedup_key: `holdfast/${group}/${incident}`,
    payload: {
      ...{ summary: title.slice(0, 1024), source: `holdfast/${group}`, severity, timestamp: at },
      ...{ class: event, custom_details: { text, key } },
    },
  }
}

export function mailOf(notification: Notification) {
  const { group, title, text, at, event, key, severity } = notification
  return {
    subject: `[Holdfast] ${title}`,
    text: `${text}\n\nGroup ${group}, ${at}\nEvent ${event}, severity ${severity}\nKey ${key}\n`,
    // The same for every attempt, so that mail programs show one.
    messageId: `<${key.replaceAll(/[^\w.-]/g, '.')}@holdfast>`,
    headers: { 'X-Holdfast-Key': key },
  }
}
