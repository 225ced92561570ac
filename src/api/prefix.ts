/** Apart from the schemas, so that the console need not load the validator. */
export const apiPrefix = '/api/v1'
