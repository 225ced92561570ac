import { AzureError } from '../context.ts'

/**
 * Errors of the Blob service, by the code that clients compare. Thrown as `AzureError`; the server
 * writes them in the storage XML shape rather than ARM's JSON.
 */
const known = {
  AccountNotFound: [404, 'The specified account does not exist.'],
  AuthenticationFailed: [403, 'Server failed to authenticate the request.'],
  AuthorizationPermissionMismatch: [
    403,
    'This request is not authorized to perform this operation using this permission.',
  ],
  AuthorizationProtocolMismatch: [
    403,
    'This request is not authorized to perform this operation using this protocol.',
  ],
  AuthorizationSourceIPMismatch: [
    403,
    'This request is not authorized to perform this operation using this source IP.',
  ],
  AuthorizationServiceMismatch: [
    403,
    'This request is not authorized to perform this operation using this service.',
  ],
  AuthorizationResourceTypeMismatch: [
    403,
    'This request is not authorized to perform this operation using this resource type.',
  ],
  BlobAlreadyExists: [409, 'The specified blob already exists.'],
  BlobNotFound: [404, 'The specified blob does not exist.'],
  CannotVerifyCopySource: [404, 'The copy source cannot be read.'],
  ConditionNotMet: [412, 'The condition specified using HTTP conditional header(s) is not met.'],
  ContainerAlreadyExists: [409, 'The specified container already exists.'],
  ContainerNotFound: [404, 'The specified container does not exist.'],
  DirectoryNotEmpty: [409, 'The specified directory is not empty.'],
  ParentNotFound: [404, 'The specified parent path does not exist.'],
  RequestBodyTooLarge: [413, 'The size of the request body exceeds the maximum size permitted.'],
  ResourceAlreadyExists: [409, 'The specified resource already exists.'],
  ResourceNotFound: [404, 'The specified resource does not exist.'],
  ResourceTypeMismatch: [409, 'The specified resource type does not match the existing resource.'],
  ShareAlreadyExists: [409, 'The specified share already exists.'],
  ShareNotFound: [404, 'The specified share does not exist.'],
  Crc64Mismatch: [
    400,
    'The CRC64 value specified in the request did not match with the CRC64 value calculated by the server.',
  ],
  IncompleteBody: [400, 'The request body ended before the announced length.'],
  InsufficientStorage: [507, 'The storage of this region is full; nothing was stored.'],
  InternalError: [500, 'The server encountered an internal error.'],
  InvalidBlockId: [
    400,
    'The specified block ID is invalid. The block ID must be Base64-encoded, at most 64 bytes.',
  ],
  InvalidBlockList: [400, 'The specified block list is invalid.'],
  InvalidHeaderValue: [400, 'The value for one of the HTTP headers is not in the correct format.'],
  InvalidMetadata: [400, 'The metadata specified is invalid. It has characters not permitted.'],
  InvalidQueryParameterValue: [400, 'The value of a query parameter is invalid.'],
  InvalidRange: [416, 'The range specified is invalid for the current size of the resource.'],
  InvalidResourceName: [400, 'The specified resource name contains invalid characters.'],
  InvalidUri: [400, 'The requested URI does not represent any resource on the server.'],
  InvalidXmlDocument: [400, 'XML specified is not syntactically valid.'],
  LeaseAlreadyBroken: [409, 'The lease has already been broken and cannot be broken again.'],
  LeaseAlreadyPresent: [409, 'There is already a lease present.'],
  LeaseIdMismatchWithBlobOperation: [
    412,
    'The lease ID specified did not match the lease ID for the blob.',
  ],
  LeaseIdMismatchWithLeaseOperation: [
    409,
    'The lease ID specified did not match the lease ID for the blob.',
  ],
  LeaseIdMissing: [412, 'There is currently a lease on the blob and no lease ID was specified.'],
  LeaseIsBreakingAndCannotBeAcquired: [
    409,
    'The lease ID matched, but the lease is currently in breaking state and cannot be acquired until it is broken.',
  ],
  LeaseIsBreakingAndCannotBeChanged: [
    409,
    'The lease ID matched, but the lease is currently in breaking state and cannot be changed.',
  ],
  LeaseIsBrokenAndCannotBeRenewed: [
    409,
    'The lease ID matched, but the lease has been broken explicitly and cannot be renewed.',
  ],
  LeaseLost: [412, 'A lease ID was specified, but the lease for the blob has expired.'],
  LeaseNotPresentWithBlobOperation: [412, 'There is currently no lease on the blob.'],
  LeaseNotPresentWithLeaseOperation: [409, 'There is currently no lease on the blob.'],
  Md5Mismatch: [
    400,
    'The MD5 value specified in the request did not match with the MD5 value calculated by the server.',
  ],
  MissingContentLengthHeader: [411, 'The Content-Length header was not specified.'],
  MissingRequiredHeader: [400, 'An HTTP header that is mandatory for this request is missing.'],
  NoAuthenticationInformation: [
    401,
    'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.',
  ],
  NoPendingCopyOperation: [409, 'There is currently no pending copy operation.'],
  NotImplemented: [501, 'This region does not offer the requested operation.'],
  OperationNotAllowedOnRootBlob: [
    403,
    'The requested operation is not allowed on the root blob: delete it without its version.',
  ],
  PermanentDeleteNotAllowed: [
    403,
    'The account does not allow that soft-deleted data is deleted permanently.',
  ],
  SnapshotsPresent: [409, 'This operation is not permitted because the blob has snapshots.'],
  SourceConditionNotMet: [412, 'The source condition specified using HTTP headers is not met.'],
  UnsupportedHttpVerb: [405, 'The resource does not support the specified HTTP verb.'],
} as const satisfies Record<string, readonly [number, string]>

export type StorageErrorCode = keyof typeof known

export function storageError(
  code: StorageErrorCode,
  message?: string,
  options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): AzureError {
  const [status, text] = known[code]
  return new AzureError(
    options.status ?? status,
    code,
    message ?? text,
    undefined,
    options.headers ?? {},
  )
}
