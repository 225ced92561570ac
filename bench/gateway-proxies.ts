import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gatewayEndpoint } from '../src/traffic/gateway/gateway-endpoint.ts'
import { pointerFile } from '../src/traffic/gateway/pointer-file.ts'
import { haproxyEndpoint, haproxySnippet } from '../src/traffic/proxies/haproxy.ts'
import { nginxEndpoint, nginxLocation, nginxSnippet } from '../src/traffic/proxies/nginx.ts'
import type { StableEndpoint } from '../src/traffic/stable-endpoint.ts'
import { debianProgram } from '../src/traffic/testing/debian-program.ts'
import { freePort, startProgram } from '../src/traffic/testing/proxy-process.ts'

/** Callers bring a key, as they do to a scoring endpoint; only the gateway has work with it. */
export const callerHeaders = {
  authorization: 'Bearer west-key-1',
  accept: 'application/json',
  'user-agent': 'bench',
}

/** Cores: what is measured has one of its own, as far as the machine has two. */
const proxyCore = '0'
const otherCore = '1'

export interface RunningProcess {
  readonly pid: number
  stop(): Promise<void>
}

export interface MeasuredProxy extends RunningProcess {
  readonly name: string
  readonly url: string
  readonly endpoint: StableEndpoint
}

export interface Upstream extends RunningProcess {
  readonly name: 'east' | 'west'
  readonly origin: string
  kill(): void
}

export interface Programs {
  readonly haproxy: string
  readonly nginx: string
  readonly wrk: string
}

/** Throws with what to install: figures without the peers beside them would say nothing. */
export function requirePrograms(): Programs {
  const found = {
    haproxy: debianProgram('haproxy', 'haproxy'),
    nginx: debianProgram('nginx', 'nginx'),
    wrk: debianProgram('wrk', 'wrk'),
  }
  const missing = Object.entries(found).filter(([, path]) => path === undefined)
  if (missing.length === 0) return found as Programs
  const names = missing.map(([name]) => name).join(' ')
  throw new Error(`The gateway is measured beside HAProxy and nginx: apt-get install ${names}`)
}

export const pinned = (core: 'proxy' | 'other', command: readonly string[]): string[] => [
  'taskset',
  '-c',
  core === 'proxy' ? proxyCore : otherCore,
  ...command,
]

const isUp = (url: string) => async () =>
  fetch(url).then(
    async (answer) => (await answer.text()) !== undefined,
    () => false,
  )

function nginxConfig(dir: string, http: string): string {
  mkdirSync(dir, { recursive: true })
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${dir}/${name};\n`)
    .join('')
  const file = join(dir, 'nginx.conf')
  writeFileSync(
    file,
    `pid ${dir}/nginx.pid;\nerror_log ${dir}/error.log;\nworker_processes 1;\ndaemon off;\nevents { worker_connections 4096; }\nhttp {\n  access_log off;\n  keepalive_requests 1000000;\n${paths}${http}}\n`,
  )
  return file
}

/** A member's scoring endpoint: nginx with a constant answer of 2 kB, as fast as it gets. */
export async function startUpstream(
  { nginx }: Programs,
  dir: string,
  name: Upstream['name'],
): Promise<Upstream> {
  const folder = join(dir, name)
  const port = await freePort()
  const body = JSON.stringify({ member: name, scores: Array.from({ length: 300 }, (_, i) => i) })
  const file = nginxConfig(
    folder,
    `  server {\n    listen 127.0.0.1:${port};\n    location / { default_type application/json; return 200 '${body}'; }\n  }\n`,
  )
  const origin = `http://127.0.0.1:${port}`
  const command = [nginx, '-p', folder, '-e', join(folder, 'error.log'), '-c', file]
  const program = await startProgram(pinned('other', command), isUp(`${origin}/`))
  return {
    ...program,
    name,
    origin,
    kill() {
      // The master first: it would start a new worker in the place of a dead one.
      for (const pid of [program.pid, ...childrenOf(program.pid)]) process.kill(pid, 'SIGKILL')
    },
  }
}

export async function startHaproxy(
  { haproxy }: Programs,
  dir: string,
  upstreams: readonly Upstream[],
): Promise<MeasuredProxy> {
  const folder = join(dir, 'haproxy')
  mkdirSync(folder)
  const [map, socket, file] = [`${folder}/a.map`, `${folder}/a.sock`, `${folder}/a.cfg`]
  const port = await freePort()
  const servers = upstreams
    .map(({ name, origin }) => `    server ${name} ${new URL(origin).host}\n`)
    .join('')
  writeFileSync(map, '')
  writeFileSync(
    file,
    `global
    nbthread 1
    maxconn 4096
    stats socket ${socket} level admin
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
frontend front
    bind 127.0.0.1:${port}
    default_backend members
backend members
${haproxySnippet({ name: 'scoring', map }).replace('retry-on conn-failure', 'retry-on conn-failure empty-response')}${servers}`,
  )
  const url = `http://127.0.0.1:${port}/score`
  const program = await startProgram(pinned('proxy', [haproxy, '-db', '-f', file]), isUp(url))
  const endpoint = haproxyEndpoint({
    name: 'scoring',
    socket,
    map,
    servers: { east: 'east', west: 'west' },
    probe: { url },
    patienceMs: 5000,
  })
  return { ...program, name: 'HAProxy', url, endpoint }
}

