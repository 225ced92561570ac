import {
  type Form,
  foreign,
  hostOf,
  hostSuffix,
  isSigned,
  kept,
  lookUp,
  type Move,
  mapContainer,
  mapShare,
  same,
  unresolved,
  type Verdict,
  verdict,
} from './move.ts'

/** `https://…/container/blob` below the blob origin of either place. */
export const blobAddress: Form = (value, move) => {
  const below = (origin: string) =>
    same(value.slice(0, origin.length), origin) && /^([/?]|$)/.test(value.slice(origin.length))
  if (!/^https?:\/\//i.test(value)) return foreign
  const { from, to } = move
  const moving = below(from.blobOrigin) && !same(from.blobOrigin, to.blobOrigin)
  const shared = below(from.blobOrigin) && same(from.blobOrigin, to.blobOrigin)
  if (!moving && !shared) return below(to.blobOrigin) ? kept : accountHost(value, move)
  const rest = value.slice(from.blobOrigin.length)
  const container = /^\/([^/?#]+)/.exec(rest)?.[1]
  if (container === undefined) return verdict(value, to.blobOrigin + rest)
  const target = mapContainer(container, move)
  if (target === undefined) return unresolved('unmapped-container')
  if (isSigned(value)) return unresolved('signed-url')
  return verdict(value, `${to.blobOrigin}/${target}${rest.slice(1 + container.length)}`)
}

/** Storage addresses by host name: blob of another account, dfs and file of any. */
function accountHost(value: string, move: Move): Verdict {
  const { from, to } = move
  const local = hostSuffix(from) === undefined && same(hostOf(value), hostOf(from.blobOrigin))
  const match =
    /^(https?:\/\/)([^./]+)\.(blob|dfs|file|queue|table)\.([^/:?#\s]+(?::\d+)?)(?:\/([^/?#\s]*))?(.*)$/is.exec(
      value,
    )
  if (match === null) {
    const otherAccount =
      local && /^https?:\/\/[^/]+\/[^/]/i.test(value) && !sameOriginAsApi(value, move)
    return otherAccount ? unresolved('other-account') : foreign
  }
  const [, scheme = '', account = '', service = '', suffix = '', container, rest = ''] = match
  return moveAccount(value, account, container, move, (newAccount, newContainer) => {
    const newSuffix = same(newAccount, to.storageAccount) ? hostSuffix(to) : suffix
    if (newSuffix === undefined) {
      if (service.toLowerCase() !== 'blob') return undefined
      return `${to.blobOrigin}${newContainer === undefined ? '' : `/${newContainer}`}${rest}`
    }
    const path = newContainer === undefined ? '' : `/${newContainer}`
    return `${scheme}${newAccount}.${service}.${newSuffix}${path}${rest}`
  })
}

function sameOriginAsApi(value: string, { from }: Move): boolean {
  return same(hostOf(value), hostOf(from.apiOrigin))
}

/** `wasbs://container@account.blob.…/path` and abfss. */
export const hadoopAddress: Form = (value, move) => {
  const match = /^((?:wasb|abfs)s?:\/\/)([^@/\s]+)@([^./\s]+)\.(blob|dfs)\.([^/\s]+)(.*)$/is.exec(
    value,
  )
  if (match === null) return foreign
  const [, scheme = '', container = '', account = '', service = '', suffix = '', rest = ''] = match
  return moveAccount(value, account, container, move, (newAccount, newContainer) => {
    const newSuffix = hostSuffix(move.from) === suffix ? (hostSuffix(move.to) ?? suffix) : suffix
    return `${scheme}${newContainer ?? ''}@${newAccount}.${service}.${newSuffix}${rest}`
  })
}

function moveAccount(
  value: string,
  account: string,
  container: string | undefined,
  move: Move,
  build: (account: string, container: string | undefined) => string | undefined,
): Verdict {
  const { from, to } = move
  const mapped = lookUp(move.map.account, account)
  if (!same(account, from.storageAccount)) {
    if (same(account, to.storageAccount)) return kept
    if (Object.values(move.map.account ?? {}).some((name) => same(name, account))) return kept
    if (mapped === undefined) return unresolved('other-account')
  }
  if (isSigned(value)) return unresolved('signed-url')
  if (mapped !== undefined) {
    const result = build(mapped, container)
    return result === undefined ? unresolved('unmapped-host') : verdict(value, result)
  }
  const target = container === undefined ? undefined : mapContainer(container, move)
  if (container !== undefined && target === undefined) return unresolved('unmapped-container')
  const result = build(to.storageAccount, target)
  return result === undefined ? unresolved('unmapped-host') : verdict(value, result)
}

/** The bare GUID, the names the service derives from it, and the account's bare host. */
export const bareName: Form = (value, move) => {
  const { from, to } = move
  if (same(value, from.workspaceGuid)) return verdict(value, to.workspaceGuid)
  if (/^azureml-[a-z]+-/i.test(value)) {
    const container = Object.values(from.containers).includes(value)
    const result = container ? mapContainer(value, move) : mapShare(value, move)
    return result === undefined ? unresolved('unmapped-container') : verdict(value, result)
  }
  const host = /^([^./\s]+)\.(blob|dfs|file|queue|table)\.([^/\s]+)$/i.exec(value)
  const suffix = hostSuffix(from)
  if (host === null || suffix === undefined) return foreign
  const [, account = '', service = '', rest = ''] = host
  if (!same(account, from.storageAccount) || !same(rest, suffix)) return foreign
  const target = hostSuffix(to)
  if (target === undefined) return unresolved('unmapped-host')
  return verdict(value, `${to.storageAccount}.${service}.${target}`)
}
