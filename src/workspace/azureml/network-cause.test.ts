import { ClientSecretCredential } from '@azure/identity'
import { expect, it } from 'vitest'
import { translateFailure } from './http-errors.ts'
import { withNetworkCause } from './network-cause.ts'

it('tells that nothing listens where a region was, though the identity library drops it', async () => {
  const credential = withNetworkCause(
    (additionalPolicies) =>
      new ClientSecretCredential('00000000-0000-0000-0000-000000000001', 'id', 'secret', {
        authorityHost: 'https://localhost:1',
        disableInstanceDiscovery: true,
        retryOptions: { maxRetries: 0 },
        additionalPolicies,
      }),
  )
  const failure = await credential.getToken('x/.default').catch((error: unknown) => error)
  const facts = { member: 'east', place: 'x', writes: false, signal: undefined }
  expect(translateFailure(failure, facts)).toMatchObject({
    code: 'workspace.unreachable',
    message: 'east does not answer (ECONNREFUSED)',
  })
})
