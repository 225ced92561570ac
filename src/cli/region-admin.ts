import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import { HoldfastError } from '../model/errors.ts'
import { readCloudFile } from './local-region.ts'

/** The switches of one running region, asked as its owner. */
export interface RegionAdmin {
  /** The answer's body; undefined when it has none. */
  call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>
  close(): Promise<void>
}

export async function openRegionAdmin(dataDir: string): Promise<RegionAdmin> {
  const cloud = readCloudFile(dataDir)
  const agent = new Agent({ connect: { ca: readFileSync(cloud.ca, 'utf8') } })
  const send = async (url: string, options: Parameters<typeof request>[1]) => {
    const answer = await request(url, { ...options, dispatcher: agent }).catch((cause: unknown) => {
      throw new HoldfastError('region.not-running', `Region ${cloud.name} does not answer.`, {
        kind: 'operator',
        place: cloud.resourceManager,
        hint: `Start it: holdfast region start --name ${cloud.name} --data ${dataDir}`,
        cause,
      })
    })
    const text = await answer.body.text()
    return {
      status: answer.statusCode,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    }
  }
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: cloud.clientId,
    client_secret: readFileSync(cloud.clientSecretFile, 'utf8').trim(),
    scope: `${cloud.resourceManager}/.default`,
  })
  const signIn = await send(`${cloud.authority}/${cloud.tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `${form}`,
  })
  const { access_token: token } = signIn.body as { access_token?: string }
  return {
    close: () => agent.close(),
    async call(method, path, body) {
      const answer = await send(`${cloud.admin}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      })
      if (answer.status < 400) return answer.body
      const { error } = answer.body as { error: { code: string; message: string } }
      throw new HoldfastError('region.refused', error.message, {
        kind: 'operator',
        place: `region ${cloud.name}`,
        hint: 'See what it takes: holdfast region fault add --help',
      })
    },
  }
}
