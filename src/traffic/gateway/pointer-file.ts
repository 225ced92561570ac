import { join, resolve } from 'node:path'

/** Where the controller of a state directory writes the pointer of a gateway, and the gateway looks. */
export function pointerFile(stateDir: string, gateway: string): string {
  return join(resolve(stateDir), `gateway-${encodeURIComponent(gateway)}.json`)
}
