import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ScriptedController,
  startScriptedController,
} from '../../src/cli/testing/scripted-controller.ts'
import { accessMigrations, openAccess } from '../../src/controller/access/open-access.ts'
import type { RoleRule } from '../../src/controller/access/role-rules.ts'
import { type ServiceTokens, serviceTokens } from '../../src/controller/access/service-tokens.ts'
import type { ServerOptions } from '../../src/controller/http/server.ts'
import type { ControllerService } from '../../src/controller/service.ts'
import { type Database, migrate, openDatabase } from '../../src/store/database.ts'
import { startProvider, type TestProvider } from './provider.ts'

export const rules: readonly RoleRule[] = [
  { group: 'fraud', role: 'operator', claim: 'groups', is: 'oncall' },
  { group: '*', role: 'viewer', claim: 'groups', is: 'staff' },
  { group: 'fraud', role: 'admin', claim: 'email', is: 'boss@example.com' },
]

/** The real server, stores and identity provider; only what the operations do is scripted. */
export interface AccessScene {
  readonly url: string
  readonly token: string
  readonly controller: ScriptedController
  readonly provider: TestProvider
  readonly database: Database
  readonly tokens: ServiceTokens
  /** Lets this much time go by. */
  pass(ms: number): void
  end(): Promise<void>
}

export async function setAccessScene(
  server: Partial<ServerOptions> = {},
  service: Partial<ControllerService> = {},
): Promise<AccessScene> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-access-'))
  let passedMs = 0
  const clock = () => new Date(Date.now() + passedMs)
  const database = await openDatabase({ stateDir: join(folder, 'state') })
  await migrate(database, accessMigrations)
  const provider = await startProvider()
  const tokens = serviceTokens(database, clock)
  const { issuer, clientId, clientSecret } = provider
  const audience = 'holdfast-api'
  const scopes = 'openid profile email'
  const known = openAccess(
    { provider: { issuer, clientId, clientSecret, audience, scopes }, rules },
    { database, clock, tokens, localToken: 'token-of-the-test' },
  )
  const controller = await startScriptedController({
    stateDir: join(folder, 'note'),
    ...{ tokens, service },
    server: { ...known, clock, limits: { refused: 10_000, signIn: 10_000 }, ...server },
  })
  provider.serve(`${controller.url}/sign-in/callback`, `${controller.url}/`)
  return {
    ...{ url: controller.url, token: controller.token, controller, provider, database, tokens },
    pass: (ms) => {
      passedMs += ms
    },
    end: async () => {
      await controller.close()
      await provider.close()
      await database.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What a test looks at of a JSON answer. */
export async function documentOf(
  answer: Response,
): Promise<{ readonly code?: string; readonly url?: string | null }> {
  return (await answer.json()) as { code?: string; url?: string | null }
}
