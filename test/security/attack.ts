import type { Answer, Call } from '../../src/region/testing/test-region.ts'

/** How a service writes a refusal. */
export type Shape = 'azure' | 'mlflow' | 'storage' | 'http'

/** One thing that must not work. */
export interface Attack {
  readonly name: string
  send(world: World): Promise<Answer>
  readonly refused: {
    /** Any of these. */
    readonly status: readonly number[]
    readonly code?: string
    readonly shape: Shape
  }
}

/** A region with something of everything in it, and what only its owner knows. */
export interface World {
  readonly call: Call
  readonly origin: string
  readonly storageOrigin: string
  readonly caPath: string
  readonly workspaceId: string
  readonly account: string
  readonly keys: readonly [string, string]
  /** A token of another time, audience or signature than a good one. */
  forge(forgery: Forgery): Promise<string>
  token(audience: string): Promise<string>
  /** A run that exists, for the planes that write below one. */
  readonly runId: string
}

export interface Forgery {
  readonly audience: string
  readonly expiresInSeconds?: number
  readonly validInSeconds?: number
  readonly key?: 'own' | 'other' | 'public-as-secret' | 'none'
  /** Changed after signing. */
  readonly tampered?: boolean
}

/** Throws unless the answer is a refusal in the service's own shape that tells nothing inner. */
export function checkRefusal(answer: Answer, { refused }: Attack): void {
  const { status, code, shape } = refused
  const said = saidBy(answer, shape)
  if (!status.includes(answer.status))
    throw new Error(`answered ${answer.status}, not ${status}: ${JSON.stringify(answer.body)}`)
  if (code !== undefined && said.code !== code)
    throw new Error(`said ${said.code}, not ${code}: ${said.message}`)
  if (/\bat .*\.ts:\d|SQLITE|\/blobs\//.test(said.message))
    throw new Error(`tells about the inside: ${said.message}`)
}

function saidBy(
  { body, headers, status }: Answer,
  shape: Shape,
): { code: string; message: string } {
  if (shape === 'http') return { code: String(status), message: String(body) }
  if (shape === 'storage') {
    const [, code = ''] = /<Code>([^<]+)<\/Code>/.exec(String(body)) ?? []
    const [, message = ''] = /<Message>([^<]+)</.exec(String(body)) ?? []
    if (code === '' || message === '' || headers['x-ms-error-code'] !== code)
      throw new Error(`not the shape of storage: ${String(body)}`)
    return { code, message }
  }
  const { error, error_code, message } = body as Record<string, unknown>
  const said =
    shape === 'azure'
      ? (error as { code?: unknown; message?: unknown } | undefined)
      : { code: error_code, message }
  if (typeof said?.code === 'string' && typeof said.message === 'string')
    return { code: said.code, message: said.message }
  throw new Error(`not the shape of ${shape}: ${JSON.stringify(body)}`)
}