export async function startNginx(
  { nginx }: Programs,
  dir: string,
  upstreams: readonly Upstream[],
): Promise<MeasuredProxy> {
  const folder = join(dir, 'nginx')
  const port = await freePort()
  const servers = Object.fromEntries(
    upstreams.map(({ name, origin }) => [name, new URL(origin).host]),
  )
  const snippet = join(folder, 'holdfast-scoring.conf')
  const file = nginxConfig(
    folder,
    `  include ${folder}/holdfast-*.conf;\n  server {\n    listen 127.0.0.1:${port};\n    location / {\n${nginxLocation('scoring', 'http')}    }\n  }\n`,
  )
  const first = { member: 'east', epoch: 0 }
  writeFileSync(snippet, nginxSnippet({ name: 'scoring', servers }, first))
  const url = `http://127.0.0.1:${port}/score`
  const command = [nginx, '-p', folder, '-e', join(folder, 'error.log'), '-c', file]
  const program = await startProgram(pinned('proxy', command), isUp(url))
  const endpoint = nginxEndpoint({
    name: 'scoring',
    snippet,
    servers,
    test: [...command, '-t'],
    reload: [...command, '-s', 'reload'],
    probe: { url },
    patienceMs: 5000,
  })
  return { ...program, name: 'nginx', url, endpoint }
}

const holdfast = fileURLToPath(new URL('../dist/holdfast.js', import.meta.url))
const workspaceOf = (member: string) =>
  `/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/${member}`

/** The gateway as users run it: `holdfast gateway` of the built program. */
export async function startGateway(
  dir: string,
  upstreams: readonly Upstream[],
): Promise<MeasuredProxy> {
  const folder = join(dir, 'gateway')
  mkdirSync(folder)
  const port = await freePort()
  const plan = join(folder, 'continuity.yaml')
  const members = upstreams.map(({ name }) => `  ${name}: { workspace: "${workspaceOf(name)}" }\n`)
  writeFileSync(
    plan,
    `group: bench\nmembers:\n${members.join('').replace(' }', ', role: primary }')}endpoints:\n  - { gateway: scoring, listen: "127.0.0.1:${port}" }\n`,
  )
  const state = join(folder, 'state')
  mkdirSync(state)
  const routes = (name: string) => {
    const { origin = '' } = upstreams.find((upstream) => upstream.name === name) ?? {}
    return { hot: { scoringUri: `${origin}/score`, keys: [`${name}-key-1`, `${name}-key-2`] } }
  }
  const address = `http://127.0.0.1:${port}`
  const driver = gatewayEndpoint({
    name: 'scoring',
    group: 'bench',
    pointerFile: pointerFile(state, 'scoring'),
    address,
    isRepeatable: () => true,
    readEndpoints: async (member) => routes(member),
  })
  // The bench speaks for two workspaces that it has no need to have.
  const endpoint: StableEndpoint = {
    ...driver,
    async switchTo(pointer, target, options) {
      await driver.switchTo(pointer, target, options)
      for (const { name, origin } of upstreams) {
        const member = {
          workspaceId: workspaceOf(name),
          apiOrigin: origin,
          endpoints: routes(name),
        }
        await driver.publish(name, member)
      }
    },
  }
  const command = [process.execPath, holdfast, 'gateway', '--plan', plan, '--state', state]
  const program = await startProgram(pinned('proxy', command), isUp(`${address}/_gateway/status`))
  return { ...program, name: 'gateway', url: `${address}/endpoints/hot/score`, endpoint }
}

// --- what a process used -----------------------------------------------------------------------

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
  return stdout.split('\n').map(Number).filter(Boolean)
}

/** Of the process and its workers. */
export function usageOf({ pid }: RunningProcess): { cpuSeconds: number; memoryMb: number } {
  const used = [pid, ...childrenOf(pid)].map((each) => {
    const fields = readFileSync(`/proc/${each}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    const [, kb = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${each}/status`, 'utf8')) ?? []
    // utime and stime, in ticks of 10 ms.
    return { ticks: Number(fields[11]) + Number(fields[12]), kb: Number(kb) }
  })
  const sum = (key: 'ticks' | 'kb') => used.reduce((total, each) => total + each[key], 0)
  return { cpuSeconds: sum('ticks') / 100, memoryMb: sum('kb') / 1024 }
}
