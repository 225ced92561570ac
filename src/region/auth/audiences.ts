/** Token audiences by plane; each is accepted with and without a trailing slash. */
export interface Audiences {
  /** ARM and the data plane of Azure Machine Learning. */
  readonly management: readonly string[]
  readonly storage: readonly string[]
  readonly vault: readonly string[]
  /** Of whoever exchanges his token for one of a container registry. */
  readonly images: readonly string[]
  /** The region's own audience alone: for its switches. */
  readonly region: readonly string[]
}

export function audiencesOf(origin: string): Audiences {
  return {
    management: [
      origin,
      'https://management.azure.com',
      'https://management.core.windows.net',
      'https://ml.azure.com',
      'https://ml.azure.localhost',
    ],
    storage: ['https://storage.azure.com'],
    vault: [
      origin,
      'https://vault.azure.net',
      'https://vault.localhost',
      `https://vault.localhost:${new URL(origin).port}`,
    ],
    images: [
      origin,
      'https://containerregistry.azure.net',
      'https://management.azure.com',
      'https://management.core.windows.net',
    ],
    region: [origin],
  }
}

export const withoutSlash = (audience: string) => audience.replace(/\/+$/, '')
