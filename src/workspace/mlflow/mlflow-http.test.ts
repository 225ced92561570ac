import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { MlflowHttp } from './mlflow-http.ts'

it('warns of no leak while many calls listen to one signal', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const http = new MlflowHttp({
    name: 'east',
    url: `http://127.0.0.1:${port}`,
    folder: '/',
    environment: {},
  })
  const ends = new AbortController()
  const { signal } = ends
  const calls = Array.from({ length: 20 }, () =>
    http.json({ method: 'GET', path: '/', place: 'here', signal, effect: 'none' }),
  )
  const ended = Promise.allSettled(calls)
  await expect.poll(() => getEventListeners(signal, 'abort').length).toBe(20)
  ends.abort()
  expect((await ended).every(({ status }) => status === 'rejected')).toBe(true)
  await http.close()
  await new Promise((resolve) => server.close(resolve))
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})
