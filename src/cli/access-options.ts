import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { AccessOptions } from '../controller/access/open-access.ts'
import { loadRoleRules } from '../controller/access/role-rules.ts'
import { HoldfastError } from '../model/errors.ts'

/** Who may call, as `holdfast controller` is told; each has an environment variable of its own. */
export interface AccessFlags {
  readonly publicUrl?: string
  readonly oidcIssuer?: string
  readonly oidcClientId?: string
  readonly oidcClientSecretFile?: string
  readonly oidcAudience?: string
  readonly oidcScopes: string
  readonly roles?: string
}

/** The secret itself is no option: command lines are seen by everybody on the machine. */
export function withAccessOptions(command: Command): Command {
  const option = (flags: string, about: string) => {
    const made = new Option(flags, about)
    return made.env(`HOLDFAST_${made.name().replaceAll('-', '_').toUpperCase()}`)
  }
  return command
    .addOption(
      option('--public-url <url>', 'address of the proxy that speaks TLS before it').argParser(
        ownAddress,
      ),
    )
    .addOption(option('--oidc-issuer <url>', 'identity provider to sign in with').argParser(issuer))
    .addOption(option('--oidc-client-id <id>', 'what it calls this controller'))
    .addOption(
      option(
        '--oidc-client-secret-file <file>',
        'holds the secret; or HOLDFAST_OIDC_CLIENT_SECRET; neither: a public client',
      ),
    )
    .addOption(option('--oidc-audience <name>', 'of bearer tokens; default: the client id'))
    .addOption(option('--oidc-scopes <scopes>', 'to ask for').default('openid profile email'))
    .addOption(option('--roles <file>', 'who of the identity provider has which role'))
}

/** Throws `usage.oidc`, `roles.*` (operator). */
export async function accessOf(flags: AccessFlags): Promise<AccessOptions> {
  const { oidcIssuer, oidcClientId, oidcAudience, oidcScopes, roles } = flags
  if (oidcIssuer === undefined && oidcClientId === undefined && roles === undefined) {
    return { rules: [] }
  }
  if (oidcIssuer === undefined || oidcClientId === undefined || roles === undefined) {
    throw new HoldfastError(
      'usage.oidc',
      'An identity provider needs --oidc-issuer, --oidc-client-id and --roles, all three.',
      { kind: 'operator', hint: 'docs/sign-in.md shows an example.' },
    )
  }
  const clientSecret = await secretOf(flags)
  return {
    provider: {
      ...{ issuer: oidcIssuer, clientId: oidcClientId, scopes: oidcScopes },
      ...{ audience: oidcAudience ?? oidcClientId },
      ...(clientSecret === undefined ? {} : { clientSecret }),
    },
    rules: await loadRoleRules(roles),
  }
}

async function secretOf({ oidcClientSecretFile: file }: AccessFlags): Promise<string | undefined> {
  if (file === undefined) return process.env.HOLDFAST_OIDC_CLIENT_SECRET
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HoldfastError('usage.oidc', `The secret file ${file} cannot be read.`, {
      ...{ kind: 'operator', place: file, cause },
    })
  })
  return text.trim()
}

function ownAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:'
  if (url !== undefined && isWeb && url.pathname === '/' && url.search === '') return url.origin
  throw new InvalidArgumentError(
    'Write an origin, e.g. https://holdfast.example.com, without a path.',
  )
}

function issuer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isLocal = url?.hostname === '127.0.0.1' || url?.hostname === 'localhost'
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return text
  throw new InvalidArgumentError('Write the issuer as the provider does: https://…')
}
