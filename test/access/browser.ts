/** As much of a browser as cookies and redirects need; each origin has its own jar. */
export class Browser {
  readonly cookies = new Map<string, string>()

  async get(url: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(url, { headers })
  }

  /** As a script of our own page does, unless the headers say otherwise. */
  async post(url: string, headers?: Record<string, string>, body = {}): Promise<Response> {
    const own = { origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' }
    return this.#send(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(headers ?? own) },
      body: JSON.stringify(body),
    })
  }

  /** Goes where it is sent, until `stop` or an answer that is no redirect; tells all places. */
  async follow(url: string, stop = (_next: string) => false): Promise<string[]> {
    const places = [url]
    for (let next = url; places.length < 20; ) {
      const answer = await this.get(next)
      const location = answer.headers.get('location')
      if (location === null) return places
      next = new URL(location, next).href
      places.push(next)
      if (stop(next)) return places
    }
    throw new Error(`redirected without end: ${places.join(' ')}`)
  }

  cookie(name: string): string | undefined {
    return [...this.cookies].find(([key]) => key.endsWith(` ${name}`))?.[1]
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    const { origin } = new URL(url)
    const cookie = [...this.cookies]
      .filter(([key]) => key.startsWith(`${origin} `))
      .map(([key, value]) => `${key.split(' ')[1]}=${value}`)
      .join('; ')
    const headers = { ...(init.headers as Record<string, string>), ...(cookie && { cookie }) }
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const set of answer.headers.getSetCookie()) {
      const [pair = ''] = set.split(';')
      const at = pair.indexOf('=')
      const key = `${origin} ${pair.slice(0, at)}`
      if (at === pair.length - 1) this.cookies.delete(key)
      else this.cookies.set(key, pair.slice(at + 1))
    }
    return answer
  }
}
