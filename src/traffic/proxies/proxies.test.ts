import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { debianProgram } from '../testing/debian-program.ts'
import {
  describeTrafficContract,
  type TrafficWorld,
  targetOf,
} from '../testing/endpoint-contract.ts'
import { freePort, startProgram } from '../testing/proxy-process.ts'
import { startUpstream, type Upstream } from '../testing/upstream.ts'
import { haproxyEndpoint, haproxySnippet } from './haproxy.ts'
import { haproxyCommand } from './haproxy-runtime.ts'
import { nginxEndpoint, nginxLocation } from './nginx.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-proxy-'))
  chmodSync(made, 0o755)
  cleanUps.push(() => rmSync(made, { recursive: true, force: true }))
  return made
}

async function startMembers(): Promise<{ readonly east: Upstream; readonly west: Upstream }> {
  const [east, west] = [await startUpstream('east'), await startUpstream('west')]
  cleanUps.push(() => Promise.all([east.kill(), west.kill()]))
  return { east, west }
}

/** Who answers a new connection, and in which epoch it says so. */
async function answerOf(url: string) {
  const answer = await fetch(url, { headers: { connection: 'close' } })
  const text = await answer.text()
  const { headers, status } = answer
  const epoch = Number(headers.get('x-holdfast-epoch'))
  return { status, text, member: headers.get('x-holdfast-member') ?? '', epoch }
}

const leadsTo = (url: string) => async () => {
  const { text, member, epoch } = await answerOf(url)
  expect(text).toBe(member)
  return { member, epoch }
}

const isUp = (url: string) => async () =>
  fetch(url).then(
    async (answer) => (await answer.text()) !== undefined,
    () => false,
  )

const hostOf = ({ origin }: Upstream) => new URL(origin).host

// --- HAProxy -----------------------------------------------------------------------------------

const haproxy = debianProgram('haproxy', 'haproxy')

async function startHaproxy() {
  const members = await startMembers()
  const dir = folder()
  const [socket, map] = [join(dir, 'admin.sock'), join(dir, 'holdfast.map')]
  const port = await freePort()
  const config = join(dir, 'haproxy.cfg')
  writeFileSync(map, '')
  writeFileSync(
    config,
    `global
    stats socket ${socket} mode 600 level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend front
    bind 127.0.0.1:${port}
    default_backend members
backend members
${haproxySnippet({ name: 'scoring', map })}
    server east ${hostOf(members.east)}
    server west ${hostOf(members.west)}
`,
  )
  const url = `http://127.0.0.1:${port}/`
  const command = [haproxy ?? '', '-db', '-f', config]
  const start = async () => {
    const program = await startProgram(command, isUp(url))
    cleanUps.push(() => program.stop())
    return program
  }
  const open = () =>
    haproxyEndpoint({
      name: 'scoring',
      socket,
      map,
      servers: { east: 'east', west: 'west' },
      probe: { url },
      patienceMs: 300,
    })
  return { ...members, url, socket, map, open, start, program: await start() }
}

const noHaproxy = haproxy === undefined ? 'haproxy is not installed' : undefined

describeTrafficContract(
  'HAProxy',
  async (): Promise<TrafficWorld> => {
    const { url, socket, map, open, ...members } = await startHaproxy()
    return {
      endpoint: open(),
      another: open,
      leadsTo: leadsTo(url),
      mark: () => haproxyCommand(socket, `show map ${map}`, undefined),
      tamper: async () => {
        await haproxyCommand(socket, `set map ${map} scoring west@1`, undefined)
      },
      breakMember: async (member) => members[member].kill(),
    }
  },
  { skip: noHaproxy },
)

describe.skipIf(noHaproxy !== undefined)('HAProxy', () => {
  it('still leads there after a restart', async () => {
    const { open, program, start, url } = await startHaproxy()
    await open().switchTo({ member: 'west', epoch: 4 }, targetOf('west'))
    await program.stop()
    await start()
    expect(await answerOf(url)).toMatchObject({ member: 'west', epoch: 4 })
    await open().verify({ member: 'west', epoch: 4 })
  })

  it('says when its configuration does not know the map', async () => {
    const { socket, url } = await startHaproxy()
    const endpoint = haproxyEndpoint({
      name: 'scoring',
      socket,
      map: '/nowhere.map',
      servers: {},
      probe: { url },
      patienceMs: 0,
    })
    await expect(endpoint.current()).rejects.toMatchObject({
      code: 'traffic.refused',
      kind: 'operator',
    })
  })

  it('loses no request while it is switched under traffic', async () => {
    const { open, url } = await startHaproxy()
    await open().switchTo({ member: 'east', epoch: 1 }, targetOf('east'))
    expect(
      await lostWhileSwitching(url, () =>
        open().switchTo({ member: 'west', epoch: 2 }, targetOf('west')),
      ),
    ).toBe(0)
  })
})

