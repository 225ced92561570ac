import type { FastifyInstance } from 'fastify'

/** A route as it was registered. */
export interface Route {
  readonly method: string
  readonly url: string
  /** It only says that what was asked is not offered. */
  readonly refuses: boolean
}
export type RouteList = readonly Route[]

/** Keeps a list of every route registered from now on. */
export function listRoutes(app: FastifyInstance): RouteList {
  const routes: Route[] = []
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const one of Array.isArray(method) ? method : [method])
      routes.push({ method: one, url, refuses: config?.refuses === true })
  })
  return routes
}

/** Whether a route that does something answers an operation whose path has `{names}`. */
export function answers(routes: RouteList, method: string, path: string): boolean {
  const example = path.replace(/\{(\w+)\}/g, 'x')
  return routes.some(
    (route) => !route.refuses && route.method === method && patternOf(route.url).test(example),
  )
}

function patternOf(url: string): RegExp {
  const pattern = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace('*', '.*')
    // `::` is a colon, `:name` one part of the path.
    .replace(/::/g, '\u0000')
    .replace(/:\w+/g, '[^/]+')
    .replaceAll('\u0000', ':')
  return new RegExp(`^${pattern}$`, 'i')
}

/** A route's address with `{names}`, as the facts write it. */
export const templateOf = (url: string): string =>
  url
    .replace(/::/g, '\u0000')
    .replace(/:(\w+)/g, '{$1}')
    .replaceAll('\u0000', ':')
    .replace('*', '{path}')
