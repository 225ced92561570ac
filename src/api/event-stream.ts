/** One message of a `text/event-stream`. */
export interface StreamMessage {
  /** The last `id:` seen so far; undefined: none yet. */
  readonly id: string | undefined
  readonly data: string
}

/** Cuts a stream of bytes into messages; comments and messages without data are left out. */
export async function* readEventStream(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<StreamMessage> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  let id: string | undefined
  let data: string[] = []
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      rest += decoder.decode(value, { stream: true })
      const lines = rest.split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) yield { id, data: data.join('\n') }
          data = []
          continue
        }
        const [, field = '', text = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? []
        if (field === 'id') id = text
        else if (field === 'data') data.push(text)
      }
    }
  } finally {
    // Whoever stops reading also ends the connection.
    await reader.cancel().catch(() => undefined)
  }
}