/**
 * Requests that got no good answer while `change` ran, of eight callers that ask all the time, each
 * on a connection of its own: nginx closes kept-open ones at a reload.
 */
async function lostWhileSwitching(url: string, change: () => Promise<void>): Promise<number> {
  let isOver = false
  let asked = 0
  let lost = 0
  const caller = async () => {
    while (!isOver) {
      const status = await fetch(url, { headers: { connection: 'close' } }).then(
        async (answer) => (await answer.text()) && answer.status,
        () => 0,
      )
      asked += 1
      if (status !== 200) lost += 1
    }
  }
  const callers = Array.from({ length: 8 }, caller)
  await change()
  isOver = true
  await Promise.all(callers)
  expect(asked).toBeGreaterThan(8)
  return lost
}

// --- nginx -------------------------------------------------------------------------------------

const nginx = debianProgram('nginx', 'nginx')
const noNginx = nginx === undefined ? 'nginx is not installed' : undefined

async function startNginx() {
  const members = await startMembers()
  const dir = folder()
  const port = await freePort()
  const [config, snippet] = [join(dir, 'nginx.conf'), join(dir, 'holdfast-scoring.conf')]
  writeFileSync(
    config,
    `pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
worker_processes 1;
daemon off;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  include ${dir}/holdfast-*.conf;
  server {
    listen 127.0.0.1:${port};
    location = /up { return 200 "up"; }
    include ${dir}/location-*.conf;
  }
}
`,
  )
  const command = [nginx ?? '', '-p', dir, '-e', join(dir, 'error.log'), '-c', config]
  const url = `http://127.0.0.1:${port}/`
  const program = await startProgram(command, isUp(`${url}up`))
  cleanUps.push(() => program.stop())
  const open = () =>
    nginxEndpoint({
      name: 'scoring',
      snippet,
      servers: { east: hostOf(members.east), west: hostOf(members.west) },
      test: [...command, '-t'],
      reload: [...command, '-s', 'reload'],
      probe: { url },
      patienceMs: 2000,
    })
  // The location needs the variables, which are there from the first switch on.
  writeFileSync(
    join(dir, 'location-scoring.conf'),
    `location / {\n${nginxLocation('scoring', 'http')}}\n`,
  )
  return { ...members, url, snippet, open, dir }
}

describeTrafficContract(
  'nginx',
  async (): Promise<TrafficWorld> => {
    const { url, snippet, open, ...members } = await startNginx()
    return {
      endpoint: open(),
      another: open,
      leadsTo: leadsTo(url),
      mark: async () => readFileSync(snippet, 'utf8'),
      tamper: async () => {
        writeFileSync(snippet, readFileSync(snippet, 'utf8').replace('east@1', 'west@1'))
      },
      breakMember: async (member) => members[member].kill(),
    }
  },
  { skip: noNginx },
)

describe.skipIf(noNginx !== undefined)('nginx', () => {
  it('keeps the old configuration when it does not accept the new one', async () => {
    const { url, snippet, open, dir } = await startNginx()
    await open().switchTo({ member: 'east', epoch: 1 }, targetOf('east'))
    const before = readFileSync(snippet, 'utf8')
    writeFileSync(join(dir, 'holdfast-zz.conf'), 'no such directive;')
    await expect(
      open().switchTo({ member: 'west', epoch: 2 }, targetOf('west')),
    ).rejects.toMatchObject({ code: 'traffic.refused' })
    expect(readFileSync(snippet, 'utf8')).toBe(before)
    expect(await answerOf(url)).toMatchObject({ member: 'east', epoch: 1 })
    expect(existsSync(snippet)).toBe(true)
  })

  it('loses no request while it is switched under traffic', async () => {
    const { open, url } = await startNginx()
    await open().switchTo({ member: 'east', epoch: 1 }, targetOf('east'))
    expect(
      await lostWhileSwitching(url, () =>
        open().switchTo({ member: 'west', epoch: 2 }, targetOf('west')),
      ),
    ).toBe(0)
  })
})
