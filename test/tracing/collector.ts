import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenSpan {
  readonly service: string
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  /** Empty: the first of its trace. */
  readonly parentSpanId: string
  readonly attributes: Readonly<Record<string, string>>
}

/** A real receiver of OTLP over HTTP, on loopback: it takes what an exporter sends, and keeps it. */
export interface Collector {
  readonly url: string
  readonly spans: readonly SeenSpan[]
  /** All that came, as it came. */
  readonly text: () => string
  close(): Promise<void>
}

type Value = { stringValue?: string; intValue?: number | string; doubleValue?: number }
type Pairs = { key: string; value: Value }[]
interface Export {
  resourceSpans: {
    resource: { attributes: Pairs }
    scopeSpans: {
      spans: {
        name: string
        traceId: string
        spanId: string
        parentSpanId?: string
        attributes: Pairs
      }[]
    }[]
  }[]
}

export async function startCollector(): Promise<Collector> {
  const spans: SeenSpan[] = []
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString('utf8')
    bodies.push(`${request.url} ${JSON.stringify(request.headers)} ${text}`)
    if (request.url === '/v1/traces') spans.push(...spansIn(JSON.parse(text) as Export))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    text: () => bodies.join('\n'),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function spansIn({ resourceSpans }: Export): SeenSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = plain(resource.attributes)['service.name'] ?? ''
    const found = scopeSpans.flatMap(({ spans }) => spans)
    return found.map(({ name, traceId, spanId, parentSpanId = '', attributes }) => ({
      ...{ service, name, traceId, spanId, parentSpanId, attributes: plain(attributes) },
    }))
  })
}

function plain(pairs: Pairs): Record<string, string> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => [
      key,
      String(value.stringValue ?? value.intValue ?? value.doubleValue ?? ''),
    ]),
  )
}
