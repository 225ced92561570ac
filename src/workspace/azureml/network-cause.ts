import type { TokenCredential } from '@azure/core-auth'
import type { TokenCredentialOptions } from '@azure/identity'

type Policies = NonNullable<TokenCredentialOptions['additionalPolicies']>

/**
 * The identity library drops the error of the connection: of a region that is gone it says
 * `endpoints_resolution_error`. This puts ECONNREFUSED and the like back, as the cause. For one
 * authority only: a chain of credentials asks addresses that need not be there.
 */
export function withNetworkCause(make: (policies: Policies) => TokenCredential): TokenCredential {
  let failure: unknown
  const credential = make([
    {
      position: 'perRetry',
      policy: {
        name: 'keepNetworkFailure',
        sendRequest: async (request, next) => {
          failure = undefined
          return next(request).catch((error: unknown) => {
            failure = error
            throw error
          })
        },
      },
    },
  ])
  return {
    getToken: async (...asked) => {
      try {
        return await credential.getToken(...asked)
      } catch (error) {
        if (error instanceof Error && failure !== undefined) error.cause ??= failure
        throw error
      }
    },
  }
}
