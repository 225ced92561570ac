import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/api/client.ts'
import { permissions, publicRoutes } from '../../src/api/permissions.ts'
import { type Caller, everyGroup, type Role, roleIn, roles } from '../../src/api/roles.ts'
import {
  type ScriptedController,
  startScriptedController,
} from '../../src/cli/testing/scripted-controller.ts'

/** Who calls; the token is the name. */
const callers: Record<string, Caller> = Object.fromEntries(
  [
    ...roles.map((role) => ({ name: role as string, roles: { fraud: role } as Caller['roles'] })),
    { name: 'nobody', roles: {} },
    { name: 'elsewhere', roles: { other: 'admin' } as const },
    { name: 'everywhere', roles: { [everyGroup]: 'viewer' } as const },
  ].map((caller) => [caller.name, { ...caller, id: caller.name, via: 'service-token' as const }]),
)

interface Call {
  readonly method: string
  readonly path: string
  readonly token?: string
  readonly headers?: Record<string, string>
}

/** Over a socket of its own: `fetch` would tidy the address up. Ends the answer at its head. */
function statusOf(origin: string, { method, path, token, headers = {} }: Call): Promise<number> {
  const { hostname, port } = new URL(origin)
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const call = request(
      {
        ...{ hostname, port, method, path, agent: false },
        headers: { ...authorization, ...headers },
      },
      (answer) => {
        resolve(answer.statusCode ?? 0)
        answer.destroy()
      },
    )
    call.on('error', reject)
    call.end()
  })
}

describe('who may do what', () => {
  let folder: string
  let controller: ScriptedController
  let operation: string
  let routes: readonly (readonly [method: string, url: string])[]

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-roles-'))
    controller = await startScriptedController({
      ...{ stateDir: folder, callers, server: { limits: { refused: 10_000 } } },
    })
    const api = createClient({ url: controller.url, token: controller.token })
    operation = (await api.start('fraud', 'sync')).id
    const answer = await fetch(`${controller.url}/openapi.json`, {
      headers: { authorization: `Bearer ${controller.token}` },
    })
    const { paths } = (await answer.json()) as { paths: Record<string, object> }
    routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(
        (method) => [method.toUpperCase(), path.replace(/\{(\w+)\}/g, ':$1')] as const,
      ),
    )
  })

  afterAll(async () => {
    await controller?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const pathOf = (url: string) =>
    url
      .replace('operations/:id', `operations/${operation}`)
      .replace(':group', 'fraud')
      .replace(/:\w+/, 'x')
  const expected = (caller: Caller, needed: Role | 'anyone-known') => {
    if (needed === 'anyone-known') return 'allowed'
    const has = roleIn(caller, 'fraud')
    return has !== undefined && roles.indexOf(has) >= roles.indexOf(needed) ? 'allowed' : 403
  }

  it('has a rule for every operation of the API, and no rule for others', () => {
    const ruled = Object.keys(permissions).filter((key) => key.includes(' /api/'))
    const open = [...publicRoutes].filter((key) => key.includes(' /api/'))
    expect([...ruled, ...open].sort()).toEqual(routes.map((route) => route.join(' ')).sort())
  })

  it('answers 401, 403 or the operation itself, for each operation and each caller', async () => {
    const wrong: string[] = []
    const rules: [string, Role | 'anyone-known'][] = Object.entries(permissions)
    for (const [key, needed] of rules) {
      const [method = '', url = ''] = key.split(' ')
      const call = { method, path: pathOf(url) }
      for (const token of [undefined, 'no-token-of-ours']) {
        const status = await statusOf(
          controller.url,
          token === undefined ? call : { ...call, token },
        )
        if (status !== 401) wrong.push(`${key} without a caller: ${status}`)
      }
      for (const caller of Object.values(callers)) {
        const status = await statusOf(controller.url, { ...call, token: caller.name })
        const seen = [401, 403].includes(status) ? status : 'allowed'
        const wanted = expected(caller, needed)
        if (seen !== wanted) wrong.push(`${key} as ${caller.name}: ${status}, not ${wanted}`)
      }
    }
    expect(wrong).toEqual([])
  }, 60_000)

  it('looks at the route, however its address is written', async () => {
    const ways = [
      '/%61pi/v1/status',
      '/api%2fv1/status',
      '//api/v1/status',
      '/api/v1/../v1/status',
      '/healthz/../api/v1/status',
      '/api/v1/status/',
      '/API/V1/STATUS',
      '/api/v1/status;/healthz',
      '/%6detrics',
      '/openapi%2ejson',
      `${controller.url}/api/v1/status`,
    ]
    for (const path of ways) {
      const status = await statusOf(controller.url, { method: 'GET', path })
      expect([400, 401, 404], `${path}: ${status}`).toContain(status)
    }
    expect(await statusOf(controller.url, { method: 'HEAD', path: '/api/v1/status' })).toBe(401)
  })

  it('gives a group that somebody has no role in away to nobody', async () => {
    const other = { method: 'POST', path: '/api/v1/groups/constructor/sync' }
    for (const token of ['admin', 'nobody', 'elsewhere', 'everywhere'])
      expect(await statusOf(controller.url, { ...other, token })).toBe(403)
  })

  it('serves the console and its own health to anybody', async () => {
    expect([...publicRoutes].every((route) => route.startsWith('GET '))).toBe(true)
    for (const path of ['/', '/healthz', '/readyz'])
      expect(await statusOf(controller.url, { method: 'GET', path })).toBe(200)
  })

  it('says which role is missing', async () => {
    const api = createClient({ url: controller.url, token: 'viewer' })
    await expect(api.start('fraud', 'failover')).rejects.toMatchObject({
      ...{ code: 'request.forbidden', kind: 'operator', place: 'fraud' },
      hint: expect.stringContaining("'operator'"),
    })
    expect(controller.started.map(({ type }) => type)).not.toContain('failover')
  })
})
