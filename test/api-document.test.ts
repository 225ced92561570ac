import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GroupStatus } from '../src/api/contract.ts'
import { apiPrefix } from '../src/api/prefix.ts'
import {
  at,
  group,
  type ScriptedController,
  startScriptedController,
} from '../src/cli/testing/scripted-controller.ts'
import { readCursor } from '../src/workspace/pages.ts'

let folder: string
let controller: ScriptedController
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-api-document-'))
  controller = await startScriptedController({ stateDir: folder })
})
afterAll(async () => {
  await controller.close()
  rmSync(folder, { recursive: true, force: true })
})

const call = (path: string, method = 'GET') =>
  fetch(`${controller.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${controller.token}` },
  })

interface Operation {
  readonly security?: readonly unknown[]
  readonly responses: Readonly<Record<string, { content?: Readonly<Record<string, unknown>> }>>
}

interface ListOperation {
  readonly parameters?: readonly { readonly name: string }[]
  readonly responses: Readonly<
    Record<
      string,
      { content?: Record<string, { schema: { properties?: Record<string, unknown> } }> }
    >
  >
}

it('describes how each operation answers and refuses, and which one asks for no token', async () => {
  const document = (await (await call('/openapi.json')).json()) as {
    openapi: string
    paths: Record<string, Record<string, Operation>>
  }
  expect(document.openapi).toMatch(/^3\.1\./)
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({ path, ...operation })),
  )
  expect(operations.length).toBeGreaterThan(40)
  for (const { path, responses } of operations) {
    expect(Object.keys(responses.default?.content ?? {}), path).toEqual([
      'application/problem+json',
    ])
    expect(
      Object.keys(responses).some((status) => status.startsWith('2')),
      path,
    ).toBe(true)
  }
  const open = operations.filter(({ security }) => security?.length === 0)
  expect(open.map(({ path }) => path)).toEqual([`${apiPrefix}/sign-in-ways`])
})

it('describes every list as read page by page, each in the same manner', async () => {
  const { paths } = (await (await call('/openapi.json')).json()) as {
    paths: Record<string, { get?: ListOperation }>
  }
  const lists = Object.entries(paths).flatMap(([path, { get }]) => {
    const answer = get?.responses['200']?.content?.['application/json']?.schema.properties
    return get !== undefined && answer?.items !== undefined ? [{ path, get, answer }] : []
  })
  expect(lists.length).toBeGreaterThan(10)
  for (const { path, get, answer } of lists) {
    const asked = (get.parameters ?? []).map(({ name }) => name)
    expect(asked, path).toEqual(expect.arrayContaining(['cursor', 'limit']))
    expect(answer.cursor, path).toMatchObject({ description: expect.stringContaining('null') })
  }
})

describe('a call that no route answers', () => {
  it.each([
    ['DELETE', 'status', 405, 'request.wrong-method', 'GET'],
    ['GET', 'groups/fraud/sync', 405, 'request.wrong-method', 'POST'],
    ['GET', 'nothing', 404, 'request.not-found', null],
  ])('%s %s: %i', async (method, path, status, code, allow) => {
    const answer = await call(`${apiPrefix}/${path}`, method)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(await answer.json()).toMatchObject({ code })
    expect(answer.headers.get('allow')?.split(', ')[0] ?? null).toBe(allow)
  })
})

it('refuses as a problem also what is no request at all, and says how to sign in', async () => {
  const { hostname, port } = new URL(controller.url)
  const answerTo = (bytes: string) =>
    new Promise<string>((resolve, reject) => {
      let text = ''
      const socket = connect(Number(port), hostname, () => void socket.write(bytes))
      socket.on('data', (chunk) => {
        text += String(chunk)
      })
      socket.on('error', reject)
      socket.on('close', () => resolve(text))
    })
  const tooLong = await answerTo(`GET /?x=${'x'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`)
  expect(tooLong).toMatch(/^HTTP\/1\.1 431 .*application\/problem\+json.*"request\.invalid"/s)
  expect(await answerTo('no http\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*problem\+json/s)
  const stranger = await fetch(`${controller.url}${apiPrefix}/status`)
  expect([stranger.status, stranger.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
})

it('answers 304 to whoever has the answer already, and anew when it changed', async () => {
  const path = `${controller.url}${apiPrefix}/groups/fraud/jobs`
  const authorization = `Bearer ${controller.token}`
  const first = await fetch(path, { headers: { authorization } })
  const tag = first.headers.get('etag') ?? ''
  expect(tag).toMatch(/^W\/"/)
  const ask = (tags: string) => fetch(path, { headers: { authorization, 'if-none-match': tags } })
  const again = await ask(`W/"other", ${tag}`)
  expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', tag])
  expect((await ask('W/"other"')).status).toBe(200)
})

it('does not take the time, nor a lag that grows with it, for a change of the status', async () => {
  let second = 0
  let lagMs: number | null = 0
  let change: Partial<GroupStatus> = {}
  const stateDir = join(folder, 'clock')
  const ticking = await startScriptedController({
    stateDir,
    service: {
      status: async () => {
        second += 1
        if (lagMs !== null) lagMs += 1000
        return { version: '0', now: at(second), groups: [{ ...group, lagMs, ...change }] }
      },
    },
  })
  const headers = { authorization: `Bearer ${ticking.token}` }
  const ask = async (tag: string) => {
    const url = `${ticking.url}${apiPrefix}/status`
    const answer = await fetch(url, { headers: { ...headers, 'if-none-match': tag } })
    return { status: answer.status, tag: answer.headers.get('etag') ?? '' }
  }
  try {
    const { tag } = await ask('')
    expect(await ask(tag)).toEqual({ status: 304, tag })
    lagMs = null
    const unknown = await ask(tag)
    expect(unknown.status).toBe(200)
    change = { replicationPoint: at(30) }
    expect((await ask(unknown.tag)).status).toBe(200)
  } finally {
    await ticking.close()
  }
})

it.each(['', '{', '42', '{"ids":1}'])('refuses the cursor %j', (cursor) => {
  const read = () => readCursor<{ ids?: string[] }>(cursor, ['ids'])
  expect(read).toThrow(expect.objectContaining({ code: 'cursor.malformed' }))
})

it.each(['', '0', '0x10', '1e1', ' 1', '1.5', '-1', '1001'])(
  'refuses the limit %j',
  async (limit) => {
    const path = `${apiPrefix}/groups/fraud/objects?limit=${encodeURIComponent(limit)}`
    expect((await call(path)).status).toBe(400)
  },
)

it('says whether it lives and whether it is ready, without a token', async () => {
  for (const [path, body] of [
    ['/healthz', { alive: true }],
    ['/readyz', { ready: true }],
  ] as const) {
    const answer = await fetch(`${controller.url}${path}`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual(body)
  }
})
