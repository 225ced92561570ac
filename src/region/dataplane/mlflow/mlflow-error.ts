import type { AzureError, RegionLog } from '../../context.ts'
import { errorBody, toAzureError } from '../../http/azure-answer.ts'

/** Error codes of MLflow and the HTTP statuses MLflow gives them. */
const statuses = {
  INVALID_PARAMETER_VALUE: 400,
  RESOURCE_ALREADY_EXISTS: 400,
  BAD_REQUEST: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_DOES_NOT_EXIST: 404,
  RESOURCE_CONFLICT: 409,
  REQUEST_LIMIT_EXCEEDED: 429,
  INTERNAL_ERROR: 500,
  NOT_IMPLEMENTED: 501,
  TEMPORARILY_UNAVAILABLE: 503,
} as const
export type MlflowCode = keyof typeof statuses

/** Becomes MLflow's error answer `{error_code, message}`. */
export class MlflowError extends Error {
  readonly code: MlflowCode
  constructor(code: MlflowCode, message: string) {
    super(message)
    this.code = code
  }
}
export const invalid = (message: string) => new MlflowError('INVALID_PARAMETER_VALUE', message)
export const missing = (message: string) => new MlflowError('RESOURCE_DOES_NOT_EXIST', message)

/** Whatever was thrown, in MLflow's shape; Azure's own shape stands beside it where it was one. */
export function mlflowAnswer(
  error: unknown,
  log: RegionLog,
): { status: number; headers: Readonly<Record<string, string>>; body: object } {
  if (error instanceof MlflowError) {
    const body = { error_code: error.code, message: error.message }
    return { status: statuses[error.code], headers: {}, body }
  }
  const azure = toAzureError(error, log)
  return {
    status: azure.status,
    headers: azure.headers,
    body: { error_code: codeOf(azure), message: azure.message, ...errorBody(azure) },
  }
}

function codeOf({ status }: AzureError): MlflowCode {
  if (status === 400) return 'INVALID_PARAMETER_VALUE'
  const known = Object.entries(statuses).find(([, value]) => value === status)
  return (known?.[0] as MlflowCode | undefined) ?? (status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR')
}
