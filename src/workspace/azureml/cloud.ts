import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { TokenCredential } from '@azure/core-auth'
import { z } from 'zod'
import { HoldfastError } from '../../model/errors.ts'
import { withNetworkCause } from './network-cause.ts'

/** Everything that differs between Azure's clouds and a local region: addresses, trust, credential. */
export interface Cloud {
  readonly name: string
  /** Base address of Azure Resource Manager, without trailing slash. */
  readonly resourceManager: string
  /** For which tokens of key vaults are. */
  readonly vaultAudience: string
  /** For which tokens of container registries are. */
  readonly registryAudience: string
  /** Of the login servers of container registries. */
  readonly registrySuffix: string
  /** PEM of a certificate authority to trust besides the public ones, and where it lies. */
  readonly ca?: string
  readonly caPath?: string
  /** Of a local region: where its owner switches faults. Azure has none. */
  readonly admin?: string
  /** Loaded at first use: the identity library is large. */
  credential(): Promise<TokenCredential>
}

type Addresses = Pick<
  Cloud,
  'resourceManager' | 'vaultAudience' | 'registryAudience' | 'registrySuffix'
>

const azureClouds: Readonly<Record<string, Addresses>> = {
  AzureCloud: {
    resourceManager: 'https://management.azure.com',
    vaultAudience: 'https://vault.azure.net',
    registryAudience: 'https://containerregistry.azure.net',
    registrySuffix: 'azurecr.io',
  },
  AzureUSGovernment: {
    resourceManager: 'https://management.usgovcloudapi.net',
    vaultAudience: 'https://vault.usgovcloudapi.net',
    registryAudience: 'https://management.usgovcloudapi.net',
    registrySuffix: 'azurecr.us',
  },
  AzureChinaCloud: {
    resourceManager: 'https://management.chinacloudapi.cn',
    vaultAudience: 'https://vault.azure.cn',
    registryAudience: 'https://management.chinacloudapi.cn',
    registrySuffix: 'azurecr.cn',
  },
}

const cloudFile = z.object({
  name: z.string(),
  resourceManager: z.url(),
  authority: z.url(),
  tenantId: z.string(),
  ca: z.string(),
  clientId: z.string(),
  clientSecretFile: z.string(),
  admin: z.url().optional(),
})

/**
 * An Azure cloud by name, or a local region by the path of its cloud file (relative to `folder`).
 * Throws `cloud.not-found`, `cloud.unreadable` (operator).
 */
export async function openCloud(name: string, folder: string): Promise<Cloud> {
  const known = azureClouds[name]
  if (known !== undefined) {
    return {
      name,
      ...known,
      credential: async () => {
        const { DefaultAzureCredential } = await import('@azure/identity')
        return new DefaultAzureCredential()
      },
    }
  }
  return openCloudFile(resolve(folder, name))
}

async function openCloudFile(file: string): Promise<Cloud> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HoldfastError('cloud.not-found', `there is no cloud file '${file}'`, {
      kind: 'operator',
      place: file,
      hint: 'Start the region (`holdfast region start`), or name an Azure cloud.',
      cause,
    })
  })
  const folder = dirname(file)
  try {
    const document = cloudFile.parse(JSON.parse(text))
    const caPath = resolve(folder, document.ca)
    const ca = await readFile(caPath, 'utf8')
    const secretFile = resolve(folder, document.clientSecretFile)
    return {
      name: document.name,
      resourceManager: document.resourceManager.replace(/\/$/, ''),
      vaultAudience: 'https://vault.azure.net',
      registryAudience: 'https://containerregistry.azure.net',
      registrySuffix: 'azurecr.localhost',
      ca,
      caPath,
      ...(document.admin === undefined ? {} : { admin: document.admin }),
      credential: async () => {
        const { ClientSecretCredential } = await import('@azure/identity')
        const secret = (await readFile(secretFile, 'utf8')).trim()
        return withNetworkCause(
          (additionalPolicies) =>
            new ClientSecretCredential(document.tenantId, document.clientId, secret, {
              authorityHost: document.authority,
              disableInstanceDiscovery: true,
              tlsOptions: { ca },
              retryOptions: { maxRetries: 0 },
              additionalPolicies,
            }),
        )
      },
    }
  } catch (cause) {
    throw new HoldfastError('cloud.unreadable', `the cloud file '${file}' cannot be used`, {
      kind: 'operator',
      place: file,
      hint: 'Start the region again; it writes the file anew.',
      cause,
    })
  }
}
