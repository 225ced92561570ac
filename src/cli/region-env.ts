import { readFileSync } from 'node:fs'
import type { CloudFile } from './local-region.ts'

export const shells = ['bash', 'pwsh', 'dotenv', 'json'] as const
export type Shell = (typeof shells)[number]

/** What Azure's and MLflow's official clients read from the environment, secrets apart. */
export function regionVariables(cloud: CloudFile, workspaceId?: string): Record<string, string> {
  return {
    AZURE_AUTHORITY_HOST: cloud.authority,
    // The tenant's other name. With it the clients do not ask Microsoft whether the authority exists.
    AZURE_TENANT_ID: 'adfs',
    AZURE_CLIENT_ID: cloud.clientId,
    ARM_CLOUD_METADATA_URL: `${cloud.resourceManager}/metadata/endpoints?api-version=2022-09-01`,
    AZUREML_CURRENT_CLOUD: 'Local',
    REGISTRY_DISCOVERY_ENDPOINT_URL: `${cloud.resourceManager}/`,
    ...(workspaceId !== undefined && {
      MLFLOW_TRACKING_URI: `${cloud.resourceManager}/mlflow/v1.0${workspaceId}`,
    }),
    NODE_EXTRA_CA_CERTS: cloud.ca,
    REQUESTS_CA_BUNDLE: cloud.caBundle,
    SSL_CERT_FILE: cloud.caBundle,
    CURL_CA_BUNDLE: cloud.caBundle,
    // Clients build host names below `localhost`, and the region's proxy knows where those are. Both
    // spellings, because the lower-case one wins where a shell has it already.
    HTTPS_PROXY: cloud.proxy,
    https_proxy: cloud.proxy,
    NO_PROXY: '127.0.0.1',
    no_proxy: '127.0.0.1',
  }
}

/**
 * The variables as text for a shell. bash and PowerShell read the secret from its file themselves, so
 * it is not printed (I9); a dotenv file can only hold it.
 */
export function renderEnvironment(
  shell: Exclude<Shell, 'json'>,
  variables: Record<string, string>,
  clientSecretFile: string,
): string {
  const { assign, secret } = forms[shell]
  const lines = Object.entries(variables).map(([name, value]) => assign(name, value))
  return [...lines, secret('AZURE_CLIENT_SECRET', clientSecretFile)].join('\n')
}

interface Form {
  assign(name: string, value: string): string
  secret(name: string, file: string): string
}

const forms: Record<Exclude<Shell, 'json'>, Form> = {
  bash: {
    assign: (name, value) => `export ${name}=${quoteBash(value)}`,
    secret: (name, file) => `export ${name}="$(cat ${quoteBash(file)})"`,
  },
  pwsh: {
    assign: (name, value) => `$env:${name} = ${quotePwsh(value)}`,
    secret: (name, file) =>
      `$env:${name} = (Get-Content -Raw -LiteralPath ${quotePwsh(file)}).Trim()`,
  },
  dotenv: {
    assign: (name, value) => `${name}=${quoteDotenv(value)}`,
    secret: (name, file) => `${name}=${readFileSync(file, 'utf8').trim()}`,
  },
}

const quoteBash = (text: string) =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
const quotePwsh = (text: string) => `'${text.replaceAll("'", "''")}'`
const quoteDotenv = (text: string) =>
  /^[\w@%+=:,./?&-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`
