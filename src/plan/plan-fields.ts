import { z } from 'zod'
import { parseDuration } from './duration.ts'

/** Fields that several parts of the plan file have. */

const azureClouds = ['AzureCloud', 'AzureUSGovernment', 'AzureChinaCloud'] as const

/** A check whose issue carries its own code and remedy, in `params`. */
export function checked(
  code: string,
  remedy: string,
  passes: (text: string) => boolean,
  message: (text: string) => string,
) {
  return z.string().superRefine((text, context) => {
    if (passes(text)) return
    context.addIssue({ code: 'custom', message: message(text), params: { code, remedy } })
  })
}

export const duration = (least: number) =>
  checked(
    'bad-duration',
    'Write a number and a unit: ms, s, m, h or d, for example 15m.',
    (text) => (parseDuration(text) ?? -1) >= least,
    (text) => `'${text}' is not a duration${least > 0 ? ' longer than nothing' : ''}.`,
  ).transform((text) => parseDuration(text) ?? 0)

export const name = z.string().min(1)

export const cloud = checked(
  'bad-cloud',
  `Write one of ${azureClouds.join(', ')}, or the path of a local region's cloud.json.`,
  (text) => (azureClouds as readonly string[]).includes(text) || /[/\\]|\.json$/.test(text),
  (text) => `'${text}' is neither an Azure cloud nor the path of a cloud file.`,
).default('AzureCloud')

/** Secrets never stand in the file (I9). What was written is not repeated: it may be one. */
export const variable = checked(
  'bad-variable',
  'Write the name of the environment variable that holds the secret, for example MY_TOKEN; never the secret itself.',
  (text) => /^[A-Z_][A-Z0-9_]{0,99}$/.test(text),
  () => 'This is not the name of an environment variable.',
)

export const address = checked(
  'bad-address',
  'Write an https:// address without credentials in it; plain http:// only on this machine.',
  isAddress,
  () => 'This is not an address that can be used.',
)

/** Anything `git clone` takes, but no password (I9). */
export const repository = checked(
  'secret-in-address',
  'Take the password out; name the environment variable that holds a token with `token:`.',
  (text) => text !== '' && !/:\/\/[^/@\s]*:[^/@\s]*@/.test(text),
  () => 'The address of the repository holds a password, or is empty.',
)

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password, search } = new URL(text)
  if (username !== '' || password !== '' || search !== '') return false
  const isLocal = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
  return protocol === 'https:' || (protocol === 'http:' && isLocal)
}
