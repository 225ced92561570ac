import { AzureError } from '../context.ts'

/** A refusal as the distribution specification names it: `MANIFEST_UNKNOWN`, `DIGEST_INVALID`, … */
export function registryError(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): AzureError {
  return new AzureError(status, code, message, undefined, headers)
}

export function registryErrorBody({ code, message, details }: AzureError): object {
  return { errors: [{ code, message, detail: details ?? null }] }
}
