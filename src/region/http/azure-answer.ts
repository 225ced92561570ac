import { AzureError, type RegionLog } from '../context.ts'

/** Turns whatever was thrown into Azure's error answer. Unknown errors are logged, never shown. */
export function toAzureError(error: unknown, log: RegionLog): AzureError {
  if (error instanceof AzureError) return error
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown }
  const text = typeof code === 'string' ? code : ''
  if (text === 'SQLITE_FULL' || text === 'ENOSPC' || text.startsWith('SQLITE_IOERR')) {
    log.error({ code: text }, 'no room left to write')
    return new AzureError(507, 'InsufficientStorage', 'The region has no disk space left to write.')
  }
  if (text === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new AzureError(
      413,
      'RequestContentTooLarge',
      'The request content is larger than this operation accepts.',
    )
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new AzureError(400, 'InvalidRequestContent', (error as Error).message)
  log.error({ error: describe(error) }, 'unexpected error')
  return new AzureError(500, 'InternalServerError', 'The server encountered an unexpected error.')
}

export function errorBody(error: AzureError): { error: Record<string, unknown> } {
  const extra = Array.isArray(error.details) ? { details: error.details } : (error.details ?? {})
  return { error: { code: error.code, message: error.message, ...extra } }
}

export const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)
