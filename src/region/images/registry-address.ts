import { madeId } from '../arm/associated/made-id.ts'
import { asRecord } from '../arm/document.ts'
import type { ArmResource } from '../context.ts'

export const containerRegistryType = 'Microsoft.ContainerRegistry/registries'

/** Host names that mean a container registry. */
export const imageHost = /^([a-z0-9]+)\.azurecr\.localhost(?::\d+)?$/i

/** By which clients know the registry; the part before the first `/` of its images. */
export const loginServerOf = (name: string, origin: string): string =>
  `${name.toLowerCase()}.azurecr.localhost:${new URL(origin).port}`

/** Of the admin user; none while it is disabled. */
export function adminPasswords({ id, body }: ArmResource): string[] {
  const isEnabled = asRecord(body.properties).adminUserEnabled === true
  return isEnabled ? ['password', 'password2'].map((one) => madeId(id, one)) : []
}
