import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

/** What takes what it is sent, and keeps it: one of each kind that a controller tells things. */
export interface Listeners {
  /** Of the hooks; whatever stands behind it. */
  readonly origin: string
  readonly mailServer: string
  readonly hooks: readonly string[]
  readonly mails: readonly string[]
  close(): Promise<void>
}

/** `password`: what the mail server lets in. */
export async function startListeners(password: string): Promise<Listeners> {
  const hooks: string[] = []
  const mails: string[] = []
  const web = createServer(async (request, response) => {
    hooks.push(await textOf(request))
    response.writeHead(202).end()
  })
  const mail = new SMTPServer({
    ...{ authOptional: false, allowInsecureAuth: true, hideSTARTTLS: true },
    onAuth: (auth, _session, done) =>
      auth.password === password ? done(null, { user: auth.username }) : done(new Error('no')),
    onData: (stream, _session, done) => {
      textOf(stream).then((text) => {
        // Long lines are folded on the way.
        mails.push(text.replaceAll(/=\r?\n/g, ''))
        done()
      }, done)
    },
  })
  await Promise.all([
    new Promise<void>((done) => web.listen(0, '127.0.0.1', done)),
    new Promise<void>((done) => mail.listen(0, '127.0.0.1', () => done())),
  ])
  return {
    origin: `http://127.0.0.1:${portOf(web.address())}`,
    mailServer: `smtp://127.0.0.1:${portOf(mail.server.address())}`,
    hooks,
    mails,
    async close() {
      web.closeAllConnections()
      await Promise.all([
        new Promise((done) => web.close(done)),
        new Promise<void>((done) => mail.close(() => done())),
      ])
    },
  }
}

const portOf = (address: unknown) => (address as AddressInfo).port

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Reads the stream of events for as long as its controller lives; gives all that came. */
export async function readEvents(url: string, token: string): Promise<() => Promise<string>> {
  const { body } = await fetch(`${url}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const decoder = new TextDecoder()
  let text = ''
  const read = async () => {
    try {
      for await (const chunk of body ?? []) text += decoder.decode(chunk, { stream: true })
    } catch {
      // A controller that is killed breaks the stream off; what came until then counts.
    }
    return text
  }
  const ended = read()
  return () => ended
}
